"""What a user's own images come in: told by its content, and not by its name."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from vae_core.data.own.arrays import array_source
from vae_core.data.own.containers import Alone, Folder, Zip, open_tar
from vae_core.data.own.decoding import is_picture
from vae_core.data.own.files import SUFFIXES, OnLook, file_source
from vae_core.data.own.foreign.conversion import boxed, converted
from vae_core.data.own.foreign.kinds import HEAD_BYTES as KIND_BYTES
from vae_core.data.own.foreign.kinds import unread_file
from vae_core.data.own.form import ImageForm
from vae_core.data.own.idx import idx_source
from vae_core.data.own.source import ImageSource, printable
from vae_core.data.own.tables import Table
from vae_core.errors import DataError
from vae_core.files.arrays import open_arrays
from vae_core.files.zips import left_by_file_manager, member_path, open_zip

Source = str | os.PathLike[str] | BinaryIO

HEAD_BYTES = 1 << 16
MAX_DIRECTORY_BYTES = 32 << 20  # of the zip that is made of parquet: its rows are counted there
_IDX, _GZIP, _ZIP, _NPY = b"\0\0", b"\x1f\x8b", b"PK", b"\x93NUMPY"
_CONVERTED = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"MATLAB 7.3": "hdf5",
    b"MATLAB 5.0": "matlab",
    b"PAR1": "parquet",
}
_TAR = slice(257, 262)  # where a tar archive says so


@contextmanager
def opened(
    source: Source,
    labels: Source | None,
    form: ImageForm,
    max_bytes: int,
    on_look: OnLook = lambda done: None,
) -> Iterator[ImageSource]:
    """The images of `source`; DataError if it has none.

    labels: of an idx file, those of its images; of a folder or a zip, a table beside it. on_look
    hears how far the looking at files is, 0 to 1; of arrays nothing.
    """
    file, name = _file(source), _name(source)
    if isinstance(file, Path) and os.path.isdir(file):
        found = Folder(file)
        tables = [file / path for path in sorted(found.paths) if path.endswith(".parquet")]
        if tables and not any(PurePosixPath(p).suffix.lower() in SUFFIXES for p in found.paths):
            _refuse_labels(labels, name)
            with _of_parquet(tables, name, form, max_bytes, on_look) as images:
                yield images
        else:
            yield file_source(name, found, form, max_bytes, on_look, _table(labels, name))
        return
    head = _head(file, name)
    content = _unpacked(head) if head.startswith(_GZIP) else head
    if refused := unread_file(content[:KIND_BYTES], name):
        raise DataError(f"{name} {refused}.")
    kind = next((kind for start, kind in _CONVERTED.items() if head.startswith(start)), "")
    if content[_TAR] == b"ustar":
        with open_tar(file, name) as tar:
            yield file_source(name, tar, form, max_bytes, on_look, _table(labels, name))
        return
    if not kind and _is_idx(head):
        given = None if labels is None else _file(labels)
        yield idx_source(file, given, name, max_bytes, form.scale)
        return
    if not head.startswith(_ZIP):
        _refuse_labels(labels, name)
    if kind == "parquet":
        with _of_parquet([file], name, form, max_bytes, on_look) as images:
            yield images
    elif kind:
        with (
            converted(kind, [file], name, max_bytes) as made,
            open_arrays(made.path, name) as archive,
        ):
            yield array_source(archive, name, max_bytes, form)
    elif head.startswith(_NPY):
        with boxed(file, name, max_bytes) as path, open_arrays(path, name) as archive:
            yield array_source(archive, name, max_bytes, form)
    elif head.startswith(_ZIP) and _holds_arrays(file, name):
        _refuse_labels(labels, name)
        with open_arrays(file, name) as archive:
            yield array_source(archive, name, max_bytes, form)
    elif head.startswith(_ZIP):
        with open_zip(file, name) as bundle:
            files = Zip(bundle, name, form.names)
            yield file_source(name, files, form, max_bytes, on_look, _table(labels, name))
    elif is_picture(head):
        _refuse_labels(labels, name)
        yield file_source(name, Alone(file, name), form, max_bytes, on_look)
    elif head.startswith(_GZIP):
        raise DataError(
            f"{name} is packed by gzip, but holds no idx file and no tar archive; unpack it and "
            "see what it is."
        )
    else:
        raise DataError(
            f"{name} is no folder, archive or array of images: zip, tar, .npz, .npy, idx, HDF5, "
            "MATLAB, parquet, or a stack such as TIFF."
        )


@contextmanager
def _of_parquet(
    files: Sequence[Path | BinaryIO],
    name: str,
    form: ImageForm,
    max_bytes: int,
    on_look: OnLook,
) -> Iterator[ImageSource]:
    with (
        converted("parquet", files, name, max_bytes) as made,
        open_zip(made.path, name, max_directory=MAX_DIRECTORY_BYTES) as bundle,
    ):
        images = file_source(name, Zip(bundle, name), form, max_bytes, on_look)
        yield replace(images, notes=(*made.notes, *images.notes))


def may_have_labels(source: Source) -> bool:
    """Whether `source` is an idx file, plain or packed: its labels come in another."""
    file = _file(source)
    folder = isinstance(file, Path) and file.is_dir()
    return not folder and _is_idx(_head(file, _name(source)))


def _is_idx(head: bytes) -> bool:
    content = _unpacked(head) if head.startswith(_GZIP) else head
    if not content:
        return head.startswith(_GZIP)  # damaged, as will be said
    return content.startswith(_IDX) and not unread_file(content[:KIND_BYTES], "")


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
    if any(path.name == "data.pkl" for path in paths):
        raise DataError(
            f"{name} is PyTorch's own file, a pickle, which is never loaded; save its array by "
            "np.savez."
        )
    suffixes = {path.suffix.lower() for path in paths if not left_by_file_manager(str(path))}
    return ".npy" in suffixes and suffixes.isdisjoint(SUFFIXES)
