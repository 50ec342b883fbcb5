"""Codes from a file: .npz, .parquet or .csv, of which nothing is run and nothing believed.

Vectors are one column of lists, or numeric columns of one name and a number each (`mu_1`, `mu_2`,
…). Paths or bytes of images are a column called image, file, path and the like; all other columns
are what is known of each code.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data.given.codes import (
    MAX_CODE_BYTES,
    MAX_LATENT_DIM,
    Codes,
    given_codes,
    with_columns,
)
from vae_core.data.given.thumbnails import MAX_PIXEL_BYTES, from_paths, pictures
from vae_core.data.texts import one_line, packed_texts
from vae_core.errors import DataError
from vae_core.files.arrays import open_arrays
from vae_core.files.atomic import open_ordinary
from vae_core.files.delimited import written

ENDINGS = (".npz", ".parquet", ".csv")
MAX_FILE_BYTES = 2 << 30
MAX_ROWS = 1_000_000
VECTORS = ("mu", "codes", "code", "z", "latents", "latent", "embeddings", "embedding", "vector")
PICTURES = ("images", "image", "thumbnails", "thumbnail")
PLACES = (*PICTURES, "file", "files", "filename", "file_name", "path", "image_path")
OURS = {"index", "indices", "kl", "reconstruction", "log_px_given_mu", "kl_terms"}  # of `encode`
_NUMBERED = re.compile(r"(.*?)[ _.\-]?(\d+)")
_BATCH = 4096
# A list as Python prints it, and what it prints around numbers of NumPy's and torch's.
_LIST = re.compile(r"\s*(array\(|tensor\()?\[")
_TYPE = re.compile(r",\s*(dtype|device)=[^,)]*")
_WRAPPED = re.compile(r"(np\.)?(float|int)\d*\(|array\(|tensor\(|[\[\](),]")

Columns = dict[str, np.ndarray]


def read_codes(path: Path) -> Codes:
    """The codes in a file, with images, labels and columns; DataError where there are none."""
    if path.suffix.lower() == ".npz":
        return _of_arrays(path)
    if path.suffix.lower() == ".parquet":
        return _of_table(path, _parquet(path))
    if path.suffix.lower() == ".csv":
        columns, above = _csv(path)
        found = _of_table(path, columns)
        return replace(found, left_out=(*above, *found.left_out))
    raise DataError(f"{path.name} is none of {', '.join(ENDINGS)}; codes are read from those.")


def _of_arrays(path: Path) -> Codes:
    with open_arrays(path, path.name) as archive:
        if archive.refused:
            raise DataError(
                f"{path.name}: {archive.refused[0][:80]} holds Python objects, which are never "
                "unpickled; save it as an array of numbers, or of text."
            )
        shapes = {name: entry.shape for name, entry in archive.entries.items()}
        vectors = _named(shapes, VECTORS) or _only(path, archive.entries)
        columns = {
            name: archive.read(name, MAX_PIXEL_BYTES if len(shape) > 2 else MAX_CODE_BYTES)
            for name, shape in shapes.items()
            if shape[:1] == shapes[vectors][:1]
        }
    codes, logvar = columns.pop(vectors), columns.pop("logvar", None)
    drawn = [name for name in _all_named(columns, PICTURES) if columns[name].ndim > 1]
    images = columns.pop(drawn[0]) if drawn else None
    wide = [name for name, column in columns.items() if column.ndim == 2]
    for name in wide:  # one for each factor, as `encode` writes them
        table = columns.pop(name)
        columns |= {f"{name.removesuffix('s')}_{k + 1}": c for k, c in enumerate(table.T)}
    left_out = tuple(sorted(shapes.keys() - {vectors, "logvar", *drawn[:1], *columns, *wide}))
    found = given_codes(codes, images, logvar=logvar)
    found = replace(found, left_out=left_out, vectors=vectors)
    return _finished(path, found, columns)


def _of_table(path: Path, columns: Columns) -> Codes:
    lists = [name for name, column in columns.items() if column.ndim == 2]
    name = _named(dict.fromkeys(lists), VECTORS) or (lists[0] if lists else None)
    if name is not None:
        return _finished(path, replace(given_codes(columns.pop(name)), vectors=name), columns)
    _check_numbers(path, columns)
    groups = _numbered(columns)
    if not groups:
        raise DataError(
            f"{path.name} has no vectors: neither a column of lists nor columns such as mu_1, mu_2."
        )
    name = _named(groups, VECTORS) or max(groups, key=lambda group: len(groups[group]))
    codes = np.stack([columns.pop(each) for each in groups[name]], 1)
    logvar = None
    if len(groups.get("sigma", ())) == codes.shape[1]:
        sigma = np.stack([columns.pop(each) for each in groups["sigma"]], 1)
        if (sigma > 0).all():
            logvar = 2 * np.log(sigma)
    vectors = f"{groups[name][0]} to {groups[name][-1]}"
    return _finished(path, replace(given_codes(codes, logvar=logvar), vectors=vectors), columns)


def _check_numbers(path: Path, columns: Columns) -> None:
    """DataError where a vector's column is of numbers but for some rows, which break it."""
    for name, column in columns.items():
        parts = _NUMBERED.fullmatch(name)
        if parts is None or parts[1].lower() not in VECTORS or column.dtype.kind != "O":
            continue
        wrong = [row for row, value in enumerate(column) if _as_number(value) is None]
        if wrong:
            raise DataError(
                f"{path.name}: {name[:40]} has no number in row {wrong[0] + 1:,}: "
                f"{one_line(str(column[wrong[0]]))[:40]!r}; leave such rows out."
            )


