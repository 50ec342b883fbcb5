"""Image files in a folder or a zip, decoded by Pillow one at a time and never trusted.

What lies in folders of its own is a class: `cats/1.png`, `dogs/2.png`. Above the classes there may
be `train`, `val` and `test`. Hidden files and those that are no images by their names are passed
over.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from vae_core.data.own.source import ImageSource, Size, labelled, parted, printable
from vae_core.errors import DataError, ZscapeError
from vae_core.files.atomic import open_ordinary
from vae_core.files.zips import open_zip

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # none that runs another program
MAX_FILES = 200_000
MAX_FILE_BYTES = 64 << 20
MIN_LARGE_BYTES = 1 << 30  # a zip that unpacks to less may be packed however well
MAX_RATIO = 20
MAX_PIXELS = 50_000_000  # of one image: 200 MB while it is decoded

_GREY_MODES = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I")
_TURNED = (5, 6, 7, 8)  # Exif orientations that swap height and width
_EXIF_ORIENTATION = 0x0112
# What Pillow raises for bytes that are not as they should be.
_PILLOW_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, OverflowError),
    *(IndexError, KeyError, TypeError, RuntimeError, Image.DecompressionBombError),
)


@contextmanager
def open_folder(path: Path) -> Iterator[ImageSource]:
    """The images below the folder `path`; links that lead out of it are refused."""
    with _source(path.name, _Folder(path)) as source:
        yield source


@contextmanager
def open_image_zip(file: Path | BinaryIO, name: str) -> Iterator[ImageSource]:
    """The images in a zip; nothing is unpacked to disk."""
    with open_zip(file, name) as bundle, _source(name, _Zip(bundle, name)) as source:
        yield source


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path, root = path, path.resolve()
        self.names: list[str] = []
        for folder, subfolders, files in os.walk(path, followlinks=False):
            subfolders.sort()
            for entry in (Path(folder, each) for each in (*subfolders, *sorted(files))):
                if entry.is_symlink() and not entry.resolve().is_relative_to(root):
                    raise DataError(
                        f"{path.name}: {printable(entry.name)} leads out of the folder."
                    )
            self.names += [Path(folder, each).relative_to(path).as_posix() for each in files]

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with open_ordinary(self._path / name, DataError, MAX_FILE_BYTES) as file:
            yield file


class _Zip:
    def __init__(self, bundle: zipfile.ZipFile, name: str) -> None:
        self._bundle = bundle
        self.names: list[str] = []
        members = bundle.infolist()
        size = sum(member.file_size for member in members)
        packed = bundle.start_dir  # members may lie over one another, so their sizes tell nothing
        if size > max(MIN_LARGE_BYTES, MAX_RATIO * packed):
            raise DataError(
                f"{name} unpacks to {size:,} bytes, more than {MAX_RATIO} times its size; images "
                "are never so small when packed."
            )
        for member in members:
            path = member.filename
            linked = stat.S_ISLNK(member.external_attr >> 16)
            if path.startswith("/") or "\\" in path or ".." in path.split("/") or linked:
                raise DataError(f"{name}: {printable(path)} is a link or leads out of the archive.")
            if not member.is_dir():
                self.names.append(path)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        size = self._bundle.getinfo(name).file_size
        if size > MAX_FILE_BYTES:
            raise DataError(
                f"{printable(name)} unpacks to {size:,} bytes; {MAX_FILE_BYTES:,} are read at most."
            )
        with self._bundle.open(name) as file:
            yield io.BytesIO(file.read(size))


@contextmanager
def _source(name: str, files: _Folder | _Zip) -> Iterator[ImageSource]:
    paths = sorted(path for path in map(PurePosixPath, files.names) if _is_image(path))
    if not paths:
        raise DataError(f"{name} holds no images; files that end in {', '.join(SUFFIXES)} are.")
    if len(paths) > MAX_FILES:
        raise DataError(f"{name} holds {len(paths):,} images; {MAX_FILES:,} are read at most.")
    sizes: list[Size] = []
    in_colour = False
    for path in paths:  # what can be refused is refused before anything is decoded
        with files.open(str(path)) as file, _named(path):
            head = _opened(file)
            # Asked for what does not stand before its pixels, a PNG would decode them all.
            known = head.format != "PNG" or "exif" in head.info
            turned = known and head.getexif().get(_EXIF_ORIENTATION) in _TURNED
            sizes.append((head.width, head.height) if turned else (head.height, head.width))
            in_colour |= head.mode not in _GREY_MODES

    def image(index: int, at_least: int) -> Image.Image:
        with files.open(str(paths[index])) as file, _named(paths[index]):
            return _decoded(_opened(file), at_least)

    splits, labels, class_names = _classes(name, [path.parts[:-1] for path in paths])
    yield ImageSource(name, sizes, in_colour, image, splits, labels, class_names)


def _is_image(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES


def _classes(
    name: str, folders: Sequence[tuple[str, ...]]
) -> tuple[list[str] | None, Any, tuple[str, ...]]:
    """Each image's split and label, by the folders it lies in."""
    above = len(PurePosixPath(posixpath.commonpath("/".join(parts) for parts in folders)).parts)
    below = [parts[above:] for parts in folders]
    splits = parted([parts[0] if parts else "" for parts in below])
    if splits is not None:
        below = [parts[1:] for parts in below]
    if not any(below):
        return splits, None, ()
    if not all(below):
        raise DataError(
            f"{name}: some images lie in folders, which name their classes, and some beside them; "
            "put each into the folder of its class, or all into one."
        )
    return splits, *labelled(name, np.array([parts[0] for parts in below]))


def _opened(file: IO[bytes]) -> Image.Image:
    image = Image.open(file, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"it has {image.width:,} x {image.height:,} pixels; {MAX_PIXELS:,} are read at most"
        )
    return image


def _decoded(image: Image.Image, at_least: int) -> Image.Image:
    """Upright, in mode L or RGB; what is transparent becomes white; of a film, the first frame."""
    image.draft(None, (at_least, at_least))  # a JPEG that is larger is decoded smaller, and faster
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        if image.mode == "I" and (deep.min() < 0 or deep.max() > 0xFFFF):
            raise DataError("it has more than 16 bits a pixel")
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode == "F":
        raise DataError("its pixels are fractions")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if image.mode in _GREY_MODES else "RGB")


@contextmanager
def _named(path: PurePosixPath) -> Iterator[None]:
    """Any trouble with the image becomes a DataError that names it."""
    shown = printable(str(path))
    try:
        yield
    except ZscapeError as error:
        raise DataError(f"{shown} cannot be used: {error}; take it out and try again.") from error
    except _PILLOW_ERRORS as error:
        raise DataError(
            f"{shown} is no image, or a damaged one; take it out and try again."
        ) from error
