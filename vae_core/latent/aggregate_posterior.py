"""The aggregate posterior q(z) = (1/N) sum_n q(z given x_n): what a decoder learned on."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.latent.latents import Latents

PAIRS_AT_ONCE = 1 << 22


class AggregatePosterior:
    """q(z) of N images, a `Sampler`: the mixture of their posteriors.

    Its KL to the prior is, on average, an upper bound of that of q(z) over all images there could
    be, by KL's convexity: in many dimensions the N posteriors hardly touch, and the KL is that of
    one of them less log N.
    """

    def __init__(self, latents: Latents) -> None:
        if not bool(torch.isfinite(latents.logvar).all()):
            raise ConfigError("These latents have no variance: their q(z) is points, no density.")
        self.latents = latents

    @cached_property
    def _quadratic(self) -> tuple[Tensor, Tensor]:
        """log N(z; mu_n, sigma_n^2) as [z^2, z] @ (2 d, N) + (N,), float64."""
        mu, logvar = self.latents.mu.double(), self.latents.logvar.double()
        precision = torch.exp(-logvar)
        constants = mu.square() * precision + logvar + math.log(2 * math.pi)
        return torch.cat([-0.5 * precision, mu * precision], 1).T, -0.5 * constants.sum(1)

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z), (m,) float64, in nats, for z (m, d)."""
        weights, constants = self._quadratic
        n = len(constants)
        features = torch.cat([z.double().square(), z.double()], 1)
        parts = [
            torch.logsumexp(block @ weights + constants, 1)
            for block in features.split(max(1, PAIRS_AT_ONCE // n))
        ]
        return torch.cat(parts) - math.log(n)

    def log_prob_by_dimension(self, z: Tensor) -> Tensor:
        """log q(z_j) of each dimension by itself, (m, d) float64, in nats, for z (m, d).

        By float32, which is enough for one dimension, and takes a quarter of the time.
        """
        mu, precision = self.latents.mu.T, torch.exp(-0.5 * self.latents.logvar.T)  # (d, N)
        log_scale = 0.5 * (self.latents.logvar.T + math.log(2 * math.pi))
        n = mu.shape[1]
        columns = []
        for j, z_j in enumerate(z.float().unbind(1)):
            parts = []
            for block in z_j.split(max(1, PAIRS_AT_ONCE // n)):
                distance = (block[:, None] - mu[j]).mul_(precision[j])  # (block, N)
                log_q = distance.square_().mul_(-0.5).sub_(log_scale[j])
                parts.append(torch.logsumexp(log_q, 1))
            columns.append(torch.cat(parts).double() - math.log(n))
        return torch.stack(columns, 1)

    def sample(self, n: int, seed: int) -> Tensor:
        """n draws, (n, d): an image's posterior, and z from it."""
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randint(len(self.latents), (n,), generator=generator)
        mu, sigma = self.latents.mu[rows], self.latents.sigma[rows]
        return mu + sigma * torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
