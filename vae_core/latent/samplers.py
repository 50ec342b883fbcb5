"""Where to draw z from, other than the prior: what the encoder really uses, fitted afterwards.

A VAE's aggregate posterior q(z) = (1/N) sum_n q(z given x_n) is not quite its prior, and draws of
the prior fall into its gaps. A mixture or a flow fitted to draws of q(z) fills them (Ghosh et al.
2020, section 4), and gives a plain autoencoder something to be sampled from.

    z = aggregate_draws(latents, seed=0)
    sampler = fit_mixture(z, components=10)
    sampler.sample(24, seed=0), sampler.log_prob(z)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from vae_core.data.rows import draw_rows
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.models.priors import StandardNormal

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

HELD_OUT = 10  # one draw in so many is kept from the fit
MAX_DRAWS = 10_000
CODES_A_DIMENSION = 4  # that a Gaussian of full covariance is fitted to at least
RIDGES = (1e-6, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)  # tried, in mean variances of the codes
MOST_TRIED = 2_000  # codes by which one is chosen


class Sampler(Protocol):
    """A density over codes that can be drawn from, always the same by the same seed."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (n,), in nats, for z (n, d)."""
        ...

    def sample(self, n: int, seed: int) -> Tensor:
        """n draws, (n, d) float32."""
        ...


@dataclass(frozen=True)
class NormalSampler:
    """N(0, I) over d dimensions, to compare others with."""

    d: int

    def log_prob(self, z: Tensor) -> Tensor:
        return StandardNormal(self.d).log_prob(z)

    def sample(self, n: int, seed: int) -> Tensor:
        return StandardNormal(self.d).sample(n, torch.Generator().manual_seed(seed))


@dataclass(frozen=True, eq=False)
class Mixture:
    """sum_k w_k N(m_k, C_k): weights (K,), means (K, d), Cholesky factors L_k of C_k (K, d, d)."""

    weights: Tensor
    means: Tensor
    factors: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        normals = torch.distributions.MultivariateNormal(self.means, scale_tril=self.factors)
        by_component = normals.log_prob(z.to(self.means)[:, None]) + self.weights.log()
        return torch.logsumexp(by_component, dim=1)

    def sample(self, n: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        rows = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        eps = torch.randn(n, self.means.shape[1], 1, generator=generator, dtype=self.means.dtype)
        return (self.means[rows] + (self.factors[rows] @ eps)[..., 0]).float()


def fit_mixture(z: Tensor, components: int, *, seed: int = 0) -> Mixture:
    """A mixture of `components` Gaussians of full covariance for codes z (n, d), by EM.

    scikit-learn's, begun by k-means. Where there are fewer than CODES_A_DIMENSION codes a dimension
    for each of them, they would shrink on the codes: each variance is then raised by that of RIDGES
    under which a quarter of the codes, held out, is likeliest. ConfigError where there are fewer
    codes than components; DataError where codes are not finite, or no mixture fits them.
    """
    if not bool(torch.isfinite(z).all()):
        raise DataError("There are codes that are not finite; no mixture fits them.")
    if not (isinstance(components, int) and 1 <= components <= len(z)) or len(z) < 2:
        raise ConfigError(
            f"components={components}, but there are {len(z):,} codes; give 1 to so many, of two "
            "codes at least."
        )
    few = len(z) < CODES_A_DIMENSION * z.shape[1] * components
    ridge = _ridge(z, components, seed) if few else 1e-6
    fit = _gaussians(z.double().numpy(), components, ridge, seed)
    return Mixture(
        torch.from_numpy(fit.weights_),
        torch.from_numpy(fit.means_),
        torch.linalg.cholesky(torch.from_numpy(fit.covariances_)),
    )


def _gaussians(z: np.ndarray, components: int, ridge: float, seed: int) -> GaussianMixture:
    from sklearn.mixture import GaussianMixture

    try:
        return GaussianMixture(components, reg_covar=ridge, random_state=seed).fit(z)
    except ValueError as error:  # a variance beside which double precision sees no other
        raise DataError(
            f"No mixture of {components} Gaussians fits these codes, which lie on a line or in one "
            "place by all that numbers tell; fit fewer components."
        ) from error


def _ridge(z: Tensor, components: int, seed: int) -> float:
    """What is best added to the variances: see `fit_mixture`."""
    rows = draw_rows(len(z), MOST_TRIED, seed)
    held_out, fitted = np.split(z[rows].double().numpy(), [len(rows) // 4])
    ridges = [ridge * max(float(fitted.var(0).mean()), 1e-6) for ridge in RIDGES]
    if not len(held_out):
        return ridges[-1]
    k = min(components, len(fitted))
    return max(ridges, key=lambda ridge: _gaussians(fitted, k, ridge, seed).score(held_out))


def aggregate_draws(latents: Latents, *, seed: int = 0, most: int = MAX_DRAWS) -> Tensor:
    """One draw of q(z given x) for each image, (n, d): draws of the aggregate posterior.

    Of more than `most` images, so many. A plain autoencoder's codes are drawn as they are.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(latents), generator=generator)[:most]
    mu, sigma = latents.mu[rows], latents.sigma[rows]
    return mu + sigma * torch.randn(mu.shape, generator=generator, dtype=mu.dtype)


def parted(z: Tensor) -> tuple[Tensor, Tensor]:
    """Draws in random order as those to fit to, and a tenth to judge the fit by."""
    n_held_out = max(1, len(z) // HELD_OUT)
    return z[n_held_out:], z[:n_held_out]
