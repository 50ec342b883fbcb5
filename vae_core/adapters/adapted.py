"""The door for models from outside: `adapted` finds out how an object wants to be spoken to.

It is tried on two images and on their codes, or on two draws of N(0, I), before it is taken.
"""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.adapters.folders import of_folder
from vae_core.adapters.libraries import library_of, of_keras, of_library, of_onnx
from vae_core.adapters.model import Adapted, codes_of
from vae_core.adapters.modules import owned
from vae_core.adapters.outside import (
    Outside,
    as_images,
    as_tensor,
    laid_out,
    shape_of,
)
from vae_core.errors import ConfigError
from vae_core.models.config import MAX_ADAPTED_DIM
from vae_core.models.latent_model import LatentModel

TRIED = 8  # images that a model is tried on
REACH = 4.0  # how far codes are tried, in standard deviations: as far as sliders reach
FAR = 0.2  # what clipping may take away, root mean square; images from -1 to 1 lose more
SEEN = 0.02  # of a pixel, beyond black or white


def adapted(
    model: object = None,
    *,
    encode: Callable[[Any], Any] | None = None,
    decode: Callable[[Any], Any] | None = None,
    latent_dim: int | tuple[int, ...] | None = None,
    image_shape: tuple[int, ...] | None = None,
    images: Any = None,
    value_range: tuple[float, float] | None = None,
) -> LatentModel:
    """A model from outside, with `encode` and `decode` as all models here have them.

    model: an nn.Module whose `encode` gives mu or (mu, logvar) and whose `decode` gives images, or
    a model of this library, which is copied. Or `encode` and `decode` themselves, on tensors or
    NumPy arrays. Either may be missing. Images may lie as (n, c, h, w), (n, h, w), (n, h, w, c)
    or (n, pixels), codes as (n, d) or with more axes, which are flattened.
    latent_dim: of a decoder alone, or the shape of its code. image_shape: (h, w), (c, h, w) or
    (h, w, c). images: some of those it was made for, by which both are found. value_range: what
    black and white are among its images, (0, 1) if nothing is said.
    Modules are copied, so that the caller's are left as they are. What it breaks of what pages rely
    on is warned of, and `told`. ConfigError where it cannot be used, with what would help.
    """
    if isinstance(model, Adapted):
        return model
    if isinstance(model, LatentModel):
        return copy.deepcopy(model).eval().requires_grad_(False)
    outside = _outside(model, encode, decode)
    is_assumed = value_range is None and (outside.black, outside.white) == (0, 1)
    if value_range is not None:
        black, white = checked_range(value_range)
        outside = replace(outside, black=black, white=white)
    if latent_dim is not None:
        outside = replace(outside, code_shape=_checked_code(latent_dim))
    with torch.no_grad(), warnings.catch_warnings():
        # A function of NumPy's takes a tensor, and warns: it is to be given arrays.
        warnings.filterwarnings("error", "__array_wrap__", DeprecationWarning)
        found, z = _tried(_with_shape(outside, image_shape, images), images)
        found.told = tuple(_breaches(found, z, is_assumed))
    for sentence in found.told:
        warnings.warn(sentence, stacklevel=2)
    return found


def checked_range(given: Any) -> tuple[float, float]:
    """What black and white are; ConfigError unless they are two different numbers."""
    try:
        black, white = map(float, given)
    except (TypeError, ValueError):
        black = white = math.nan
    if not math.isfinite(white - black) or white == black:
        raise ConfigError(
            f"value_range={shown(given)}; give two different numbers, black and white, such as "
            "(-1, 1)."
        )
    return black, white


def _checked_code(given: Any) -> tuple[int, ...]:
    told = given if isinstance(given, tuple | list) else (given,)
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in told)
    if not told or not whole or math.prod(told) > MAX_ADAPTED_DIM:
        raise ConfigError(
            f"latent_dim={shown(given)}; give how many numbers a code has, 1 to "
            f"{MAX_ADAPTED_DIM:,}, or its shape, such as (4, 8, 8)."
        )
    return tuple(told)


def _outside(model: object, encode: Any, decode: Any) -> Outside:
    """What is known of the object by what it is; nothing is called yet."""
    if (model is None) == (encode is None and decode is None):
        raise ConfigError("Give a model, or encode= and decode= (one of them at least), not both.")
    if model is None:
        return _of_sides(encode, decode)
    if isinstance(model, str | os.PathLike):
        return of_folder(Path(model))
    if isinstance(model, type):
        raise ConfigError(f"model is the class {model.__name__}; give an object that it made.")
    if isinstance(model, Mapping):
        raise ConfigError(
            f"model is a {type(model).__name__}, such as weights alone are; give the model that "
            "has loaded them."
        )
    outside = of_library(model)
    if outside is None or (outside.encode is None and outside.decode is None):
        raise ConfigError(
            f"model is of type {type(model).__name__}, which has neither encode nor decode; give "
            "encode= and decode= as functions."
        )
    return outside


