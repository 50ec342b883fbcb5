"""Arrays in .npz archives, read without pickles and never more than their headers promise."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError
from vae_core.files.zips import open_zip

MAX_HEADER_BYTES = 10_000  # NumPy's own limit


@dataclass(frozen=True)
class ArrayEntry:
    """One array of an archive, known by its header alone."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    member: zipfile.ZipInfo

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class ArrayArchive:
    """The arrays of an open .npz, by name; made by `open_arrays`.

    Headers are read at once, values when asked for. Arrays of Python objects are pickles: they are
    listed in `refused` and never opened.
    """

    def __init__(self, bundle: zipfile.ZipFile, name: str) -> None:
        self._bundle, self._name = bundle, name
        self.entries: dict[str, ArrayEntry] = {}
        self.refused: list[str] = []
        for member in bundle.infolist():
            if member.filename.endswith(".npy"):
                with bundle.open(member) as file:
                    entry = _entry(member, file)
                    self._check(entry, file.tell())
                if entry.dtype.hasobject:
                    self.refused.append(entry.name)
                else:
                    self.entries[entry.name] = entry

    def _check(self, entry: ArrayEntry, header_bytes: int) -> None:
        size = entry.member.file_size
        if not entry.dtype.hasobject and size != header_bytes + entry.nbytes:
            raise DataError(f"{self._name}: {entry.name[:80]} is not as large as it says itself.")

    def rows(self, name: str, at_once: int) -> Iterator[NDArray[Any]]:
        """The array `name` in blocks of at most `at_once` rows: only one is in memory at a time."""
        entry = self.entries[name]
        if entry.fortran_order:
            raise DataError(f"{self._name}: {name} is stored by columns; save it in C order.")
        n, *rest = entry.shape
        with self._bundle.open(entry.member) as file:
            _header(file)
            for start in range(0, n, at_once):
                shape = (min(at_once, n - start), *rest)
                data = file.read(math.prod(shape) * entry.dtype.itemsize)
                yield np.frombuffer(data, entry.dtype).reshape(shape)

    def read(self, name: str, max_bytes: int) -> NDArray[Any]:
        """The whole array; DataError when it takes more than `max_bytes`."""
        entry = self.entries[name]
        if entry.nbytes > max_bytes:
            raise DataError(
                f"{self._name}: {name} has {entry.nbytes:,} bytes; {max_bytes:,} are read at most."
            )
        with self._bundle.open(entry.member) as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return array


@contextmanager
def open_arrays(source: Path | BinaryIO, name: str) -> Iterator[ArrayArchive]:
    """Open a .npz; DataError, with `name` in it, when it or what is read from it is broken."""
    with open_zip(source, name) as bundle:
        yield ArrayArchive(bundle, name)


def _entry(member: zipfile.ZipInfo, file: IO[bytes]) -> ArrayEntry:
    shape, fortran_order, dtype = _header(file)
    name = member.filename.removesuffix(".npy")
    return ArrayEntry(name, shape, dtype, fortran_order, member)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {
        (1, 0): ("<H", np.lib.format.read_array_header_1_0),
        (2, 0): ("<I", np.lib.format.read_array_header_2_0),
    }
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"format version {version}")
    kind, reader = readers[version]
    told = file.read(struct.calcsize(kind))
    (length,) = struct.unpack(kind, told)
    if length > MAX_HEADER_BYTES:  # NumPy would read it before it looks at its length
        raise ValueError(f"a header of {length:,} bytes")
    return reader(io.BytesIO(told + file.read(length)))
