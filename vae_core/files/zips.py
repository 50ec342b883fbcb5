"""Opening zip archives from anywhere: never more in memory than an honest one needs."""

from __future__ import annotations

import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vae_core.errors import DataError, ZscapeError

MAX_DIRECTORY_BYTES = 8 << 20  # of the table of contents, some 80,000 entries

# What Python's zipfile and its decompressors raise for bytes that are not as they should be.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, RuntimeError, OverflowError),
)


@contextmanager
def open_zip(
    source: Path | BinaryIO,
    name: str,
    error: type[ZscapeError] = DataError,
    remedy: str = "make it anew",
) -> Iterator[zipfile.ZipFile]:
    """Open a zip; `error`, with `name` in it, when it is broken, also while it is read."""
    try:
        with zipfile.ZipFile(_small_directory(source, name, error)) as bundle:
            yield bundle
    except ZscapeError:
        raise
    except _BROKEN as broken:
        raise error(
            f"{name} is no zip archive, or a damaged or encrypted one; {remedy}."
        ) from broken


def _small_directory(
    source: Path | BinaryIO, name: str, error: type[ZscapeError]
) -> Path | BinaryIO:
    """`source`, if its table of contents is not enormous: zipfile reads that whole, and at once."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            _small_directory(file, name, error)
        return source
    end = source.seek(0, os.SEEK_END)
    source.seek(max(0, end - (1 << 16) - 200))
    tail = source.read()
    for mark, offset, kind in ((b"PK\5\6", 12, "<L"), (b"PK\6\6", 40, "<Q")):  # plain and Zip64
        room = struct.calcsize(kind)
        # zipfile takes one of the marks, but a record can hold bytes that look like another.
        for found in re.finditer(b"(?=" + re.escape(mark) + b")", tail):
            told = tail[found.start() + offset :][:room]
            size = struct.unpack(kind, told)[0] if len(told) == room else 0
            if MAX_DIRECTORY_BYTES < size != 0xFFFFFFFF:  # which stands for: see the other
                raise error(f"{name} has a table of contents of {size:,} bytes; too many files.")
    source.seek(0)
    return source