def _as_number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _finished(path: Path, codes: Codes, columns: Columns) -> Codes:
    """With the images that a column of paths or bytes tells, and all other columns."""
    columns = {name: column for name, column in columns.items() if name.lower() not in OURS}
    n = len(codes.mu)
    for name in _all_named(columns, PLACES):
        column = columns[name]
        if codes.images is not None or column.ndim != 1 or column.dtype.kind not in "OU" or not n:
            continue
        sources = codes.sources
        if all(isinstance(value, bytes) for value in column):
            images = pictures(n, column.tolist().__getitem__, "of row {}".format)
        elif all(isinstance(value, str) for value in column):
            images, sources = from_paths(column.tolist(), path), packed_texts(column.tolist())
        else:
            raise DataError(f"{path.name}: the column {name[:40]!r} lacks an image for some rows.")
        codes = replace(codes, images=images, sources=sources)
        del columns[name]
    return with_columns(codes, columns)


def _csv(path: Path) -> tuple[Columns, list[str]]:
    """Its columns, and what is not read of it."""
    import pandas as pd

    with open_ordinary(path, DataError, MAX_FILE_BYTES) as file:
        how = written(file)
        if how is None:
            raise DataError(f"{path.name} is no table of texts.")
        file.seek(0)
        try:
            frame = pd.read_csv(
                file,
                sep=r"\s+" if how.separator == " " else how.separator,
                decimal=how.decimal,
                skiprows=how.skipped,
                header=None if how.headless else 0,
                index_col=None if how.named_rows else False,
                skipinitialspace=True,
                nrows=MAX_ROWS + 1,
                encoding=how.encoding,
                encoding_errors="replace",
            )
        except (ValueError, pd.errors.ParserError) as error:
            told = " ".join(str(error).split())[:200]
            raise DataError(f"{path.name} is no table of values: {told}.") from error
    _check_rows(path, len(frame))
    if how.named_rows:
        frame = frame.reset_index(names="row")
    frame = frame.loc[:, [name for name in frame.columns if name != "Unnamed: 0"]]  # the index
    columns = {str(name): frame[name].to_numpy() for name in frame.columns}
    for name, column in columns.items():
        first = column[0] if column.dtype.kind in "OUT" else None
        if isinstance(first, str) and _LIST.match(first):
            columns[name] = _stacked(path, name, [_vector(path, name, text) for text in column])
    titles = [one_line(line)[:40] for line in how.above if not line.startswith("sep=")]
    return columns, [f"the line “{line}” above the header" for line in titles]


