"""Reads a file of another program and writes the images in it: a program, run by `conversion`.

    python reader.py KIND MOST_BYTES TARGET SOURCE …

HDF5 and MATLAB files become a .npz, parquet a zip of image files, nothing of it packed. What cannot
be done is one clause on standard output, with exit code 3. It runs alone, behind all others, with
little memory and time, since the libraries below it were made for files that one trusts: it imports
nothing of the project, and whatever a file makes of it is over with it. It ends as well when who
started it is gone.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import math
import os
import re
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ARRAYS = 1_000
MAX_TEXTS = 1_000_000
MAX_ROWS = 200_000
MEMORY_BYTES = 512 << 20  # beside four times the most that is read
SECONDS, BYTES_A_SECOND = 30, 4 << 20  # of a core, and what is read in each further one
LOOK_SECONDS = 0.5
NICENESS = 10
LABELS = ("label", "labels", "y", "class", "target", "fine_label", "coarse_label")
PARTS = re.compile(r"(train|test|validation|valid|val|dev)(?=[-_.]|$)", re.IGNORECASE)
SCALAR = re.compile(r"u?int\d+|float|double|bool|(large_)?string")
UNREADABLE = 3


class Unreadable(Exception):
    """A clause on why a file cannot be read."""


def arrays_of_hdf5(source: Path, most: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Its arrays by name. Links that lead into other files are never followed."""
    import h5py

    with h5py.File(source, "r") as file:
        found: dict[str, Any] = {}

        def keep(name: str, item: object) -> bool | None:
            if isinstance(item, h5py.Dataset):
                found[name] = item
            return True if len(found) > MAX_ARRAYS else None  # which ends the visit

        if file.visititems(keep):  # hard links alone
            raise Unreadable(f"holds more than {MAX_ARRAYS:,} arrays")
        for name, item in found.items():
            matlab = item.attrs.get("MATLAB_class")
            if not item.shape or item.ndim > 4 or matlab in (b"char", b"cell"):
                continue
            if item.is_virtual or item.external:
                raise Unreadable(
                    f"has an array, {name}, that lies in other files; copy it into one"
                )
            if math.prod(item.chunks or ()) * item.dtype.itemsize > most:
                raise Unreadable(f"has an array, {name}, in blocks of more than {most:,} bytes")
            check_size(name, item.shape, item.dtype.itemsize, most)
            if h5py.check_string_dtype(item.dtype):
                if item.ndim == 1 and len(item) <= MAX_TEXTS:
                    texts = item.asstr(errors="replace")[()]
                    check_size(name, (len(texts), max(map(len, texts), default=0)), 4, most)
                    yield name, np.array(texts, dtype=str)
            elif item.dtype.kind in "buif":
                array = item[()]
                yield name, array if matlab is None else array.T  # written by columns


