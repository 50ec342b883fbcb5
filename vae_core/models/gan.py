"""A generative adversarial network (Goodfellow et al. 2014): a decoder that never sees an image.

    generator      z from N(0, I) -> an image
    discriminator  an image -> the log odds that it is real

It has no encoder, hence no posterior, no reconstruction and no bound of log p(x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.networks import build_network
from vae_core.objectives.terms import ObjectiveTerms
from vae_core.training.learners import Batch, Learner, descend, learning_rate

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

BETAS = (0.5, 0.99)


class GAN(LatentModel):
    """A generator, `decoder`, and the `discriminator` that it was trained against.

    Both are of the config's network; the discriminator is an encoder of two outputs whose
    difference is the log odds. The generator's image is the mean of the config's likelihood, of
    which nothing else is used.
    """

    is_variational = False
    has_encoder = False

    def _build(self) -> None:
        super()._build()
        del self.encoder
        config = self.config
        self.discriminator, _ = build_network(
            config.network, config.image_shape, 1, config.hidden, config.activation
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """ConfigError: there is no encoder."""
        raise ConfigError("A GAN has no encoder, so no image has a code; choose a VAE to encode.")

    def log_odds(self, x: Tensor) -> Tensor:
        """log p(real) - log p(generated) by the discriminator, (batch,); x (batch, c, h, w)."""
        real, generated = self.discriminator(x).unbind(1)
        odds: Tensor = real - generated
        return odds


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


@torch.inference_mode()
def told_apart(model: GAN, x: Tensor, z: Tensor) -> Tensor:
    """Which of the images x and of those generated from z the discriminator judges rightly.

    (2 * batch,) bool; half of them where it can but guess.
    """
    return torch.cat([model.log_odds(x) > 0, model.log_odds(model.decode(z)) < 0])


class GanLearner(Learner):
    """Discriminator and generator learn in turn, a step each, by an Adam of their own."""

    model: GAN

    def __init__(self, config: TrainConfig, model: LatentModel) -> None:
        if not isinstance(model, GAN):
            raise ConfigError("The objective gan trains a model of the kind gan.")
        super().__init__(config, model)
        self.penalty = config.objective_settings["penalty"]
        self.optimizers = {
            name: self.adam(f"optimizer.{name}", module, config.learning_rate, betas=BETAS)
            for name, module in (("decoder", model.decoder), ("discriminator", model.discriminator))
        }

    def step(self, batch: Batch) -> ObjectiveTerms:
        model, x, rate = self.model, batch.x, learning_rate(self.config, batch)
        apart = discriminator_loss(model, x, model.sample_prior(len(x), batch.generator))
        penalty = gradient_penalty(model, x).mean()
        descend(self.optimizers["discriminator"], apart.mean() + self.penalty * penalty, rate)
        model.discriminator.requires_grad_(False)  # the generator's step leaves it as it is
        deceived = generator_loss(model, model.sample_prior(len(x), batch.generator))
        descend(self.optimizers["decoder"], deceived.mean(), rate)
        model.discriminator.requires_grad_(True)
        return self._as_terms(deceived, {"discriminator": apart.mean(), "penalty": penalty})

    def terms(self, batch: Batch) -> ObjectiveTerms:
        model, x = self.model, batch.x
        z = model.sample_prior(len(x), batch.generator)
        return self._as_terms(
            generator_loss(model, z),
            {
                "discriminator": discriminator_loss(model, x, z).mean(),
                "told_apart": told_apart(model, x, z).double().mean(),
            },
        )

    def _as_terms(self, loss: Tensor, parts: dict[str, Tensor]) -> ObjectiveTerms:
        """There is neither a reconstruction nor a KL, and nobody reads the zeros."""
        nothing = torch.zeros_like(loss)
        kl = nothing[:, None].expand(-1, self.model.latent_dim)
        return ObjectiveTerms(nothing, kl, loss.mean(), parts)