def _of_sides(encode: Any, decode: Any) -> Outside:
    """An encoder, a decoder, or both, that were given by themselves."""
    libraries = {library_of(side) for side in (encode, decode)}
    if "onnxruntime" in libraries or any(isinstance(s, str | Path) for s in (encode, decode)):
        return of_onnx(encode, decode)
    for name, function in (("encode", encode), ("decode", decode)):
        if function is not None and not callable(function):
            raise ConfigError(f"{name} is of type {type(function).__name__}; give a function.")
    if {"keras", "tf_keras"} & libraries:
        return of_keras(encode, decode)
    (encode, decode), network = owned([encode, decode])
    return Outside("The model", encode, decode, network=network)


def _with_shape(outside: Outside, image_shape: tuple[int, ...] | None, images: Any) -> Outside:
    """With the shape of an image where it is told, and the layouts in the order they are tried."""
    first = []
    shape = outside.image_shape
    if images is not None:
        if not hasattr(images, "__getitem__"):
            raise ConfigError(
                f"images is of type {type(images).__name__}; give an array or a tensor of them."
            )
        found, layout = shape_of(tuple(np.shape(images)[1:]))
        shape, first = found or shape, [layout]
    if image_shape is not None:
        shape, layout = shape_of(tuple(image_shape))
        if shape is None:
            raise ConfigError(f"image_shape={image_shape}; give (h, w), (c, h, w) or (h, w, c).")
        first = [*first, layout]
    if "hwc" in first:
        first = ["last rows" if layout == "rows" else layout for layout in first] + ["last rows"]
    order = sorted(outside.layouts, key=lambda name: first.index(name) if name in first else 9)
    return replace(outside, image_shape=shape, layouts=tuple(order))


def _tried(outside: Outside, images: Any) -> tuple[Adapted, Tensor]:
    """The model, once its two sides have been asked about a few rows, and codes it was made for."""
    mu, paired = None, False
    if outside.image_shape is None:
        if outside.decode is None or outside.code_shape is None:
            raise ConfigError(
                "The shape of an image is not known; give images= (some of those it was made "
                "for), or image_shape= and latent_dim=."
            )
        outside = _decoder_tried(outside, None)
    if outside.encode is not None:
        outside, mu, paired = _encoder_tried(outside, images)
    if outside.decode is not None:
        outside = _decoder_tried(outside, mu)
    if outside.code_shape is None or outside.image_shape is None:
        raise ConfigError("How many numbers a code has is not known; give latent_dim=.")
    model = Adapted(
        outside,
        outside.image_shape,
        math.prod(outside.code_shape),
        is_variational=paired,
    )
    z = _draws(outside) if mu is None or images is None else mu.flatten(1)
    if model.has_decoder:
        model.has_gradients = True
        model.has_gradients = _differentiates(model, z[:1])
    return model, z


def _encoder_tried(outside: Outside, images: Any) -> tuple[Outside, Tensor, bool]:
    """With the encoder as it wants to be called, and mu of `images`; whether it gives logvar."""
    assert outside.image_shape is not None and outside.encode is not None
    if images is None:
        x = torch.rand(2, *outside.image_shape, generator=torch.Generator().manual_seed(0))
    else:
        x = _brightness(outside, images)
    x = x.to(_like(outside))
    own = outside.black + (outside.white - outside.black) * x
    wrong: list[Exception] = []
    colour = outside.image_shape[0] > 1
    for layout in [each for each in outside.layouts if not (colour and each == "hw")]:
        for function in (outside.encode, OnArrays(outside.encode)):
            try:
                pair = codes_of(function(laid_out(own, layout)), len(x))
            except Exception as error:  # noqa: BLE001 - a stranger's function may raise anything
                wrong.append(error)
                continue
            shape = tuple(pair[0].shape[1:])
            if outside.code_shape is not None and math.prod(outside.code_shape) != math.prod(shape):
                raise ConfigError(
                    f"latent_dim={math.prod(outside.code_shape)}, but encode gives codes of "
                    f"{math.prod(shape)} numbers; give images= of the shape it was made for, or "
                    "leave latent_dim out."
                )
            told = outside.code_shape or shape
            found = replace(outside, encode=function, layouts=(layout,), code_shape=told)
            return found, pair[0].to(x), len(pair) == 2
    raise _worst(wrong, f"encode takes no images of {outside.image_shape}, however they lie")


def _decoder_tried(outside: Outside, mu: Tensor | None) -> Outside:
    """With the decoder as it wants to be called, and the shape of its images."""
    assert outside.decode is not None
    if outside.code_shape is None:
        raise ConfigError("How many numbers a code has is not known; give latent_dim=.")
    z = _draws(outside) if mu is None else mu
    z = z.reshape(-1, *outside.code_shape)
    wrong: list[Exception] = []
    for function in (outside.decode, OnArrays(outside.decode)):
        try:
            y = as_tensor(function(z), "decode")
            if len(y) != len(z):
                raise ConfigError(f"decode gives {tuple(y.shape)} for {len(z)} codes; one each.")
            shape = outside.image_shape or shape_of(tuple(y.shape[1:]))[0]
            if shape is None:
                raise ConfigError("decode gives rows of pixels; give image_shape=.")
            as_images(y, shape, outside.layouts[0])
        except Exception as error:  # noqa: BLE001 - as above
            wrong.append(error)
        else:
            return replace(outside, decode=function, image_shape=shape)
    raise _worst(wrong, f"decode takes no codes of {tuple(z.shape)}")


