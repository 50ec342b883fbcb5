"""One image file, decoded by Pillow and never trusted: what it holds, and its pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

from vae_core.data.own.source import Size
from vae_core.data.own.values import Scale, Values, to_bytes, values_of
from vae_core.errors import DataError, ZscapeError

# None that runs another program.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")
WHITISH = 240  # levels from here on are not seen on white
BYTES = "8 bits"
CUT = "16 bits in colour, read at 8"  # as Pillow does, which keeps the upper half of each value
LOOKED_AT = 512  # pixels a side: of a larger JPEG, the range is seen as it is decoded smaller
MAX_FRAMES = 200_000  # of one file
MAX_PIXELS = 50_000_000  # of one image: 200 MB while it is decoded

_GREY_MODES = ("1", "L", "LA")
_FILMS = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_TURNED = (5, 6, 7, 8)  # Exif orientations that swap height and width
_EXIF_ORIENTATION = 0x0112
_TIFF_KIND, _TIFF_SMALLER = 254, 1  # a frame that is another one, smaller
# What Pillow raises for bytes that are not as they should be.
_PILLOW_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, OverflowError),
    *(IndexError, KeyError, TypeError, RuntimeError, Image.DecompressionBombError),
)


class Ended(DataError):
    """Of a film, this image and those after it cannot be read."""


class Head(NamedTuple):
    """What a file says of one image in it, before any is decoded; frame: its place there."""

    frame: int
    size: Size
    in_colour: bool


class Look(NamedTuple):
    """What an image is once it is decoded.

    in_colour: its channels differ; depth: of the numbers that it is stored as; transparent: in part
    at least; vanishes: on white, nothing of it is seen.
    """

    in_colour: bool
    depth: str
    values: Values
    transparent: bool = False
    vanishes: bool = False


def is_picture(data: bytes) -> bool:
    """Whether a file begins as an image does, be it of a kind that is read or one that is not."""
    if data[4:8] == b"ftyp":
        return data[8:12] in (*_HEIC, *_AVIF)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS):
            return True
    except _PILLOW_ERRORS:
        return False


def heads(data: bytes, on_head: Callable[[], object] = lambda: None) -> list[Head]:
    """The images in a file. DataError, a clause, where it has none that can be read.

    on_head is called after each.
    """
    with _sound():
        image = open_image(data)
        found: list[Head] = []
        for k in _frames(image):
            if k and image.format == "TIFF":
                _check_pixels(image)
                if image.tag_v2.get(_TIFF_KIND, 0) & _TIFF_SMALLER:  # type: ignore[attr-defined]
                    continue
            if len(found) == MAX_FRAMES:
                raise DataError(f"holds more than {MAX_FRAMES:,} images, the most that are read")
            found.append(Head(k, _upright_size(image), _has_colour(image)))
            on_head()
        return found


def _frames(image: Image.Image) -> Iterator[int]:
    """The place of each image in a file: of a TIFF the image is there then, as they may differ."""
    first = image.tell()  # of HEIC, the one that is meant
    if image.format == "MPO":
        yield from _pictures(image)
        return
    if image.format != "TIFF":
        n: int = getattr(image, "n_frames", 1) if image.format in _FILMS else 1
        yield from range(first, first + n)
        return
    for k in count():  # to ask for their number would be to go through them twice
        try:
            image.seek(k)
        except EOFError:
            return
        yield k


def _pictures(image: Image.Image) -> Iterator[int]:
    """The place of each picture of several in one JPEG, such as those of a camera with two lenses.

    Smaller ones are of the camera's own use: thumbnails, maps of depth or of brightness. Where a
    program took them away and left word of them, the first is whole all the same.
    """
    size = image.size
    yield 0
    for k in range(1, image.n_frames):  # type: ignore[attr-defined]
        try:
            image.seek(k)
        except _PILLOW_ERRORS:
            return
        if image.size == size:
            yield k


def _upright_size(image: Image.Image) -> Size:
    # Asked for what does not stand before its pixels, a PNG would decode them all.
    known = image.format != "PNG" or "exif" in image.info
    turned = known and image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    return (image.width, image.height) if turned else (image.height, image.width)


def look(image: Image.Image, frame: int, ground: str) -> Look:
    """Decode an image to see what it is on a ground. DataError, a clause, where it is damaged."""
    with _sound():
        _turn_to(image, frame)
        cut = any(
            ";16" in str(tile) for tile in getattr(image, "tile", ())
        )  # known until it is decoded
        pixels = _upright(image, frame, LOOKED_AT, ground)
        if isinstance(pixels, np.ndarray):
            values = values_of(pixels[None])
            if not np.isfinite(values.low + values.high):
                raise DataError("holds values that are no numbers")
            depth = "fractions" if pixels.dtype.kind == "f" else "more than 8 bits"
            return Look(False, depth, values)
        spans = np.ravel(pixels.getextrema())
        values = Values(float(spans.min()), float(spans.max()), whole=True)
        bands = [np.asarray(band) for band in pixels.split()]
        in_colour = not all(np.array_equal(band, bands[0]) for band in bands)
        least, most = _opacity(image)
        vanishes = least < 255 and most > 0 and values.low >= WHITISH
        depth = CUT if cut else BYTES
        return Look(in_colour, depth, values, least < 255, vanishes)


def decoded(
    image: Image.Image, frame: int, at_least: int, scale: Scale, ground: str
) -> Image.Image:
    """An image in mode L or RGB; both sides may come out smaller, but not below `at_least`."""
    with _sound():
        pixels = _upright(image, frame, at_least, ground)
        if isinstance(pixels, np.ndarray):
            return Image.fromarray(to_bytes(pixels, scale))
        if scale != (0, 255):
            levels = to_bytes(np.arange(256), scale).tolist()
            pixels = pixels.point(levels * len(pixels.getbands()))
        return pixels


def open_image(data: bytes) -> Image.Image:
    with _sound():
        image = Image.open(io.BytesIO(data), formats=_formats(data[4:12]))
        _check_pixels(image)
        return image


def _formats(head: bytes) -> tuple[str, ...]:
    """What a file may be; DataError, a clause, where what reads it is missing."""
    kind, brand = head[:4], head[4:]
    if kind == b"ftyp" and brand in _AVIF:
        if not features.check("avif"):
            raise DataError("is AVIF, which Pillow reads from 11.3 on; save it as PNG or JPEG")
        return ("AVIF",)
    if kind == b"ftyp" and brand in _HEIC:
        try:
            from pillow_heif import register_heif_opener
        except ImportError as missing:
            raise DataError(
                'is HEIC, which pillow-heif reads: pip install "zscape[heif]"; or save it as JPEG'
            ) from missing
        register_heif_opener()
        return ("HEIF",)
    return FORMATS


def _turn_to(image: Image.Image, frame: int) -> None:
    """Go to an image of a file; Ended, a clause, where a GIF grows on the way there.

    Pillow decodes each on the way, on a canvas that one may enlarge, whatever the file began with.
    """
    grows = image.format == "GIF"
    while (at := image.tell()) != frame:
        size = image.size
        image.seek(at + 1 if grows and at < frame else frame)
        if grows and image.size != size:
            raise Ended("grows beyond the size that it began with; save its images singly")


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"has {image.width:,} x {image.height:,} pixels; {MAX_PIXELS:,} are read at most"
        )


def _has_colour(image: Image.Image) -> bool:
    return not (image.mode in _GREY_MODES or _is_deep(image))


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _opacity(image: Image.Image) -> tuple[int, int]:
    """The least and the most of an image's alpha."""
    if not image.has_transparency_data:
        return 255, 255
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return int(alpha.min()), int(alpha.max())


def _upright(
    image: Image.Image, frame: int, at_least: int, ground: str
) -> Image.Image | NDArray[np.generic]:
    """Upright, in mode L or RGB, or an array of deeper greys; the ground is seen behind it."""
    _turn_to(image, frame)
    image.draft(None, (at_least, at_least))  # a JPEG that is larger is decoded smaller, and faster
    image = ImageOps.exif_transpose(image)
    if _is_deep(image):
        return np.asarray(image)
    in_colour = _has_colour(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
    return image.convert("RGB" if in_colour else "L")


@contextmanager
def _sound() -> Iterator[None]:
    """Any trouble with an image becomes a DataError: a clause that goes after its name."""
    try:
        yield
    except ZscapeError:
        raise
    except _PILLOW_ERRORS as error:
        raise DataError("is no image, or a damaged one") from error