def _vector(path: Path, name: str, text: object) -> np.ndarray:
    try:
        inside = _WRAPPED.sub(" ", _TYPE.sub("", str(text)))
        return np.array(inside.split(), np.float32)
    except ValueError as error:
        raise DataError(f"{path.name}: {name[:40]!r} holds a list that is no numbers.") from error


def _parquet(path: Path) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[Any]] = {}
    with open_ordinary(path, DataError, MAX_FILE_BYTES) as opened:
        try:
            file = pq.ParquetFile(io.BufferedReader(opened))  # type: ignore[type-var]
            _check_rows(path, file.metadata.num_rows)
            held = 0
            for batch in file.iter_batches(_BATCH):
                held += batch.nbytes
                if held > MAX_FILE_BYTES:
                    raise DataError(f"{path.name} unpacks to more than {MAX_FILE_BYTES:,} bytes.")
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    columns.setdefault(name, []).append(_values(path, name, column))
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path.name} is no parquet that is read: {error}"[:300]) from error
    return {
        name: np.concatenate(parts)
        for name, parts in columns.items()
        if len({part.shape[1:] for part in parts}) == 1
    }


def _values(path: Path, name: str, column: Any) -> np.ndarray:
    """A column of a batch: numbers, texts, bytes; of lists of one length (n, d)."""
    import pyarrow as pa

    kind = column.type
    lists = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:  # an image in it
        column = column.field("bytes")
    elif any(is_one(kind) for is_one in lists):
        return _stacked(path, name, [row.values for row in column])
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _stacked(path: Path, name: str, rows: list[Any]) -> np.ndarray:
    arrays = [np.asarray(row, np.float32) if row is not None else np.empty(0) for row in rows]
    sizes = {array.shape for array in arrays}
    if len(sizes) > 1 or len(next(iter(sizes))) != 1:
        raise DataError(f"{path.name}: the lists in {name[:40]!r} are not of one length.")
    if arrays[0].size > MAX_LATENT_DIM:
        raise DataError(
            f"{path.name}: lists of {arrays[0].size:,} numbers; {MAX_LATENT_DIM:,} at most."
        )
    return np.stack(arrays)


def _numbered(columns: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Numeric columns called alike but for a number, which goes on from 0 or 1, in its order.

    One alone is a vector where it is called so.
    """
    groups: dict[str, dict[int, str]] = {}
    for name, column in columns.items():
        if column.dtype.kind in "fiu" and (parts := _NUMBERED.fullmatch(name)):
            groups.setdefault(parts[1], {})[int(parts[2])] = name
    return {
        group: [found[k] for k in sorted(found)]
        for group, found in groups.items()
        if min(found) in (0, 1) and max(found) - min(found) + 1 == len(found)
        if len(found) > 1 or group.lower() in VECTORS
    }


def _only(path: Path, entries: Mapping[str, Any]) -> str:
    """The one array of rows of fractions."""
    found = [n for n, entry in entries.items() if len(entry.shape) == 2 and entry.dtype.kind == "f"]
    if len(found) != 1:
        raise DataError(
            f"{path.name} has {len(found)} arrays that could be codes; call theirs one of "
            f"{', '.join(VECTORS)}."
        )
    return found[0]


def _named(names: Mapping[str, object], wanted: tuple[str, ...]) -> str | None:
    return next(iter(_all_named(names, wanted)), None)


def _all_named(names: Mapping[str, object], wanted: tuple[str, ...]) -> list[str]:
    """Those names that are wanted, in the order of the wanted."""
    lower = {name.lower(): name for name in names}
    return [lower[each] for each in wanted if each in lower]


def _check_rows(path: Path, rows: int) -> None:
    if not 0 < rows <= MAX_ROWS:
        raise DataError(f"{path.name} has {rows:,} rows; 1 to {MAX_ROWS:,} are read.")
