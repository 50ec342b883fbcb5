"""Priors p(z) that a VAE may be trained with: what draws from them and what log p(z) is.

prior = model.prior()                       # once for many z: a VampPrior encodes its inputs
prior.log_prob(z), prior.sample(n, generator), prior.kl(mu, logvar, z)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

PRIORS = ("normal", "vamp")


class Prior(Protocol):
    """Densities over z (…, d), in nats; a KL to it is by dimension, and sums to the whole."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (…)."""
        ...

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws, (n, d), on the generator's device."""
        ...

    def kl(self, mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
        """KL(N(mu, sigma^2) || p) by dimension, (batch, d).

        mu, logvar (batch, d); z (samples, batch, d), draws of that posterior, which are used where
        the KL has no closed form.
        """
        ...


@dataclass(frozen=True)
class StandardNormal:
    """N(0, I) over d dimensions; `dtype` is that of its draws."""

    d: int
    dtype: torch.dtype = torch.float32

    def log_prob(self, z: Tensor) -> Tensor:
        return log_normal(z).sum(-1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        return torch.randn(n, self.d, generator=generator, device=device, dtype=self.dtype)

    def kl(self, mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
        """In closed form (Kingma & Welling 2014, appendix B); z is not looked at."""
        return kl_to_standard_normal(mu, logvar)


@dataclass(frozen=True, eq=False)
class EqualMixture:
    """(1/K) sum_k N(mu_k, diag sigma_k^2), of K Gaussians of equal weight; mu, logvar (K, d).

    With the posteriors of K pseudo-inputs it is the VampPrior (Tomczak & Welling 2018, eq. 9).
    """

    mu: Tensor
    logvar: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        return self._log_prob_of_first(z)[..., -1]

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        rows = torch.randint(len(self.mu), (n,), generator=generator, device=device)
        mu, logvar = self.mu.to(device)[rows], self.logvar.to(device)[rows]
        eps = torch.randn(mu.shape, generator=generator, device=device, dtype=mu.dtype)
        return mu + torch.exp(0.5 * logvar) * eps

    def kl(self, mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
        """By the draws: means of log q(z_j given x) - log p(z_j given z_1 … z_(j-1)).

        The chain rule makes them sum to log q(z given x) - log p(z); a single one may be negative.
        """
        log_q = log_normal((z - mu) * torch.exp(-0.5 * logvar)) - 0.5 * logvar  # (samples, b, d)
        log_p = self._log_prob_of_first(z)
        return (log_q - log_p.diff(dim=-1, prepend=torch.zeros_like(log_p[..., :1]))).mean(0)

    def _log_prob_of_first(self, z: Tensor) -> Tensor:
        """log p(z_1 … z_j) for each j, (…, d)."""
        standardised = (z[..., None, :] - self.mu) * torch.exp(-0.5 * self.logvar)  # (…, K, d)
        by_component = (log_normal(standardised) - 0.5 * self.logvar).cumsum(-1)
        return torch.logsumexp(by_component, dim=-2) - math.log(len(self.mu))


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) by dimension, in nats; the shape of mu.

    1/2 (mu^2 + sigma^2 - log sigma^2 - 1) (Kingma & Welling 2014, appendix B).
    """
    of_sigma = torch.expm1(logvar) - logvar  # never below 0, but for its last digit
    return 0.5 * (mu.square() + of_sigma.clamp_min(0))


def log_normal(standardised: Tensor) -> Tensor:
    """log N(x; 0, 1) of each element, in nats; of (x - mu) / sigma add -log sigma."""
    return -0.5 * (standardised.square() + math.log(2 * math.pi))
