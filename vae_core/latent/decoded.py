"""The images that a model makes: of codes, of draws from its prior, of images that it encodes."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.models.latent_model import LatentModel


def prior_samples(model: LatentModel, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n draws from the prior, z (n, latent_dim), and their mean images, (n, c, h, w)."""
    z = model.sample_prior(n, torch.Generator().manual_seed(seed))
    return z, decoded(model, z)


@torch.no_grad()
def decoded(model: LatentModel, z: Tensor) -> Tensor:
    """The mean images (n, c, h, w) of z (n, latent_dim), on the CPU; gradients may start there."""
    return model.decode(z.to(next(model.parameters()).device)).cpu()


@torch.no_grad()
def rebuilt(model: LatentModel, x: Tensor) -> Tensor:
    """The mean images that a model makes of x (n, c, h, w), at z = mu(x)."""
    return model.decode(model.encode(x)[0])
