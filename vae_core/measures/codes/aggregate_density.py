"""Where a model puts its data, as a density, and where its prior has mass and the data have none.

The aggregate posterior q(z) = (1/N) sum_n q(z given x_n) is what the decoder learned on; draws of
the prior that fall outside it ask the decoder for images that it was never taught (Hoffman &
Johnson 2016; Rosca, Lakshminarayanan & Mohamed 2018).

    q = AggregatePosterior(latents)                    # exactly; or an estimate from draws of it:
    fit_kernel_density(z), fit_mixture(z, 10)          # the latter in `samplers`
    log_ratio(q, mixture_of(model.prior()), q.sample(2_000, seed=0))  # KL(q(z) || p(z)), in nats
    prior_holes(q, draws_of_the_prior, codes_of_other_images).share
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import ConfigError, DataError
from vae_core.latent.samplers import Mixture, Sampler
from vae_core.measures.likelihood.estimates import mean_and_error
from vae_core.models.priors import EqualMixture, Prior, StandardNormal

if TYPE_CHECKING:
    from scipy.stats import gaussian_kde

Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class KernelDensity:
    """A Gaussian round every draw, all of the same covariance: SciPy's `gaussian_kde`."""

    kernel: gaussian_kde

    def log_prob(self, z: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(self.kernel.logpdf(z.double().numpy().T)))

    def sample(self, n: int, seed: int) -> Tensor:
        drawn = self.kernel.resample(n, seed=np.random.default_rng(seed))
        return torch.from_numpy(np.ascontiguousarray(drawn.T)).float()

    def on_plane(self, axes: Tensor, origin: Tensor) -> KernelDensity:
        """Its marginal on a plane, as `on_plane`: the same draws seen there, the same share of
        their covariance round each."""
        seen = (torch.from_numpy(self.kernel.dataset.T) - origin.double()) @ axes.double().T
        return fit_kernel_density(seen, self.kernel.factor)


def fit_kernel_density(z: Tensor, bandwidth: float | None = None) -> KernelDensity:
    """A kernel density of draws z (n, d).

    bandwidth: of the kernel, in standard deviations of the draws; n^(-1 / (d + 4)) by default
    (Scott 1992). DataError where the draws lie in fewer than d dimensions.
    """
    from scipy.stats import gaussian_kde

    try:
        return KernelDensity(gaussian_kde(z.double().numpy().T, bw_method=bandwidth))
    except (np.linalg.LinAlgError, ValueError) as error:
        raise DataError(
            f"{len(z):,} codes do not fill {z.shape[1]} dimensions: a kernel density needs more "
            "codes than dimensions, and none that stands still."
        ) from error


def mixture_of(prior: Prior) -> Mixture:
    """A prior as a mixture of Gaussians, which it is."""
    if isinstance(prior, StandardNormal):
        return Mixture(torch.ones(1), torch.zeros(1, prior.d), torch.eye(prior.d)[None])
    if isinstance(prior, EqualMixture):
        mu, sigma = prior.mu.detach(), torch.exp(0.5 * prior.logvar.detach())
        return Mixture(torch.full((len(mu),), 1 / len(mu)), mu, torch.diag_embed(sigma))
    raise ConfigError(f"A prior of the kind {type(prior).__name__} is no mixture of Gaussians.")


def on_plane(mixture: Mixture, axes: Tensor, origin: Tensor) -> Mixture:
    """The marginal of a mixture on the plane z = origin + axes' a, in its coordinates a (2,).

    axes (2, d) orthonormal, origin (d,); what lies off the plane is seen projected.
    """
    axes, factors = axes.to(mixture.means), axes.to(mixture.factors) @ mixture.factors
    return Mixture(
        mixture.weights,
        (mixture.means - origin.to(mixture.means)) @ axes.T,
        torch.linalg.cholesky(factors @ factors.mT),
    )


