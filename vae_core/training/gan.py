"""How a GAN learns."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models.gan import GAN
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.gan import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    told_apart,
)
from vae_core.objectives.terms import Batch, ObjectiveTerms
from vae_core.training.config import TrainConfig
from vae_core.training.learner import Learner, descend, learning_rate

BETAS = (0.5, 0.99)


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
