"""What the KL of the ELBO is made of, over a whole data set (Hoffman & Johnson 2016).

The aggregate posterior q(z) = (1/N) sum_n q(z given x_n) is where a model puts its images. The mean
KL to the prior splits into (Chen et al. 2018, eq. 2)

    mutual information   E[log q(z given x) - log q(z)]        how much z tells which image it was
    total correlation    E[log q(z) - log prod_j q(z_j)]       how much the dimensions share
    dimension-wise KL    E[log q(z_j) - log p(z_j)], each j    how far each is from the prior

The last two together are KL(q(z) || p(z)), what the prior misses of the aggregate posterior. All of
it is about these N images: information is log N at most, and where it comes near that, more images
would move nats from the aggregate KL to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from vae_core.errors import ConfigError
from vae_core.latent.aggregate_posterior import AggregatePosterior
from vae_core.latent.latents import Latents
from vae_core.measures.likelihood.estimates import mean_and_error
from vae_core.models.priors import log_normal

PAIRS_AT_ONCE = 500_000  # of a z, an image and a dimension: 2 MB, which a cache holds


@dataclass(frozen=True)
class ElboSurgery:
    """Means in nats with standard errors `*_se`, from `samples` draws of z; `images` are N.

    kl = mutual_information + aggregate_kl; aggregate_kl = total_correlation + sum(dimension_kl),
    each exactly so, as all are means over the same draws. mutual_information is log N at most.
    """

    images: int
    samples: int
    seed: int
    kl: float
    kl_se: float
    mutual_information: float
    mutual_information_se: float
    aggregate_kl: float
    aggregate_kl_se: float
    total_correlation: float
    total_correlation_se: float
    dimension_kl: list[float]
    dimension_kl_se: list[float]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@torch.no_grad()
def split_kl(latents: Latents, *, samples: int = 2_000, seed: int = 0) -> ElboSurgery:
    """Split the mean KL of `latents`, all N images of which make the aggregate posterior.

    samples: images, evenly drawn by `seed` (all of them where there are no more), for each of which
    one z is drawn. The work is samples * N * d. ConfigError for a plain autoencoder's latents.
    """
    if samples < 2 or len(latents) < 2:
        raise ConfigError("Two samples of two images are the fewest that have a standard error.")
    if not bool(torch.isfinite(latents.logvar).all()):
        raise ConfigError("These latents have no variance: a plain autoencoder has no KL to split.")
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(latents), generator=generator)[:samples]
    mu, sigma = latents.mu[rows], latents.sigma[rows]
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    z = mu + sigma * eps
    log_q_z_x = log_normal(eps) - sigma.log()  # (samples, d)
    q = AggregatePosterior(latents)
    log_q_z, log_q_zj = q.log_prob(z), q.log_prob_by_dimension(z)
    log_p_zj = log_normal(z).double()

    information = log_q_z_x.double().sum(1) - log_q_z
    correlation = log_q_z - log_q_zj.sum(1)
    by_dimension = log_q_zj - log_p_zj
    aggregate = correlation + by_dimension.sum(1)
    parts = {
        "kl": information + aggregate,
        "mutual_information": information,
        "aggregate_kl": aggregate,
        "total_correlation": correlation,
    }
    figures: dict[str, float] = {}
    for name, values in parts.items():
        mean, error = mean_and_error(values)
        figures |= {name: float(mean), f"{name}_se": float(error)}
    dimension_kl, dimension_kl_se = mean_and_error(by_dimension)
    return ElboSurgery(
        images=len(latents),
        samples=len(rows),
        seed=seed,
        dimension_kl=dimension_kl.tolist(),
        dimension_kl_se=dimension_kl_se.tolist(),
        **figures,
    )
