"""What a user's image files lie in: a folder, a zip, a tar, or nothing but themselves."""

from __future__ import annotations

import gzip
import os
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Protocol

from vae_core.data.own.source import listed
from vae_core.errors import DataError, ZscapeError
from vae_core.files.atomic import open_ordinary
from vae_core.files.zip_names import ENCODINGS, UTF8, likely_encodings, name_of, unsaid_names
from vae_core.files.zips import ZIP_ERRORS, check_stays_inside, zip_files

MAX_FILES = 200_000
MAX_FILE_BYTES = 64 << 20
MIN_LARGE_BYTES = 1 << 30  # a zip that unpacks to less may be packed however well
MAX_RATIO = 20
TAR_ERRORS = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError)


class Container(Protocol):
    """Files by their paths, "/" between the parts.

    notes: sentences on how the paths were understood, and what was left out; encodings: in what the
    paths may be written, the likeliest first, where that is not said.
    """

    paths: list[str]
    notes: list[str]
    encodings: tuple[str, ...]

    def read(self, path: str) -> bytes:
        """All of a file of `MAX_FILE_BYTES` at most; DataError, a clause, where that cannot be."""


class Folder:
    """The files below a folder; where a link in it leads, too, each folder once."""

    encodings: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self._path, root = path, path.resolve()
        self.paths: list[str] = []
        followed, leading_out = {root}, []
        for folder, subfolders, files in os.walk(path, followlinks=True):
            for entry in [Path(folder, each) for each in (*sorted(subfolders), *files)]:
                if not entry.is_symlink():
                    continue
                try:
                    target = entry.resolve()
                except (OSError, RuntimeError):  # it leads to itself, as will be said of the file
                    continue
                if not target.is_relative_to(root):
                    leading_out.append(entry.relative_to(path).as_posix())
                if entry.name in subfolders and (target.is_relative_to(root) or target in followed):
                    subfolders.remove(entry.name)  # it is read where it is
                followed.add(target)
            self.paths += [Path(folder, each).relative_to(path).as_posix() for each in files]
            _check_number(path.name, len(self.paths))
        self.notes = []
        if leading_out:
            self.notes.append(f"Links that lead out of the folder are read: {listed(leading_out)}.")

    def read(self, path: str) -> bytes:
        with open_ordinary(self._path / path, DataError, MAX_FILE_BYTES) as file:
            return file.read()


class Zip:
    """The files of an archive; nothing is unpacked to disk."""

    def __init__(self, bundle: zipfile.ZipFile, name: str, encoding: str | None = None) -> None:
        self._bundle = bundle
        self._members: dict[str, zipfile.ZipInfo] = {}
        members = bundle.infolist()
        size = sum(member.file_size for member in members)
        packed = bundle.start_dir  # members may lie over one another, so their sizes tell nothing
        if size > max(MIN_LARGE_BYTES, MAX_RATIO * packed):
            raise DataError(
                f"{name} unpacks to {size:,} bytes, more than {MAX_RATIO} times its size; images "
                "are never so small when packed."
            )
        if any(member.flag_bits & 1 for member in members):
            raise DataError(f"{name} is encrypted; pack it without a password.")
        self.notes: list[str] = []
        unsaid = unsaid_names(members)
        likely = likely_encodings(unsaid)
        self.encodings = tuple(likely) if likely != [UTF8] else ()
        written_in = encoding or likely[0]
        files = zip_files(bundle, name, encoding=written_in)
        _check_number(name, len(files))
        self._members = dict(files)
        self.paths = list(self._members)
        if twice := len(files) - len(self._members):
            twofold = "a file" if twice == 1 else f"{twice:,} files"
            self.notes.append(f"Of {twofold} that the archive has twice, the later is read.")
        names = [name_of(member, written_in) for member in members]
        if odd := [each for each in names if "\\" in each and "/" in each]:
            self.notes.append(f"Backslashes are read as slashes: {listed(odd)}.")
        if self.encodings and not encoding:
            guess = self.encodings[0]
            shown = unsaid[0].decode(guess)
            self.notes.append(
                f"The archive does not say how it writes names such as {listed([shown])}: they are "
                f"read as {ENCODINGS[guess]} ({guess})."
            )

    def read(self, path: str) -> bytes:
        member = self._members[path]
        if member.file_size > MAX_FILE_BYTES:
            raise DataError(
                f"unpacks to {member.file_size:,} bytes; {MAX_FILE_BYTES:,} are read at most"
            )
        try:
            with self._bundle.open(member) as file:
                return file.read(member.file_size)
        except ZIP_ERRORS as error:
            raise DataError(f"is damaged in the archive ({str(error)[:80]})") from error