@dataclass(frozen=True)
class OnArrays:
    """A function of NumPy arrays, for tensors."""

    function: Callable[[Any], Any]

    def __call__(self, given: Tensor) -> Any:
        return self.function(given.detach().cpu().numpy())


def _brightness(outside: Outside, images: Any) -> Tensor:
    """A few of the images as (n, c, h, w) in [0, 1]; ConfigError where they lie outside of it."""
    assert outside.image_shape is not None
    given = as_tensor(images[:TRIED], "images")
    if not given.numel():
        raise ConfigError("images holds no image; give some of those the model was made for.")
    if not bool(given.isfinite().all()):
        raise ConfigError("images hold NaN or infinity; leave such images out.")
    black, white = outside.black, outside.white
    if given.dtype == torch.uint8 and white <= 1:
        black, white = 0.0, 255.0
    x = as_images(
        (given.float() - black) / (white - black), outside.image_shape, outside.layouts[0]
    )
    if not -1e-3 <= float(x.min()) <= float(x.max()) <= 1 + 1e-3:
        raise ConfigError(
            f"images run from {float(given.min()):.4g} to {float(given.max()):.4g}, not from "
            f"{black:g} to {white:g}; say what black and white are, value_range=(black, white)."
        )
    return x.clamp(0, 1)


def _draws(outside: Outside) -> Tensor:
    assert outside.code_shape is not None
    z = torch.randn(2, math.prod(outside.code_shape), generator=torch.Generator().manual_seed(0))
    return z.to(_like(outside))


def _like(outside: Outside) -> Tensor:
    """A tensor of the device and the precision of its weights."""
    weights = (t for t in outside.network.state_dict().values() if t.is_floating_point())
    return next(weights, torch.empty(0))


def _breaches(model: Adapted, z: Tensor, is_assumed: bool) -> Iterator[str]:
    """What pages can show all the same, but not as it is meant; z as `_tried` gives them.

    is_assumed: whether black and white are what nobody said. ConfigError where clipping to them
    takes too much away.
    """
    usable = z[z.isfinite().all(1)]
    if len(usable) < len(z):
        yield "encode gives a mu that is NaN or infinite."
    if not model.has_decoder:
        return
    draws = torch.rand(len(z), model.latent_dim, generator=torch.Generator().manual_seed(0))
    far = ((draws * 2 - 1) * REACH).to(z)
    near = "at the codes of images" if model.has_encoder else "at draws of N(0, I)"
    for codes, where in ((far, f"up to {REACH:g} from 0"), (usable, near)):
        try:
            images = model.unclipped(codes)
        except ConfigError as error:
            yield str(error)
            continue
        if not bool(images.isfinite().all()):
            yield f"decode gives NaN or infinite pixels {where}."
        elif codes is usable and is_assumed and len(codes):
            yield from _cut_off(images)


def _cut_off(images: Tensor) -> Iterator[str]:
    """What clipping to [0, 1] takes away: ConfigError if much, a sentence if it may be seen."""
    beyond = images - images.clamp(0, 1)
    told = (
        f"decode gives values from {float(images.min()):.3g} to {float(images.max()):.3g} where "
        "black is 0 and white is 1"
    )
    if float(beyond.square().mean().sqrt()) > FAR:
        raise ConfigError(
            f"{told}; end it in a sigmoid, or say what black and white are, "
            "value_range=(black, white)."
        )
    share = float((beyond.abs() > SEEN).float().mean())
    if share > 0:
        yield (
            f"{told}: {100 * share:.2g} % of the pixels are cut off at black or white. If they "
            "should not be, say what black and white are, value_range=(black, white)."
        )


def _differentiates(model: Adapted, z: Tensor) -> bool:
    """Whether torch follows its images back to the code."""
    try:
        with torch.enable_grad():
            at = z.clone().requires_grad_()
            (slope,) = torch.autograd.grad(model.decode(at).sum(), [at])
        return bool(slope.isfinite().all())
    except Exception:  # noqa: BLE001 - a stranger's function may raise anything
        return False


def _worst(wrong: list[Exception], what: str) -> ConfigError:
    """What is wrong with what a function gave, if it gave anything; else what it raised first."""
    given = next((error for error in wrong if isinstance(error, ConfigError)), None)
    told = f"{type(wrong[0]).__name__}: {' '.join(str(wrong[0]).split())[:300]}"
    return given or ConfigError(f"{what}; it said: {told}")
