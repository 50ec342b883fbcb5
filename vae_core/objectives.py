"""What is minimised, as pure functions that give per-image terms in nats.

All terms are sums over pixels and latent dimensions; a mean over images is left to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as shown

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models import LatentModel


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


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) by dimension, in nats; the shape of mu.

    1/2 (mu^2 + sigma^2 - log sigma^2 - 1) (Kingma & Welling 2014, appendix B).
    """
    return 0.5 * (mu.square() + logvar.exp() - logvar - 1)


def elbo_terms(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, samples: int = 1
) -> Terms:
    """The ELBO's two terms for x (batch, c, h, w), the first by `samples` reparameterised draws."""
    mu, logvar = model.encode(x)
    draws = (model.sample_posterior(mu, logvar, generator) for _ in range(samples))
    reconstruction = torch.stack([model.log_likelihood(x, z) for z in draws]).mean(0)
    return Terms(reconstruction, kl_to_standard_normal(mu, logvar))


def autoencoder_terms(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, samples: int = 1
) -> Terms:
    """log p(x given z = mu(x)) alone, with a KL of zero: nothing holds the codes to a prior."""
    mu, _ = model.encode(x)
    return Terms(model.log_likelihood(x, mu), torch.zeros_like(mu))


TermsFunction = Callable[..., Terms]
OBJECTIVES: dict[str, TermsFunction] = {"elbo": elbo_terms, "autoencoder": autoencoder_terms}


def objective_terms(name: str) -> TermsFunction:
    """The registered objective; ConfigError when it is unknown."""
    if name not in OBJECTIVES:
        raise ConfigError(
            f"Unknown objective {shown(name)}; choose one of {', '.join(OBJECTIVES)}."
        )
    return OBJECTIVES[name]


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
    `vae_core.importance`.
    """
    mu, logvar = model.encode(x)
    shape = (len(x), samples, model.latent_dim)
    eps = torch.randn(shape, generator=generator, device=mu.device)
    return log_weights(model, x, mu, logvar, eps)


def log_weights(model: LatentModel, x: Tensor, mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """log p(x, z) - log q(z given x) at z = mu + sigma * eps, (batch, samples), in nats.

    x (batch, c, h, w); mu, logvar (batch, d), its posterior; eps (batch, samples, d).
    """
    z = mu[:, None] + torch.exp(0.5 * logvar)[:, None] * eps  # (batch, samples, d)
    parameters = model.decode_parameters(z.flatten(0, 1)).unflatten(0, z.shape[:2])
    log_px_z = model.likelihood.log_prob(parameters, x[:, None])
    # The constants of both Gaussians cancel; (z - mu) / sigma is eps itself.
    return log_px_z + 0.5 * (eps.square() + logvar[:, None] - z.square()).sum(2)


def importance_bound(log_weights: Tensor) -> Tensor:
    """log (1/K) sum_k w_k, (batch,), from (batch, K) log weights (Burda et al. 2016, eq. 8).

    A lower bound of log p(x) that rises with K; K = 1 is the sampled ELBO.
    """
    return torch.logsumexp(log_weights, dim=1) - math.log(log_weights.shape[1])
