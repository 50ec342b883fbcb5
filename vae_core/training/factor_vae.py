"""How FactorVAE learns: its discriminator beside it (Kim & Mnih 2018)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from vae_core.models.latent_model import LatentModel
from vae_core.objectives.factor_vae import discriminator, factor_vae, shuffled
from vae_core.objectives.terms import Batch, ObjectiveTerms, variational
from vae_core.training.config import TrainConfig
from vae_core.training.learner import Learner, descend, learning_rate

BETAS = (0.5, 0.9)


class FactorVaeLearner(Learner):
    """The model learns by `factor_vae`, and its discriminator, by an Adam of its own, beside it.

    Its examples of prod_j q(z_j) are the batch's codes with each dimension shuffled by itself. The
    paper shuffles those of a second batch; here, as in disentanglement_lib, it is the same.
    """

    def __init__(self, config: TrainConfig, model: LatentModel) -> None:
        settings = config.objective_settings
        self.gamma, self.rate = settings["gamma"], settings["discriminator_rate"]
        self.discriminator = discriminator(model.latent_dim, settings["width"]).to(
            next(model.parameters()).device
        )
        self.discriminator.requires_grad_(False)  # the model's step leaves it as it is
        super().__init__(config, variational(model), discriminator=self.discriminator)
        self.optimizer = self.adam("optimizer", model, config.learning_rate)
        self.discriminator_optimizer = self.adam(
            "discriminator_optimizer", self.discriminator, self.rate, betas=BETAS
        )

    def step(self, batch: Batch) -> ObjectiveTerms:
        terms, z = self._terms(batch)
        descend(self.optimizer, terms.loss, learning_rate(self.config, batch))
        z = z.detach()
        self.discriminator.requires_grad_(True)
        apart = self.discriminator(shuffled(z, batch.generator))
        together = self.discriminator(z)
        cross_entropy = 0.5 * (softplus(-together).mean() + softplus(apart).mean())
        descend(self.discriminator_optimizer, cross_entropy, self.rate)
        self.discriminator.requires_grad_(False)
        return terms

    def terms(self, batch: Batch) -> ObjectiveTerms:
        return self._terms(batch)[0]

    def _terms(self, batch: Batch) -> tuple[ObjectiveTerms, Tensor]:
        return factor_vae(
            self.model,
            batch.x,
            generator=batch.generator,
            discriminator=self.discriminator,
            gamma=self.gamma,
            kl_weight=batch.kl_weight,
        )
