"""What an object from outside offers, in its own words, and the shapes its images come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_core.errors import ConfigError

ImageShape = tuple[int, int, int]  # (c, h, w)
# How one image lies in an array: channels, height, width; "rows": pixels in a row, as "chw" goes;
# "last rows" as "hwc" goes.
LAYOUTS = ("chw", "hw", "hwc", "rows", "last rows")


@dataclass(frozen=True)
class Outside:
    """An encoder and a decoder from elsewhere.

    name: what it is, for a sentence. encode: images, (n, …) in the first of `layouts` that it
    takes, to codes (n, *code_shape) or to a pair of them, mu and logvar. decode: codes to images.
    What they give is anything that NumPy takes for an array. black, white: the values of its
    images that are 0 and 1 here. network: its weights, a copy that nobody else has.
    """

    name: str
    encode: Callable[[Tensor], object] | None = None
    decode: Callable[[Tensor], object] | None = None
    code_shape: tuple[int, ...] | None = None
    image_shape: ImageShape | None = None
    layouts: tuple[str, ...] = LAYOUTS
    black: float = 0.0
    white: float = 1.0
    network: nn.Module = field(default_factory=nn.Module)


def laid_out(x: Tensor, layout: str) -> Tensor:
    """Images (n, c, h, w) as `layout` has them, "hw" of grey ones."""
    match layout:
        case "hw":
            return x[:, 0]
        case "hwc":
            return x.permute(0, 2, 3, 1)
        case "rows":
            return x.flatten(1)
        case "last rows":
            return x.permute(0, 2, 3, 1).flatten(1)
    return x


def as_images(y: Tensor, shape: ImageShape, layout: str) -> Tensor:
    """Images (n, …) however they lie as (n, c, h, w); rows of pixels go as `layout` does.

    ConfigError where they are of another shape.
    """
    c, h, w = shape
    own = tuple(y.shape[1:])
    if own == shape:
        return y
    if own == (h, w) and c == 1:
        return y[:, None]
    if own == (h, w, c):
        return y.permute(0, 3, 1, 2)
    if own == (c * h * w,):
        if layout in ("hwc", "last rows"):
            return y.reshape(-1, h, w, c).permute(0, 3, 1, 2)
        return y.reshape(-1, c, h, w)
    raise ConfigError(
        f"decode gives images of {own}, not of image_shape={shape}; give the image_shape that "
        "it has."
    )


def shape_of(images: tuple[int, ...]) -> tuple[ImageShape | None, str]:
    """(c, h, w) of one image of the shape (h, w), (c, h, w), (h, w, c), and its layout.

    No shape of a row of pixels.
    """
    match images:
        case (h, w):
            return (1, h, w), "hw"
        case (1 | 3 as c, h, w):
            return (c, h, w), "chw"
        case (h, w, 1 | 3 as c):
            return (c, h, w), "hwc"
        case (_,):
            return None, "rows"
    raise ConfigError(
        f"One image is {images}; give (h, w), or (c, h, w) or (h, w, c) with 1 or 3 channels."
    )


def as_tensor(given: object, name: str) -> Tensor:
    """A tensor, the mean of a distribution, or an array of numbers as float32 or uint8.

    ConfigError for all else.
    """
    if isinstance(given, Distribution):
        given = given.mean
    if isinstance(given, Tensor):
        return given
    import numpy as np

    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        kind = type(given)
        raise ConfigError(
            f"{name} gives a {kind.__module__}.{kind.__name__}; it must give an array of numbers."
        )
    kept = np.uint8 if array.dtype == np.uint8 else np.float32
    return torch.from_numpy(np.array(array, kept, order="C"))