def density_map(density: Sampler, half: float, side: int) -> tuple[Tensor, Extent]:
    """A density over the plane, at the centres of side x side cells of the square up to +-half.

    Returns (side, side), the topmost row first, and (left, right, bottom, top).
    """
    centres = ((torch.arange(side, dtype=torch.float64) + 0.5) / side * 2 - 1) * half
    x, y = torch.meshgrid(centres, -centres, indexing="xy")
    values = density.log_prob(torch.stack([x, y], -1).flatten(0, 1)).exp()
    return values.view(side, side), (-half, half, -half, half)


def density_line(density: Sampler, half: float, points: int) -> tuple[Tensor, Tensor]:
    """z (points,) from -half to half at equal steps, and the density there, (points,).

    Of one latent dimension.
    """
    z = torch.linspace(-half, half, points)
    return z, density.log_prob(z[:, None]).exp()


def log_ratio(q: Sampler, p: Sampler, z: Tensor) -> tuple[float, float]:
    """The mean of log q - log p over codes z (n, d), and its standard error, in nats.

    Over draws of q it is KL(q || p). Over draws of another density r, such as codes that q was not
    fitted to, it is KL(r || p) - KL(r || q), and so a lower bound of KL(r || p).
    """
    mean, error = mean_and_error(q.log_prob(z).double() - p.log_prob(z).double())
    return float(mean), float(error)


@dataclass(frozen=True, eq=False)
class PriorHoles:
    """Which draws of a prior fall where there are hardly any data.

    threshold: log q, in nats, that a share `coverage` of the data's codes exceeds; around: where it
    would lie by one standard error of that share less and more; log_q (n,): of the draws; outside
    (n,) bool: those below the threshold.
    """

    coverage: float
    threshold: float
    around: tuple[float, float]
    log_q: Tensor

    @property
    def outside(self) -> Tensor:
        return self.log_q < self.threshold

    def emptiest(self, most: int) -> Tensor:
        """Which draws lie farthest outside, the emptiest place first, (at most `most`,) int64."""
        return self.log_q.argsort()[: min(most, int(self.outside.sum()))]

    @property
    def share(self) -> float:
        """Of the prior's draws that lie outside; 1 - coverage where prior and q agree."""
        return float(self.outside.double().mean())

    @property
    def standard_error(self) -> float:
        """Of the share: by the number of draws, and by that of the codes that set the threshold."""
        below = [float((self.log_q < threshold).double().mean()) for threshold in self.around]
        n = len(self.log_q)  # as in Wilson's interval: a share of 0 is not certain either
        by_draws = (self.share * (1 - self.share) / n + 1 / (2 * n) ** 2) / (1 + 1 / n) ** 2
        return math.sqrt(by_draws + ((below[1] - below[0]) / 2) ** 2)


def prior_holes(q: Sampler, z: Tensor, codes: Tensor, *, coverage: float = 0.95) -> PriorHoles:
    """Whether draws z (n, d) of a prior lie in the highest-density region of q (Hyndman 1996).

    That is where q is as dense as at a share `coverage` of codes (m, d). They should be of images
    that q was not fitted to: in many dimensions q is far denser at those that it was.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"coverage={coverage} is not a share between 0 and 1.")
    error = math.sqrt(coverage * (1 - coverage) / len(codes))
    levels = torch.tensor([1 - coverage, 1 - coverage - error, 1 - coverage + error])
    found = torch.quantile(q.log_prob(codes).double(), levels.clamp(0, 1).double())
    threshold, low, high = found.tolist()
    return PriorHoles(coverage, threshold, (low, high), q.log_prob(z).double())


def held_out_density(sampler: Sampler, z: Tensor) -> tuple[float, float]:
    """Mean log density of held-out draws z (n, d) and its standard error, in nats.

    The higher, the less the sampler misses of the aggregate posterior: its expectation is
    -KL(q(z) || sampler) - H(q). Where all draws are one and the same, the error is not known: NaN.
    """
    mean, error = mean_and_error(sampler.log_prob(z))
    if len(z.unique(dim=0)) == 1:
        return float(mean), math.nan
    return float(mean), float(error)
