"""How near one image is to another, as an eye would see it rather than a likelihood."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import DataError

RADIUS, SIGMA = 5, 1.5  # of the window, in pixels: 11 x 11
K1, K2 = 0.01, 0.03


def psnr(images: Tensor, references: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, (n,) float64, in dB: -10 log10 of the mean square.

    Both (n, c, h, w) in [0, 1]; inf where an image is its reference. DataError when they do not
    fit.
    """
    _check(images, references)
    return -10 * (images.double() - references.double()).square().mean((1, 2, 3)).log10()


def ssim(images: Tensor, references: Tensor) -> Tensor:
    """Mean structural similarity of each image, (n,) float64, 1 where it is its reference.

    Both (n, c, h, w) in [0, 1]. Means, variances and covariances are those under a Gaussian window
    of 11 x 11 pixels (sigma 1.5) that lies within the image, or the largest that does; the index is
    averaged over its places and over the channels (Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13).
    DataError when they do not fit.
    """
    from scipy.ndimage import gaussian_filter

    _check(images, references)
    height, width = images.shape[2:]
    radius = [min(RADIUS, (side - 1) // 2) for side in (height, width)]
    inside = (..., *(slice(r, side - r) for r, side in zip(radius, (height, width), strict=True)))

    def windowed(values: np.ndarray) -> np.ndarray:
        return np.asarray(gaussian_filter(values, SIGMA, radius=radius, axes=(2, 3))[inside])

    x, y = images.double().cpu().numpy(), references.double().cpu().numpy()
    mean_x, mean_y = windowed(x), windowed(y)
    var_x, var_y = windowed(x * x) - mean_x**2, windowed(y * y) - mean_y**2
    covariance = windowed(x * y) - mean_x * mean_y
    index = ((2 * mean_x * mean_y + K1**2) * (2 * covariance + K2**2)) / (
        (mean_x**2 + mean_y**2 + K1**2) * (var_x + var_y + K2**2)
    )
    return torch.from_numpy(index.mean((1, 2, 3)))


def _check(images: Tensor, references: Tensor) -> None:
    if images.shape != references.shape or images.ndim != 4 or not images.numel():
        raise DataError(
            f"Images of {tuple(images.shape)} cannot be set beside {tuple(references.shape)}; give "
            "as many of the same (n, c, h, w)."
        )
