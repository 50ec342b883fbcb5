"""Grids of z over the prior, and the images they decode to."""

import io
import math
from collections.abc import Sequence
from numbers import Integral

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.latent.decoded import decoded
from vae_core.models.latent_model import LatentModel

Decoded = tuple[Tensor, Tensor]
_GAP_LEVEL = 128  # seen against black, white and either theme of a page


def manifold_grid(
    model: LatentModel,
    n: int,
    dims: tuple[int, int] = (0, 1),
    base: Tensor | Sequence[float] | NDArray[np.floating] | None = None,
    spacing: str = "quantile",
    extent: float = 3.0,
) -> tuple[Tensor, Tensor]:
    """Decode an n x n grid over two latent dimensions: z (n, n, d), images (n, n, c, h, w).

    dims[0] grows along the columns, rightwards, and dims[1] along the rows, upwards: row 0 is the
    top of the picture and has the largest values. `base` (d,) holds the other dimensions, by
    default at 0. Spacing "quantile" takes z = Phi^-1(u) at u = (i + 1/2) / n, so that each image
    stands for the same share of the prior (Kingma & Welling 2014, appendix A); "linear" takes equal
    steps from -extent to extent. Both results lie on the CPU. Raises ConfigError when an argument
    does not fit the model or is out of range.
    """
    d = model.latent_dim
    if d < 2:
        raise ConfigError(f"latent_dim={d}, but a manifold grid spans two latent dimensions.")
    if not _is_whole(n) or n < 1:
        raise ConfigError(f"n={n!r} is not a whole number of 1 or more, the images a side.")
    two = len(dims) == 2 and dims[0] != dims[1]
    if not two or not all(_is_whole(dim) and dim in range(d) for dim in dims):
        raise ConfigError(f"dims={dims} is not two different dimensions from 0 to {d - 1}.")
    base = torch.zeros(d) if base is None else torch.as_tensor(base).float()
    if base.shape != (d,) or not bool(torch.isfinite(base).all()):
        raise ConfigError(
            f"latent_dim={d}, but base is {tuple(base.shape)}; give ({d},) finite numbers."
        )

    values = _spaced(n, spacing, extent)
    z = base.detach().cpu().expand(n, n, d).clone()
    z[:, :, dims[0]] = values
    z[:, :, dims[1]] = values.flip(0)[:, None]

    return z, decoded(model, z.reshape(n * n, d)).reshape(n, n, *model.image_shape)


def plane_grid(model: LatentModel, n: int, base: Tensor, axes: Tensor, extent: float) -> Decoded:
    """Decode an n x n grid over a plane: steps (n, n, 2) along its axes, images (n, n, c, h, w).

    base (d,) lies in its middle; axes (2, d): the first along the columns, the second up the rows,
    each in equal steps from -extent to extent. ConfigError where they do not fit the model.
    """
    d = model.latent_dim
    if base.shape != (d,) or axes.shape != (2, d) or not _is_whole(n) or n < 1:
        raise ConfigError(
            f"latent_dim={d}, but base is {tuple(base.shape)}, axes {tuple(axes.shape)} and n={n}."
        )
    values = _spaced(n, "linear", extent)
    across, up = torch.meshgrid(values, values.flip(0), indexing="xy")
    steps = torch.stack([across, up], 2)
    z = base + steps.reshape(n * n, 2) @ axes
    return steps, decoded(model, z).reshape(n, n, *model.image_shape)


def manifold_line(model: LatentModel, n: int, dim: int = 0) -> tuple[Tensor, Tensor]:
    """Decode n places along one latent dimension: z (n, d), images (n, c, h, w).

    The places are the quantiles of `manifold_grid`, rising; the other dimensions are 0. Raises
    ConfigError when an argument does not fit the model.
    """
    d = model.latent_dim
    if not _is_whole(n) or n < 1 or not _is_whole(dim) or dim not in range(d):
        raise ConfigError(
            f"n={n!r}, dim={dim!r}: give 1 or more, and a dimension from 0 to {d - 1}."
        )
    z = torch.zeros(n, d)
    z[:, dim] = _spaced(n, "quantile", math.inf)
    return z, decoded(model, z)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _spaced(n: int, spacing: str, extent: float) -> Tensor:
    """n values in rising order, (n,) float32, symmetric about 0."""
    if spacing == "quantile":
        u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        quantiles: Tensor = torch.special.ndtri(u)
        return quantiles.float()
    if spacing == "linear":
        if not 0 < extent < math.inf:
            raise ConfigError(f"extent={extent} is not a finite number above 0.")
        far = float(extent)  # torch takes no whole number above 2^63
        return torch.linspace(-far, far, n) if n > 1 else torch.zeros(1)
    raise ConfigError(f"Unknown spacing {spacing!r}; choose quantile or linear.")


def tile_images(images: Tensor, gap: int = 0) -> NDArray[np.uint8]:
    """One picture of images (rows, columns, c, h, w), `gap` grey pixels between neighbours.

    Floats count as brightness in [0, 1] and are clipped to it; uint8 is taken as it is. Returns
    uint8 (H, W) for c = 1 and (H, W, 3) for c = 3, anything else is a ConfigError.
    """
    if images.ndim != 5 or images.shape[2] not in (1, 3) or 0 in images.shape or gap < 0:
        raise ConfigError(
            f"Images {tuple(images.shape)} with gap={gap} cannot be tiled; give (rows, columns, "
            "c, h, w) with 1 or 3 channels, and a gap of 0 or more."
        )
    if images.dtype != torch.uint8:
        images = (images.detach().clamp(0, 1) * 255).round().to(torch.uint8)
    rows, columns, channels, height, width = images.shape
    padded = torch.full(
        (rows, columns, channels, height + gap, width + gap), _GAP_LEVEL, dtype=torch.uint8
    )
    padded[..., :height, :width] = images
    # (rows, columns, c, h, w) -> (rows, h, columns, w, c) -> (rows * h, columns * w, c)
    picture = padded.permute(0, 3, 1, 4, 2).reshape(
        rows * (height + gap), columns * (width + gap), channels
    )[: rows * (height + gap) - gap, : columns * (width + gap) - gap]
    return np.ascontiguousarray(picture[..., 0] if channels == 1 else picture)


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture, uint8 (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return file.getvalue()


def jpeg_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture, uint8 (H, W) grey or (H, W, 3) RGB, as a JPEG file of high quality."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=95)
    return file.getvalue()
