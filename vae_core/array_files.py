"""Arrays in .npz archives, read without pickles and never more than their headers promise."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError

# What Python's zipfile and its decompressors, and NumPy's reader of headers, raise for bytes that
# are not as they should be.
BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError),
    *(ValueError, RuntimeError, OverflowError),
)


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
                if entry.dtype.hasobject:
                    self.refused.append(entry.name)
                else:
                    self.entries[entry.name] = entry

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
    try:
        with zipfile.ZipFile(source) as bundle:
            yield ArrayArchive(bundle, name)
    except DataError:
        raise
    except BROKEN_ZIP as error:
        raise DataError(
            f"{name} is no .npz archive of arrays, or a damaged one ({error}); save it again with "
            "numpy.savez_compressed."
        ) from error


def _entry(member: zipfile.ZipInfo, file: IO[bytes]) -> ArrayEntry:
    shape, fortran_order, dtype = _header(file)
    name = member.filename.removesuffix(".npy")
    entry = ArrayEntry(name, shape, dtype, fortran_order, member)
    if not dtype.hasobject and member.file_size != file.tell() + entry.nbytes:
        raise ValueError(f"{name[:80]} is not of the size that its header says")
    return entry


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"format version {version}")
    return readers[version](file)
