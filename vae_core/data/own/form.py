"""What a user's own images are made into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vae_core.data.own.source import ImageSource, Size
from vae_core.data.own.values import Scale
from vae_core.errors import ConfigError, DataError
from vae_core.files.zip_names import check_encoding

MAX_SIDE = 512
FITS = ("crop", "pad")
CHANNELS = {"grey": 1, "colour": 3}
FRAMES = ("all", "first")
AXES = ("nhw", "hwn", "nhwc", "nchw", "hwcn")


@dataclass(frozen=True)
class ImageForm:
    """What images are made into. ConfigError when a value is out of range.

    size    (height, width) in pixels; None keeps the images' own, which must then all be one
    fit     where the shape differs: "crop" cuts off what sticks out, the same on both sides; "pad"
            shows the whole image on black
    colour  "grey" or "colour"; None: colour where the channels of any image differ
    scale   the values that become black and white, such as (0, 255), (0, 1) or (0, 4095); None: as
            the range of the values makes certain, see `values.USUAL`
    frames  of a file that holds several: "all", each an image, or the "first"
    names   the encoding of names in a zip that does not say it, such as "cp932"; None: guessed
    axes    of an array: one of AXES, letters for images, height, width and channels; None: guessed
            where it is clear enough
    """

    size: Size | None = None
    fit: str = "crop"
    colour: str | None = None
    scale: Scale | None = None
    frames: str = "all"
    names: str | None = None
    axes: str | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not (
            isinstance(self.size, Sequence)
            and len(self.size) == 2
            and all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in self.size)
        ):
            raise ConfigError(
                f"size={self.size} is no (height, width) of 1 to {MAX_SIDE} pixels each."
            )
        if self.scale is not None and not (
            isinstance(self.scale, Sequence)
            and len(self.scale) == 2
            and all(isinstance(v, (int, float)) and math.isfinite(v) for v in self.scale)
            and self.scale[0] != self.scale[1]
        ):
            raise ConfigError(f"scale={self.scale} is no (black, white) of two unlike numbers.")
        if self.names is not None:
            check_encoding(self.names)
        for name, choices in (
            *(("fit", FITS), ("colour", (*CHANNELS, None))),
            *(("frames", FRAMES), ("axes", (*AXES, None))),
        ):
            if (value := getattr(self, name)) not in choices:
                known = ", ".join(filter(None, choices))
                raise ConfigError(f"Unknown {name} {value!r}; choose one of {known}.")

    @classmethod
    def of(cls, image_shape: Sequence[int]) -> ImageForm:
        """The form of images (c, h, w), such as a model reads."""
        channels, height, width = image_shape
        [colour] = [name for name, n in CHANNELS.items() if n == channels]
        return cls((height, width), colour=colour)


def settled(form: ImageForm, images: ImageSource) -> ImageForm:
    """The form with size and colour as the images have them, where it leaves them open."""
    colour = form.colour or ("colour" if images.in_colour else "grey")
    return replace(form, size=_size(form, images.name, images.sizes), colour=colour)


def check_memory(
    form: ImageForm, name: str, sizes: Sequence[Size], in_colour: bool, max_bytes: int
) -> None:
    """DataError when images of such sizes do not fit the form, or not into `max_bytes`."""
    height, width = _size(form, name, sizes)
    colour = form.colour or ("colour" if in_colour else "grey")
    wanted = len(sizes) * height * width * CHANNELS[colour]
    if wanted > max_bytes:
        raise DataError(
            f"{name}: {len(sizes):,} images of {height}x{width} take {wanted:,} bytes, more than "
            f"{max_bytes:,}; choose a smaller size."
        )


def _size(form: ImageForm, name: str, sizes: Sequence[Size]) -> Size:
    if form.size is not None:
        return form.size
    first = sizes[0]
    other = next((size for size in sizes if size != first), None)
    if other is not None:
        raise DataError(
            f"{name}: the images are not of one size ({first[0]}x{first[1]} and "
            f"{other[0]}x{other[1]}, for example); choose a size for all, as size=(32, 32) or "
            "--size 32x32 does."
        )
    if max(first) > MAX_SIDE:
        raise DataError(
            f"{name}: the images are {first[0]}x{first[1]}; choose a size of {MAX_SIDE}x{MAX_SIDE} "
            "pixels at most, as size=(32, 32) or --size 32x32 does."
        )
    return first