class Tar:
    """The files of a tar archive that is not packed; nothing of it is written to disk."""

    encodings: tuple[str, ...] = ()

    def __init__(self, bundle: tarfile.TarFile, name: str) -> None:
        self._bundle = bundle
        self._members: dict[str, tarfile.TarInfo] = {}
        for n, member in enumerate(bundle):
            _check_number(name, n + 1)
            path = re.sub(r"^(\./+)+(?=.)", "", member.name)
            odd = not (member.isfile() or member.isdir())
            check_stays_inside(path, name, is_link=odd)
            if member.isfile():
                self._members[path] = member
        self.paths, self.notes = list(self._members), list[str]()

    def read(self, path: str) -> bytes:
        member = self._members[path]
        if member.size > MAX_FILE_BYTES:
            raise DataError(f"has {member.size:,} bytes; {MAX_FILE_BYTES:,} are read at most")
        try:
            file = self._bundle.extractfile(member)
            return b"" if file is None else file.read()
        except TAR_ERRORS as error:
            raise DataError(f"is damaged in the archive ({str(error)[:80]})") from error


@contextmanager
def open_tar(file: Path | BinaryIO, name: str) -> Iterator[Tar]:
    """Open a tar archive, plain or packed by gzip; DataError when it is broken."""
    try:
        with (
            file.open("rb") if isinstance(file, Path) else nullcontext(file) as stream,
            _unpacked(stream, name) as plain,
            tarfile.open(fileobj=plain, mode="r:") as bundle,
        ):
            yield Tar(bundle, name)
    except ZscapeError:
        raise
    except TAR_ERRORS as error:
        raise DataError(f"{name} is no tar archive, or a damaged one; make it anew.") from error


@contextmanager
def _unpacked(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """What gzip has packed, in a file of its own, or what was never packed."""
    packed = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    is_gzip = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    if not is_gzip:
        yield stream
        return
    most = max(MIN_LARGE_BYTES, MAX_RATIO * packed)
    with tempfile.TemporaryFile(prefix="zscape-") as plain, gzip.GzipFile(fileobj=stream) as source:
        while block := source.read(1 << 20):
            if plain.tell() + len(block) > most:
                raise DataError(f"{name} unpacks to more than {most:,} bytes; pack what is needed.")
            plain.write(block)
        plain.seek(0)
        yield plain


class Alone:
    """A single file, which may hold many images."""

    encodings: tuple[str, ...] = ()

    def __init__(self, file: Path | BinaryIO, name: str) -> None:
        self._file, self.paths, self.notes = file, [name], list[str]()

    def read(self, path: str) -> bytes:
        if isinstance(self._file, Path):
            with open_ordinary(self._file, DataError, MAX_FILE_BYTES) as file:
                return file.read()
        self._file.seek(0)
        data = self._file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise DataError(f"has more than {MAX_FILE_BYTES:,} bytes, the most that are read")
        return data


def _check_number(name: str, files: int) -> None:
    if files > MAX_FILES:
        raise DataError(f"{name} holds {files:,} files; {MAX_FILES:,} are read at most.")
