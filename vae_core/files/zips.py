"""Opening zip archives from anywhere: never more in memory than an honest one needs."""

from __future__ import annotations

import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vae_core.errors import DataError, ZscapeError
from vae_core.files.zip_names import likely_encodings, name_of, unsaid_names

MAX_DIRECTORY_BYTES = 8 << 20  # of the table of contents, some 80,000 entries

_FILE_MANAGERS = (".DS_Store", "Thumbs.db", "desktop.ini", "Icon\r")

# What Python's zipfile and its decompressors raise for bytes that are not as they should be.
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, RuntimeError, OverflowError),
)


@contextmanager
def open_zip(
    source: Path | BinaryIO,
    name: str,
    error: type[ZscapeError] = DataError,
    remedy: str = "make it anew",
    max_directory: int | None = None,
) -> Iterator[zipfile.ZipFile]:
    """Open a zip; `error`, with `name` in it, when it is broken, also while it is read.

    max_directory: bytes that its table of contents may have, some hundred an entry;
    MAX_DIRECTORY_BYTES where nothing else is said.
    """
    most = MAX_DIRECTORY_BYTES if max_directory is None else max_directory
    try:
        with zipfile.ZipFile(_small_directory(source, name, error, most)) as bundle:
            yield bundle
    except ZscapeError:
        raise
    except ZIP_ERRORS as broken:
        raise error(
            f"{name} is no zip archive, or a damaged or encrypted one; {remedy}."
        ) from broken


def zip_files(
    bundle: zipfile.ZipFile,
    name: str,
    error: type[ZscapeError] = DataError,
    encoding: str | None = None,
) -> list[tuple[str, zipfile.ZipInfo]]:
    """The files of an archive, each with its path, "/" between the parts; folders are no files.

    encoding: of names of which the archive does not say it; by default the likeliest. `error`, with
    `name` in it, for names that are not in it, for a link, or a path that leads out of the archive
    or is none.
    """
    files = []
    members = bundle.infolist()
    encoding = encoding or likely_encodings(unsaid_names(members))[0]
    for member in members:
        try:
            path = member_path(member, encoding)
        except UnicodeDecodeError as broken:
            shown = ", ".join(likely_encodings(unsaid_names(members)))
            raise error(
                f"{name} holds a name that is not written in {encoding}; choose one of {shown}."
            ) from broken
        if not path or "\0" in member.orig_filename:
            raise error(f"{name} holds a file without a name, or an odd one; zip it again.")
        check_stays_inside(path, name, error, is_link=stat.S_ISLNK(member.external_attr >> 16))
        if not path.endswith("/"):
            files.append((path, member))
    return files


def check_stays_inside(
    path: str, name: str, error: type[ZscapeError] = DataError, *, is_link: bool
) -> None:
    """`error` where a path in the archive `name` is a link, or leads out of it."""
    rooted = re.match("/|[A-Za-z]:", path)
    if rooted or ".." in path.split("/") or is_link:
        shown = "".join(c if c.isprintable() else "?" for c in path[-80:])
        raise error(
            f"{name} holds {shown}, which is a link or leads out of the "
            f"archive{', as it begins at a drive or a root' if rooted else ''}; zip the folder "
            "itself."
        )


def member_path(member: zipfile.ZipInfo, encoding: str = "cp437") -> str:
    """What a file in an archive is called, whoever packed it.

    encoding: of names of which the archive does not say it; they are decoded before they are split,
    as 表 ends in the byte of a backslash in Japan. Some tools of Windows write backslashes for
    slashes.
    """
    path = name_of(member, encoding).partition("\0")[0].replace("\\", "/")
    return re.sub(r"^(\./+)+(?=.)", "", path)  # with which some packers begin every name


def left_by_file_manager(path: str) -> bool:
    """Whether a file is one that file managers add to folders and archives, for themselves."""
    *folders, name = path.split("/")
    return name.startswith("._") or name in _FILE_MANAGERS or "__MACOSX" in folders


def _small_directory(
    source: Path | BinaryIO, name: str, error: type[ZscapeError], most: int
) -> Path | BinaryIO:
    """`source`, if its table of contents is not enormous: zipfile reads that whole, and at once."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            _small_directory(file, name, error, most)
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
            if most < size != 0xFFFFFFFF:  # which stands for: see the other
                raise error(
                    f"{name} holds too many files: its table of contents alone has {size:,} bytes, "
                    f"and {most:,} are taken at most; zip what is needed."
                )
    source.seek(0)
    return source
