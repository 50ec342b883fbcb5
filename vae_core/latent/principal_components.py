"""Principal components of images, by scikit-learn: what every code is set beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Principal:
    """The principal components of images, as a transform: mean (pixels,), axes (d, pixels)."""

    mean: Tensor
    axes: Tensor

    def encode(self, x: Tensor) -> Tensor:
        """x (n, c, h, w) or (n, pixels) -> coefficients (n, d), in pixels' units, not whitened."""
        coefficients: Tensor = (x.flatten(1) - self.mean) @ self.axes.T
        return coefficients

    def decode(self, z: Tensor, image_shape: Sequence[int]) -> Tensor:
        """Coefficients (n, m) of the m leading components -> images (n, c, h, w) in [0, 1]."""
        images: Tensor = (self.mean + z @ self.axes[: z.shape[1]]).clamp(0, 1)
        return images.view(-1, *image_shape)


def principal_components(x: Tensor, d: int) -> Principal:
    """The d leading components of images x (n, c, h, w) or (n, pixels), or as many as there are."""
    from sklearn.decomposition import PCA

    rows = x.flatten(1)
    fit = PCA(min(d, *rows.shape), random_state=0).fit(rows.numpy())
    return Principal(torch.from_numpy(fit.mean_).float(), torch.from_numpy(fit.components_).float())
