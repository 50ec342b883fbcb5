"""Codes seen on a plane, and the principal components of images, which every code is set beside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import ConfigError


def pca_projection(mu: Tensor, axes: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """The `axes` directions of largest variance of mu (n, d), by scikit-learn's PCA.

    Returns (centre (d,), axes (axes, d) orthonormal, explained variance ratio (axes,)); a point's
    coordinates are (mu - centre) @ axes.T. ConfigError for fewer points or dimensions than axes.
    """
    from sklearn.decomposition import PCA

    if mu.shape[1] < axes or len(mu) < axes:
        raise ConfigError(
            f"PCA to {axes} axes needs as many dimensions and points; mu is {tuple(mu.shape)}."
        )
    fit = PCA(n_components=axes, svd_solver="full").fit(mu.double().numpy())
    total = mu.double().var(0).sum().clamp_min(1e-300)  # of collapsed codes, too, a share
    centre, directions, variances = (
        torch.from_numpy(np.ascontiguousarray(a))
        for a in (fit.mean_, fit.components_, fit.explained_variance_)
    )
    return centre.float(), directions.float(), (variances / total).float()


def tsne_projection(
    mu: Tensor,
    *,
    perplexity: float = 30.0,
    seed: int = 0,
    on_progress: Callable[[float, Tensor], object] | None = None,
) -> Tensor:
    """t-SNE of mu (n, d) to (n, 2), by openTSNE, which (unlike scikit-learn's) reports progress.

    `on_progress` takes the fraction done and the embedding so far, and returns False to stop early;
    what has been reached is returned then. The perplexity is a third of the points at most.
    Distances between far clusters carry no meaning (van der Maaten & Hinton 2008).
    ConfigError for points or a perplexity that cannot be embedded.
    """
    from openTSNE import TSNE

    n = len(mu)
    if n < 4:
        raise ConfigError(f"t-SNE needs at least 4 points; there are {n}.")
    if mu.shape[1] < 2 or not bool(mu.isfinite().all()) or not 0 < perplexity < math.inf:
        raise ConfigError(
            f"mu is {tuple(mu.shape)} and perplexity={perplexity}: t-SNE needs finite points of "
            "two dimensions or more, and a finite perplexity above 0."
        )
    if bool((mu == mu[0]).all()):
        raise ConfigError("All points lie at one place; t-SNE has nothing to tell apart.")
    exaggerated, refined = 250, 500
    iterations = {"done": 0}

    def report(_iteration: int, _error: float, embedding: np.ndarray) -> bool:
        iterations["done"] += 25
        fraction = min(1.0, iterations["done"] / (exaggerated + refined))
        so_far = torch.from_numpy(np.array(embedding)).float()
        return on_progress is not None and on_progress(fraction, so_far) is False

    embedding = TSNE(
        perplexity=min(perplexity, max(1, (n - 1) // 3)),
        early_exaggeration_iter=exaggerated,
        n_iter=refined,
        random_state=seed,
        n_jobs=1,
        callbacks=report,
        callbacks_every_iters=25,
    ).fit(mu.double().numpy())
    return torch.from_numpy(np.asarray(embedding)).float()


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
