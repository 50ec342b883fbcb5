"""A table beside image files: a row for each, told by the name of its file.

`labels.csv` or `labels.parquet` in the folder or the zip, or the only table there. Nothing of it is
dropped in silence: rows without an image, images without a row, and columns that cannot be used.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.data.columns import MAX_VALUES, Column, Unusable, column_of, free_name, within_limits
from vae_core.data.own.containers import Container
from vae_core.data.own.source import LABEL_NAMES, labelled, listed, printable
from vae_core.errors import DataError
from vae_core.files.delimited import encoding_name, written
from vae_core.files.zips import left_by_file_manager

SUFFIXES = (".csv", ".tsv", ".parquet")
USUAL = ("labels", "metadata", "table")
MAX_BYTES = 16 << 20
MAX_ROWS = 1_000_000
MAX_WIDTH = 1_000  # columns
_DECIMAL = re.compile(r"^([-+]?\d{1,3}(?:\.\d{3})+|[-+]?\d+),(\d+)$")
_PREFERRED = ("file", "file_name", "filename", "image", "path", "name", "id")
MAX_CELL = 1_000  # characters of a text
_DEPTH = 16  # folders of a path that are looked at


class Beside(NamedTuple):
    """What a table says of n images: columns, classes if it tells them, and what is to be said."""

    columns: tuple[Column, ...] = ()
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Matched(NamedTuple):
    """A row for each image, -1 where there is none; rows of no image, of several, of one again."""

    rows: NDArray[np.int64]
    foreign: list[str]
    unclear: list[str]
    twice: list[str]


Table = tuple[str, bytes]  # the name of a file, and what it holds


def table_among(files: Container) -> tuple[Table | None, list[str]]:
    """The table among files; and what is to be said where it is not clear which it is."""
    found = [
        path
        for path in files.paths
        if PurePosixPath(path).suffix.lower() in SUFFIXES and not left_by_file_manager(path)
    ]
    named = [path for path in found if PurePosixPath(path).stem.lower() in USUAL]
    if len(named) == 1 or len(found) == 1:
        path = (named or found)[0]
        try:
            return (path, files.read(path)), []
        except DataError as error:
            return None, [f"{printable(path)} {str(error).rstrip('.')}: it is not used."]
    if not found:
        return None, []
    return None, [f"Of several tables none is read: {listed(found)}; call the one labels.csv."]


def beside(path: str, data: bytes, images: Sequence[str], *, classes: bool) -> Beside:
    """What the table at `path` says of images, by the paths of their files.

    classes: whether a column named label or class tells the classes, as no folders do.
    """
    name = printable(PurePosixPath(path).name)
    try:
        table, notes = _read(name, data)
        places = _places(images)
        header, columns = _headed(table, places, images)
    except DataError as error:
        return Beside(notes=(f"{str(error).rstrip('.')}: it is not used.",))
    matches = {k: _match(column, places, images) for k, column in enumerate(columns)}
    counted = {k: all(map(_is_count, column)) for k, column in enumerate(columns)}
    keys = [k for k in matches if _fit(matches[k]) and (_rank(header[k]) or not counted[k])]
    if not keys:
        unclear = max((match.unclear for match in matches.values()), key=len)
        why = f"no column of it names the files, such as {listed(images[:1])}"
        if unclear:
            why = (
                f"{listed(unclear[:1])} may be of several images; give the path of each, such as "
                f"{listed(images[:1])}"
            )
        return Beside(notes=(*notes, f"{name} is not used: {why}."))
    key = max(keys, key=lambda k: (not counted[k], _fit(matches[k]), _rank(header[k])))
    match = matches[key]
    notes += _match_notes(name, match, images)
    others = {header[k]: column for k, column in enumerate(columns) if k != key}
    rows: dict[str, list[str]] = {
        title: [column[row] if row >= 0 else "" for row in match.rows.tolist()]
        for title, column in others.items()
    }
    labels, class_names = None, tuple[str, ...]()
    told = next((t for t in rows if t.lower() in LABEL_NAMES), None) if classes else None
    if told is not None and all(rows[told]) and len(set(rows[told])) <= MAX_VALUES:
        labels, class_names = labelled(name, np.array(rows.pop(told)))
        notes.append(f"The column {printable(told)} of {name} names the classes.")
    elif told is not None and not all(rows[told]):
        lacking = sum(not text for text in rows[told])
        notes.append(
            f"The column {printable(told)} of {name} names no classes: {lacking:,} of "
            f"{len(images):,} images have none there."
        )
    found, said = columns_of(name, rows)
    return Beside(found, labels, class_names, (*notes, *said))


def columns_of(
    name: str, values: Mapping[str, Sequence[str] | NDArray[np.generic]]
) -> tuple[tuple[Column, ...], list[str]]:
    """The columns that can be used, and which those are and are not, and why."""
    columns: list[Column] = []
    useless: list[str] = []
    for place, (title, column) in enumerate(values.items()):
        called = free_name(title, [each.name for each in columns], place)
        try:
            columns.append(column_of(called, column))
        except Unusable as why:
            useless.append(f"{printable(title)} {why}")
    kept, too_many = within_limits(columns)
    notes = []
    if kept:
        each = [f"{c.name} ({_texts(len(c.names))})" if c.names else c.name for c in kept]
        notes.append(f"Columns of {name}: {', '.join(each[:20])}{' …' if len(each) > 20 else ''}.")
    if useless:
        more = f", and {len(useless) - 10} more" if len(useless) > 10 else ""
        notes.append(f"Not used of {name}: {', '.join(useless[:10])}{more}.")
    if too_many:
        notes.append(f"Too much for one table, and not used: {listed(too_many)}.")
    notes += [f"Not known in {c.name}: {listed(c.gaps)}." for c in kept if c.gaps]
    if read := [f"{c.name} ({c.read})" for c in kept if c.read]:
        notes.append(f"Read as numbers: {listed(read)}.")
    if rounded := [column.name for column in kept if column.rounded]:
        notes.append(f"Whole numbers over 16,777,216 are rounded: {listed(rounded)}.")
    return tuple(kept), notes


def _texts(n: int) -> str:
    return f"{n} text{'s' * (n != 1)}"


def _read(name: str, data: bytes) -> tuple[list[list[str]], list[str]]:
    """The rows of a table as texts, the header first; and what is to be said. DataError if none."""
    if len(data) > MAX_BYTES:
        raise DataError(f"{name} has {len(data):,} bytes; {MAX_BYTES:,} are read of a table.")
    rows, notes = _parquet(name, data) if data[:4] == b"PAR1" else _csv(name, data)
    if len(rows) < 2 or not rows[0]:
        raise DataError(f"{name} has no rows.")
    if len(rows) > MAX_ROWS or len(rows[0]) > MAX_WIDTH:
        raise DataError(
            f"{name} has {len(rows):,} rows and {len(rows[0]):,} columns; {MAX_ROWS:,} and "
            f"{MAX_WIDTH:,} are read at most."
        )
    if ragged := sum(len(row) > len(rows[0]) for row in rows):
        notes.append(f"{name}: what stands beyond the last column is not read, in {ragged:,} rows.")
    return rows, notes


def _csv(name: str, data: bytes) -> tuple[list[list[str]], list[str]]:
    how = written(io.BytesIO(data))
    if how is None:
        raise DataError(f"{name} is no table: neither texts (CSV) nor Parquet.")
    notes = []
    if how.guessed:
        notes.append(f"{name} is not UTF-8, and is read as {encoding_name(how.encoding)}.")
    if titles := [line for line in how.above if not line.startswith("sep=")]:  # Excel's hint
        notes.append(f"Not read of {name}, as it stands above the header: {listed(titles)}.")
    text = data.decode(how.encoding, "replace")
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=how.separator, skipinitialspace=True
        )
        rows = [row for row in reader if any(map(str.strip, row))][len(how.above) :]
    except csv.Error as error:
        raise DataError(f"{name} is no table of texts ({error}).") from error
    if how.named_rows:
        rows[0].insert(0, "")
    if how.separator != ",":  # as programs write it where 12,5 is a number
        rows = [[_DECIMAL.sub(_with_a_point, cell) for cell in row] for row in rows]
    return rows, notes


def _with_a_point(number: re.Match[str]) -> str:
    return f"{number[1].replace('.', '')}.{number[2]}"


def _parquet(name: str, data: bytes) -> tuple[list[list[str]], list[str]]:
    """Numbers and texts alone; texts stay in dictionaries, so that few bytes never become many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = pa.types
    of_texts = (types.is_string, types.is_large_string, types.is_dictionary)
    of_numbers = (types.is_integer, types.is_floating, types.is_boolean)
    try:
        schema = pq.read_schema(io.BytesIO(data))
        texts = [f.name for f in schema if any(each(f.type) for each in of_texts)]
        plain = [f.name for f in schema if any(each(f.type) for each in of_numbers)]
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts)
        if file.metadata.num_rows > MAX_ROWS or len(schema) > MAX_WIDTH:
            raise DataError(
                f"{name} has {file.metadata.num_rows:,} rows and {len(schema):,} columns; "
                f"{MAX_ROWS:,} and {MAX_WIDTH:,} are read at most."
            )
        wanted = [each for each in schema.names if each in {*texts, *plain}]
        table = file.read(columns=wanted)
        columns = [_as_texts(table.column(each)) for each in wanted]
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{name} is damaged, or no Parquet file ({str(error)[:80]}).") from error
    others = [each for each in schema.names if each not in wanted]
    notes = [f"Neither numbers nor texts in {name}: {listed(others)}."] if others else []
    return [wanted, *map(list, zip(*columns, strict=True))], notes