def arrays_of_matlab(source: Path, most: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Its arrays of numbers by name."""
    from scipy.io import loadmat, whosmat

    numbers = {"double", "single", "logical"} | {
        f"{s}int{b}" for s in "u " for b in (8, 16, 32, 64)
    }
    for name, shape, kind in whosmat(source, appendmat=False)[:MAX_ARRAYS]:
        if kind in {each.strip() for each in numbers} and len(shape) <= 4:
            check_size(name, shape, 1, most)
            yield name, loadmat(source, variable_names=[name], appendmat=False)[name]


def check_size(name: str, shape: Sequence[int], itemsize: int, most: int) -> None:
    if (size := math.prod(shape) * itemsize) > most:
        raise Unreadable(f"has an array, {name}, of {size:,} bytes; {most:,} are read at most")


def write_arrays(arrays: Iterator[tuple[str, NDArray[Any]]], target: Path, most: int) -> None:
    with zipfile.ZipFile(target, "w") as bundle:
        total = 0
        for name, array in arrays:
            if max(array.shape) == array.size and array.ndim < 3:  # a row or a column
                array = array.ravel()
                if array.dtype.kind == "f" and (array == np.rint(array)).all():
                    array = array.astype(np.int64)  # as MATLAB's labels are
            total += array.nbytes
            check_size("all together", (total,), 1, 2 * most)
            with bundle.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def write_images(sources: Sequence[Path], target: Path, most: int) -> None:
    """The images in a column of parquet files, each in a folder of its part and its class.

    Beside them stands labels.csv, of the columns of numbers and texts.
    """
    import pyarrow.parquet as parquet

    parts = [found[0].lower() if (found := PARTS.search(each.name)) else "" for each in sources]
    parts = parts if all(parts) and len(set(parts)) > 1 else [""] * len(parts)
    schema = parquet.ParquetFile(sources[0]).schema_arrow
    images, labels, names = image_columns(schema)
    others = [field.name for field in schema if SCALAR.fullmatch(str(field.type))]
    others = [each for each in others if each != labels]
    row = total = 0
    table = io.StringIO()
    told = csv.writer(table)
    told.writerow(["file", *others])
    with zipfile.ZipFile(target, "w") as bundle:
        for source, part in zip(sources, parts, strict=True):
            columns = [images, *([labels] if labels else []), *others]
            for batch in parquet.ParquetFile(source).iter_batches(64, columns=columns):
                for values in batch.to_pylist():
                    image = values[images] or {}
                    data, path = image.get("bytes") or b"", image.get("path") or ""
                    folders = [part] if part else []
                    folders += [] if labels is None else [class_folder(values[labels], names)]
                    name = re.sub(r"[^\w.-]", "_", path.rsplit("/", 1)[-1])[-60:] or "image"
                    row, total = row + 1, total + len(data)
                    if row > MAX_ROWS or total > most:
                        raise Unreadable(f"holds more than {MAX_ROWS:,} images or {most:,} bytes")
                    place = "/".join([*folders, f"{row:06}-{name}"])
                    bundle.writestr(place, data)
                    told.writerow([place, *(values[each] for each in others)])
        if others:
            bundle.writestr("labels.csv", table.getvalue())
    if unused := [each for each in schema.names if each not in columns]:
        print(json.dumps(unused))


def image_columns(schema: Any) -> tuple[str, str | None, list[str]]:
    """The columns of images and of labels, if there is one, and the names that these count."""
    images = [
        field.name
        for field in schema
        if str(field.type).startswith("struct<")
        and {"bytes", "path"} <= {each.name for each in field.type}
    ]
    if not images:
        raise Unreadable(
            "has no column of images as Hugging Face writes them, of bytes and path; save the "
            "images as files"
        )
    features: dict[str, Any] = {}
    if told := (schema.metadata or {}).get(b"huggingface"):
        features = json.loads(told).get("info", {}).get("features") or {}
    classes = [
        n
        for n, each in features.items()
        if isinstance(each, dict) and each.get("_type") == "ClassLabel"
    ]
    labels = [n for n in (*classes, *LABELS) if n in schema.names]
    scalar = [
        n for n in labels if re.fullmatch(r"u?int\d+|(large_)?string", str(schema.field(n).type))
    ]
    if not scalar:
        return images[0], None, []
    return images[0], scalar[0], features.get(scalar[0], {}).get("names") or []


def class_folder(label: object, names: Sequence[str]) -> str:
    if isinstance(label, int) and 0 <= label < len(names):
        label = names[label]
    return re.sub(r"[/\\\0]|^\.", "_", str(label)) or "_"


def limit_resources(most: int) -> None:
    """From now on so much memory and time as an honest file needs, where the system can say it."""
    try:
        import resource
    except ImportError:
        return
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seconds = SECONDS + most // BYTES_A_SECOND
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:  # of another system, which does not keep to it either
        return
    memory = held + 4 * most + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def end_with(parent: int) -> None:
    """End where the process that started this one has."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


READERS: dict[str, Callable[[Path, int], Iterator[tuple[str, NDArray[Any]]]]] = {
    "hdf5": arrays_of_hdf5,
    "matlab": arrays_of_matlab,
}


LIBRARIES = {"hdf5": "h5py", "matlab": "scipy.io", "parquet": "pyarrow.parquet"}


def main(kind: str, most: str, target: str, *sources: str) -> int:
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    importlib.import_module(LIBRARIES[kind])  # what it takes by itself is no file's
    limit_resources(int(most))
    try:
        if kind == "parquet":
            write_images([Path(each) for each in sources], Path(target), int(most))
        else:
            write_arrays(READERS[kind](Path(sources[0]), int(most)), Path(target), int(most))
    except Unreadable as clause:
        print(clause)
        return UNREADABLE
    except MemoryError:
        print("takes more memory than there is for it")
        return UNREADABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
