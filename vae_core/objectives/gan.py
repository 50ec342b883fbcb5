"""What a GAN's two networks minimise (Goodfellow et al. 2014), and how well they are told apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.models.gan import GAN


def generator_loss(model: GAN, z: Tensor) -> Tensor:
    """-log D(G(z)), (batch,), in nats: the loss that does not saturate (Goodfellow et al. 2014, 3).

    z (batch, latent_dim).
    """
    return functional.softplus(-model.log_odds(model.decode(z)))


def discriminator_loss(model: GAN, x: Tensor, z: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), (batch,), in nats; x (batch, c, h, w), z (batch, latent_dim).

    2 log 2 where the two cannot be told apart.
    """
    with torch.no_grad():
        generated = model.decode(z)
    return functional.softplus(-model.log_odds(x)) + functional.softplus(model.log_odds(generated))


def gradient_penalty(model: GAN, x: Tensor) -> Tensor:
    """Half the squared gradient of the log odds at real images, (batch,).

    With it training converges where it would turn in circles (Mescheder et al. 2018, R1).
    """
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model.log_odds(x).sum(), x, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(1)


@torch.no_grad()
def told_apart(model: GAN, x: Tensor, z: Tensor) -> Tensor:
    """Which of the images x and of those generated from z the discriminator judges rightly.

    (2 * batch,) bool; half of them where it can but guess.
    """
    return torch.cat([model.log_odds(x) > 0, model.log_odds(model.decode(z)) < 0])