def _as_texts(column: Any) -> list[str]:
    found: list[str] = []
    for chunk in column.chunks:
        if not hasattr(chunk, "dictionary"):
            found += ["" if value is None else str(value) for value in chunk.to_pylist()]
            continue
        values = [str(value)[:MAX_CELL] for value in chunk.dictionary.to_pylist()]
        found += ["" if k is None else values[k] for k in chunk.indices.to_pylist()]
    return found


def _headed(
    rows: list[list[str]], places: dict[str, list[int]], images: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the columns; the first row may be an image's already."""
    header = rows[0]
    headless = any(_fit(_match([cell], places, images)) for cell in header)
    if headless:
        header = [""] * len(header)
    titles: list[str] = []
    for place, title in enumerate(header):
        plain = title.strip() or f"column {place + 1}"
        titles.append(plain if plain not in titles else f"{plain} ({place + 1})")
    body = rows if headless else rows[1:]
    columns = [[row[k] if k < len(row) else "" for row in body] for k in range(len(titles))]
    return titles, columns


def _fit(match: _Matched) -> int:
    return int((match.rows >= 0).sum())


def _is_count(key: str) -> bool:
    """Whether a bare number, such as an age or a row's, which only by chance is a file's name."""
    return not key.strip() or key.strip().isdecimal()


def _rank(title: str) -> int:
    low = title.lower()
    return len(_PREFERRED) - _PREFERRED.index(low) if low in _PREFERRED else 0


def _match(keys: Sequence[str], places: dict[str, list[int]], images: Sequence[str]) -> _Matched:
    """Which row is of which image: by its path, by the end of it, or without the file's ending."""
    rows = np.full(len(images), -1, np.int64)
    foreign, unclear, twice = list[str](), list[str](), list[str]()
    for row, key in enumerate(keys):
        ends = _ends(key)
        whole = [f"/{ends[0]}"] if ends else []
        found = next((places[end] for end in (*whole, *ends) if end in places), None)
        if found is None:
            foreign.append(key)
        elif len({images[k] for k in found}) > 1:
            unclear.append(key)
        elif rows[found[0]] >= 0:
            twice.append(key)
        else:
            rows[found] = row
    return _Matched(rows, foreign, unclear, twice)


def _places(images: Sequence[str]) -> dict[str, list[int]]:
    """Where the images are whose path ends so, or is so with "/" before; ".png" may be missing."""
    places: dict[str, list[int]] = {}
    for k, path in enumerate(images):
        for whole in {path, str(PurePosixPath(path).with_suffix(""))}:
            ends = _ends(whole)
            for end in (f"/{ends[0]}", *ends):
                places.setdefault(end, []).append(k)
    return places


def _ends(path: str) -> list[str]:
    """A path and its ends, the longest first, in one way of writing."""
    plain = unicodedata.normalize("NFC", path.strip()).replace("\\", "/").casefold()
    parts = [part for part in plain.split("/") if part not in ("", ".")][-_DEPTH:]
    return ["/".join(parts[k:]) for k in range(len(parts))]


def _match_notes(name: str, match: _Matched, images: Sequence[str]) -> list[str]:
    notes = []
    alone = list(dict.fromkeys(images[k] for k in np.flatnonzero(match.rows < 0).tolist()))
    for found, said in (
        (alone, f"Images without a row in {name}"),
        (match.foreign, f"Rows of {name} without an image"),
        (match.unclear, f"Rows of {name} that may be of several images, and are not read"),
        (match.twice, f"Rows of {name} for images that have one already, and are not read"),
    ):
        if found:
            notes.append(f"{said}: {len(found):,} ({listed(found, 3)}).")
    return notes
