"""What a user's own images come in: told by its content, and not by its name."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from vae_core.data.own.arrays import array_source
from vae_core.data.own.containers import Alone, Folder, Zip
from vae_core.data.own.decoding import is_picture
from vae_core.data.own.files import SUFFIXES, file_source
from vae_core.data.own.form import ImageForm
from vae_core.data.own.idx import idx_source
from vae_core.data.own.source import ImageSource, printable
from vae_core.data.own.tables import Table
from vae_core.errors import DataError
from vae_core.files.arrays import open_arrays
from vae_core.files.zips import left_by_file_manager, member_path, open_zip

Source = str | os.PathLike[str] | BinaryIO

HEAD_BYTES = 1 << 16
_IDX, _GZIP, _ZIP = b"\0\0", b"\x1f\x8b", b"PK"
_TAR = slice(257, 262)  # where a tar archive says so
_PACKED = {
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstd",
}


@contextmanager
def opened(
    source: Source, labels: Source | None, form: ImageForm, max_bytes: int
) -> Iterator[ImageSource]:
    """The images of `source`; DataError if it has none.

    labels: of an idx file, those of its images; of a folder or a zip, a table beside it.
    """
    file, name = _file(source), _name(source)
    if isinstance(file, Path) and os.path.isdir(file):
        yield file_source(name, Folder(file), form, max_bytes, _table(labels, name))
        return
    head = _head(file, name)
    if _is_idx(head):
        given = None if labels is None else _file(labels)
        yield idx_source(file, given, name, max_bytes, form.scale)
        return
    if head.startswith(_ZIP) and _holds_arrays(file, name):
        _refuse_labels(labels, name)
        with open_arrays(file, name) as archive:
            yield array_source(archive, name, max_bytes, form)
    elif head.startswith(_ZIP):
        with open_zip(file, name) as bundle:
            files = Zip(bundle, name, form.names)
            yield file_source(name, files, form, max_bytes, _table(labels, name))
    elif is_picture(head):
        _refuse_labels(labels, name)
        yield file_source(name, Alone(file, name), form, max_bytes)
    else:
        raise DataError(_what_it_is(head, name))


def may_have_labels(source: Source) -> bool:
    """Whether `source` is an idx file, plain or packed: its labels come in another."""
    file = _file(source)
    folder = isinstance(file, Path) and file.is_dir()
    return not folder and _is_idx(_head(file, _name(source)))


def _is_idx(head: bytes) -> bool:
    if head.startswith(_GZIP):
        content = _unpacked(head)
        return content.startswith(_IDX) or not content  # damaged, as will be said
    return head.startswith(_IDX)


def _what_it_is(head: bytes, name: str) -> str:
    """Why a file cannot be read, and what to do."""
    for start, kind in _PACKED.items():
        if head.startswith(start):
            return f"{name} is a {kind} archive; unpack it, and give the folder or a zip of it."
    content = _unpacked(head) if head.startswith(_GZIP) else head
    if content[_TAR] == b"ustar":
        return f"{name} is a tar archive; unpack it, and give the folder or a zip of it."
    if head.startswith(_GZIP):
        return f"{name} is packed by gzip, but holds no idx file; unpack it and see what it is."
    if head.startswith(b"\x93NUMPY"):
        return f"{name} is a single array; save it by np.savez, with labels in y if there are any."
    return f"{name} is neither a folder, a zip, a .npz, an idx file of images nor a stack of them."


def _unpacked(head: bytes) -> bytes:
    """The beginning of what gzip has packed; nothing where that is damaged."""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _refuse_labels(labels: Source | None, name: str) -> None:
    if labels is not None:
        raise DataError(f"{name} is no idx file, so a file of labels cannot belong to it.")


def _table(labels: Source | None, of: str) -> Table | None:
    """A table of the images that is given beside them."""
    if labels is None:
        return None
    file, name = _file(labels), _name(labels)
    if _is_idx(_head(file, name)):
        _refuse_labels(labels, of)
    return name, Alone(file, name).read(name)


def _file(source: Source) -> Path | BinaryIO:
    return Path(source) if isinstance(source, (str, os.PathLike)) else source


def _name(source: Source) -> str:
    path = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    return printable(Path(path).name) if isinstance(path, (str, os.PathLike)) else "The file"


def _head(file: Path | BinaryIO, name: str) -> bytes:
    """The first bytes."""
    if isinstance(file, Path) and not os.path.isfile(file):
        raise DataError(f"There is no file or folder {printable(str(file))!r}.")
    try:
        if isinstance(file, Path):
            with file.open("rb") as stream:
                return stream.read(HEAD_BYTES)
        file.seek(0)
        return file.read(HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read: {error}.") from error


def _holds_arrays(file: Path | BinaryIO, name: str) -> bool:
    with open_zip(file, name) as bundle:
        paths = [PurePosixPath(member_path(member)) for member in bundle.infolist()]
    suffixes = {path.suffix.lower() for path in paths if not left_by_file_manager(str(path))}
    return ".npy" in suffixes and suffixes.isdisjoint(SUFFIXES)
