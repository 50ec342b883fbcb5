"""FactorVAE: a discriminator tells the codes of images from shuffled ones (Kim & Mnih 2018)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import ObjectiveTerms, variational

HIDDEN_LAYERS = 5  # with the last, the six layers of the paper's appendix A


def factor_vae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    discriminator: Callable[[Tensor], Tensor],
    gamma: float,
    kl_weight: float = 1.0,
) -> tuple[ObjectiveTerms, Tensor]:
    """-reconstruction + kl_weight * (KL + gamma * total correlation), and its z.

    kl_weight = 1 is eq. 2 of Kim & Mnih (2018); it is less while it is warmed up.

    x (batch, c, h, w); discriminator: z (batch, d) -> log odds (batch, 1) that z comes from q(z)
    rather than from prod_j q(z_j), whose mean is the total correlation in nats. z (batch, d): the
    draws, of which the discriminator learns.
    """
    mu, logvar = variational(model).encode(x)
    z = model.sample_posterior(mu, logvar, generator)
    kl = model.prior().kl(mu, logvar, z[None])
    reconstruction = model.log_likelihood(x, z)
    correlation = discriminator(z).mean()
    pressed = kl.sum(1).mean() + gamma * correlation
    loss = kl_weight * pressed - reconstruction.mean()
    return ObjectiveTerms(reconstruction, kl, loss, {"total_correlation": correlation}), z


def discriminator(latent_dim: int, width: int) -> nn.Module:
    """z (batch, latent_dim) -> log odds (batch, 1): layers of `width`, leaky ReLU of slope 0.2."""
    layers: list[nn.Module] = []
    for n_in in (latent_dim, *[width] * (HIDDEN_LAYERS - 1)):
        layers += [nn.Linear(n_in, width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(width, 1))


def shuffled(z: Tensor, generator: torch.Generator) -> Tensor:
    """z (batch, d) with the values of each dimension in an order of their own."""
    order = torch.rand(z.shape, generator=generator, device=z.device).argsort(0)
    return z.gather(0, order)
