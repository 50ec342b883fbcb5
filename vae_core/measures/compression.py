"""Images kept as quantised codes: how many bits, and how much of the image is left.

A code z is rounded to multiples of a step, z -> step * round(z / step), and the whole numbers are
written by an entropy coder, which needs as many bits as their entropy (Shannon 1948). Decoded, this
is transform coding with a learned transform (Ballé, Laparra & Simoncelli 2017); with the principal
components for a transform it is the classical one (Goyal 2001). What decoder and encoder share, the
model's weights, is not counted.

    step = 0.5
    symbols = quantise(latents.mu, step)
    entropy_bits(symbols).sum(), prior_bits(symbols, step).sum()      # bits per image
    coded(latents.mu, lambda z: decoded(model, z), images, step)      # PSNR and SSIM besides
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vae_core.errors import ConfigError, DataError
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.measures.image_quality import psnr, ssim

KEPT = 10  # images that a result holds
BLOCK = 8  # pixels of JPEG's blocks
JPEG_SIDE = 65_500  # pixels that Pillow writes at most
Decode = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Coded:
    """What a way of coding makes of a set of images.

    setting: its step or quality. bits: for each image, on average. psnr: in dB, of the mean squared
    error over all images; ssim: its mean. images: the first KEPT as they come back, (m, c, h, w).
    """

    setting: float
    bits: float
    psnr: float
    ssim: float
    images: Tensor


def steps(codes: Tensor, *, finest: int = -5, coarsest: int = 2) -> list[float]:
    """Steps for codes (n, d), half octaves apart, as powers of 2 of the largest deviation."""
    deviation = float(codes.double().std(0).max())
    if not (math.isfinite(deviation) and deviation > 0):
        raise DataError("All codes are the same; there is nothing to quantise.")
    return [float(f"{deviation * 2 ** (k / 2):.2g}") for k in range(2 * finest, 2 * coarsest + 1)]


def quantise(codes: Tensor, step: float) -> Tensor:
    """The nearest multiples of `step`, counted, int64 and of the codes' shape."""
    if not 0 < step < math.inf:
        raise ConfigError(f"step={step} is not a finite number above 0.")
    return torch.round(codes.double() / step).long()


def entropy_bits(symbols: Tensor) -> Tensor:
    """The entropy of each column of symbols (n, d), in bits, (d,) float64.

    That of the histogram of the n codes themselves, log2(n) at most; an ideal coder that knows the
    histogram writes each column in so many bits an image.
    """
    from scipy.stats import entropy

    counts = (np.unique(column, return_counts=True)[1] for column in symbols.T.numpy())
    return torch.tensor([float(entropy(c, base=2)) for c in counts], dtype=torch.float64)


def prior_bits(symbols: Tensor, step: float) -> Tensor:
    """Bits for each column of symbols (n, d) when they are coded under N(0, 1), (d,) float64.

    -log2 of the prior's mass between the borders of a step, averaged: no histogram need be known,
    and never fewer bits than the entropy.
    """
    from scipy.stats import norm

    size = symbols.abs().double().numpy()
    near, far = norm.logsf((size - 0.5) * step), norm.logsf((size + 0.5) * step)
    bits = -(near + np.log1p(-np.exp(far - near))) / math.log(2)
    return torch.from_numpy(bits.mean(0))


def coded(codes: Tensor, decode: Decode, images: Tensor, step: float) -> Coded:
    """Images (m, c, h, w), of which codes (n, d) are the first m, decoded from quantised codes.

    bits: the entropy of all n codes, the columns coded one by one.
    """
    symbols = quantise(codes, step)
    decoded = decode((step * symbols[: len(images)]).float())
    return judged(step, float(entropy_bits(symbols).sum()), decoded, images)


def jpeg(images: Tensor, quality: int) -> Coded:
    """Images (n, c, h, w) in [0, 1] as JPEG by Pillow, on tall sheets: headers hardly count.

    Each is continued to whole blocks by its edge pixels, and none shares a block with another, nor
    a colour: all channels are kept at full resolution (4:4:4).
    """
    height, width = images.shape[2:]
    filled = np.pad(
        images.numpy(), ((0, 0), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK)), mode="edge"
    )
    sheets = torch.from_numpy(filled).split(JPEG_SIDE // filled.shape[2])
    sizes, parts = zip(*(_as_jpeg(sheet, quality) for sheet in sheets), strict=True)
    back = torch.cat(parts)[:, :, :height, :width]
    return judged(quality, 8 * sum(sizes) / len(images), back, images)


def _as_jpeg(images: Tensor, quality: int) -> tuple[int, Tensor]:
    """The bytes of one sheet, and its images as they come back."""
    n, channels, height, _ = images.shape
    file = io.BytesIO()
    Image.fromarray(_column(images)).save(
        file, format="JPEG", quality=quality, optimize=True, subsampling=0
    )
    pixels = torch.from_numpy(np.array(Image.open(file))).float() / 255
    return len(file.getvalue()), pixels.view(n, height, -1, channels).permute(0, 3, 1, 2)


def png_bits(images: Tensor) -> float:
    """Bits of an image as PNG, which loses nothing, of images (n, c, h, w) on one sheet."""
    return 8 * len(png_bytes(_column(images))) / len(images)


def judged(setting: float, bits: float, images: Tensor, references: Tensor) -> Coded:
    """How near images (n, c, h, w) are to what they were."""
    squares = 10 ** (-psnr(images, references) / 10)
    return Coded(
        setting=setting,
        bits=bits,
        psnr=float(-10 * squares.mean().log10()),
        ssim=float(ssim(images, references).mean()),
        images=images[:KEPT].clone(),
    )


def nearest_in_bits(results: Sequence[Coded], bits: float) -> Coded:
    """The result whose bits are nearest, by their ratio."""
    return min(results, key=lambda result: abs(math.log2(max(result.bits, 1e-3) / max(bits, 1e-3))))


def _column(images: Tensor) -> NDArray[np.uint8]:
    """Images (n, c, h, w) one below the other: no filling that would count as an image."""
    return tile_images(images[:, None])
