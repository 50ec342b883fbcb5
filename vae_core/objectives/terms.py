"""What an objective is made of: per-image terms in nats, and the batch that they are terms of.

All terms are sums over pixels and latent dimensions; a mean over images is left to the caller, or
is in `ObjectiveTerms.loss`. An objective with settings is a function

    objective(model, x, *, generator, **settings) -> ObjectiveTerms

with x (batch, c, h, w) in [0, 1]. Those of the VAE are in `variational`, those that look at the
batch as a whole in `aggregate`, those of the plain autoencoder in `autoencoder`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import Prior


@dataclass(frozen=True)
class Terms:
    """Per-image terms, in nats.

    reconstruction (batch,): E_q[log p(x given z)], by L samples.
    kl (batch, latent_dim): KL(q(z given x) || p(z)) by dimension.
    """

    reconstruction: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """reconstruction - KL, (batch,) (Kingma & Welling 2014, eq. 7)."""
        return self.reconstruction - self.kl.sum(1)


@dataclass(frozen=True)
class ObjectiveTerms(Terms):
    """Per-image terms with what is minimised.

    loss (): a mean over images, in nats; backward() starts here. parts: what else went into it, by
    name, each a mean before its weight, ().
    """

    loss: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Images of a set of `images`, at `step` of `total_steps`, the first being 0.

    cycle: how far the learning rate's cycle is, from 0 to 1; a training that was given more epochs
    has several, and its later steps lie beyond total_steps, which are those of the first.
    kl_weight: what the KL is weighed by beside its own weight, less than 1 while that is warmed up.
    x (batch, c, h, w) in [0, 1]; labels (batch,) int64 where the set has any; generator: for all
    that is drawn, on the device of x.
    """

    x: Tensor
    labels: Tensor | None
    generator: torch.Generator
    images: int
    step: int
    total_steps: int
    cycle: float
    kl_weight: float = 1.0


def elbo_terms(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, samples: int = 1
) -> Terms:
    """The ELBO's two terms for x (batch, c, h, w), the first by `samples` reparameterised draws.

    So is the second where the prior is none to which the KL has a closed form. ConfigError for a
    model without a posterior, or fewer than one draw.
    """
    _check_draws(samples)
    mu, logvar = variational(model).encode(x)
    z = torch.stack([model.sample_posterior(mu, logvar, generator) for _ in range(samples)])
    reconstruction = torch.stack([model.log_likelihood(x, each) for each in z]).mean(0)
    return Terms(reconstruction, model.prior().kl(mu, logvar, z))


def autoencoder_terms(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, samples: int = 1
) -> Terms:
    """log p(x given z = mu(x)) alone, with a KL of zero: nothing holds the codes to a prior."""
    mu, _ = model.encode(x)
    return Terms(model.log_likelihood(x, mu), torch.zeros_like(mu))


def loss(terms: Terms, beta: float) -> Tensor:
    """-reconstruction + beta * KL, mean over images, in nats (Higgins et al. 2017).

    beta = 1 is the negative ELBO.
    """
    return (beta * terms.kl.sum(1) - terms.reconstruction).mean()


def importance_log_weights(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, samples: int
) -> Tensor:
    """log p(x, z_k) - log q(z_k given x) with z_k from q, (batch, samples), in nats.

    x (batch, c, h, w). Memory grows with batch * samples images: choose batches to fit, or see
    `vae_core.measures.likelihood.importance`. ConfigError as `elbo_terms`.
    """
    mu, logvar = variational(model).encode(x)
    z, eps = posterior_draws(mu, logvar, generator, samples)
    return log_weights(model, x, z, eps, logvar)


def log_weights(
    model: LatentModel,
    x: Tensor,
    z: Tensor,
    eps: Tensor,
    logvar: Tensor,
    prior: Prior | None = None,
    kl_weight: float = 1.0,
) -> Tensor:
    """log p(x given z) + kl_weight (log p(z) - log q(z given x)), (batch, samples), in nats.

    x (batch, c, h, w); z (batch, samples, d); eps = (z - mu) / sigma; logvar (batch, d); prior: the
    model's, where it is at hand.
    """
    parameters = model.decode_parameters(z.flatten(0, 1)).unflatten(0, z.shape[:2])
    log_px_z = model.likelihood.log_prob(parameters, x[:, None])
    log_qz_x = -0.5 * (eps.square() + logvar[:, None] + math.log(2 * math.pi)).sum(2)
    log_pz = (prior or model.prior()).log_prob(z)
    if kl_weight != 1:
        return log_px_z + kl_weight * (log_pz - log_qz_x)
    return log_px_z + log_pz - log_qz_x


def posterior_draws(
    mu: Tensor, logvar: Tensor, generator: torch.Generator, samples: int
) -> tuple[Tensor, Tensor]:
    """z = mu + sigma * eps and eps, each (batch, samples, d); mu, logvar (batch, d).

    ConfigError for fewer than one draw.
    """
    _check_draws(samples)
    shape = (len(mu), samples, mu.shape[1])
    eps = torch.randn(shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu[:, None] + torch.exp(0.5 * logvar)[:, None] * eps, eps


def _check_draws(samples: int) -> None:
    if not (isinstance(samples, int) and samples >= 1):
        raise ConfigError(f"samples={samples} is not a whole number of draws, 1 or more.")


def importance_bound(log_weights: Tensor) -> Tensor:
    """log (1/K) sum_k w_k, (batch,), from (batch, K) log weights (Burda et al. 2016, eq. 8).

    A lower bound of log p(x) that rises with K; K = 1 is the sampled ELBO.
    """
    return torch.logsumexp(log_weights, dim=1) - math.log(log_weights.shape[1])


def variational(model: LatentModel) -> LatentModel:
    """The model; ConfigError when it has no posterior."""
    if not model.is_variational:
        raise ConfigError("This objective is for a VAE: a plain autoencoder has no posterior.")
    return model
