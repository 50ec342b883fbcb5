"""FactorVAE: a discriminator tells the codes of images from shuffled ones (Kim & Mnih 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import ObjectiveTerms, variational
from vae_core.training.learners import Batch, Learner, descend, learning_rate

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

HIDDEN_LAYERS = 5  # with the last, the six layers of the paper's appendix A
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
        )


def factor_vae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    discriminator: Callable[[Tensor], Tensor],
    gamma: float,
) -> tuple[ObjectiveTerms, Tensor]:
    """-reconstruction + KL + gamma * total correlation (Kim & Mnih 2018, eq. 2), and its z.

    x (batch, c, h, w); discriminator: z (batch, d) -> log odds (batch, 1) that z comes from q(z)
    rather than from prod_j q(z_j), whose mean is the total correlation in nats. z (batch, d): the
    draws, of which the discriminator learns.
    """
    mu, logvar = variational(model).encode(x)
    z = model.sample_posterior(mu, logvar, generator)
    kl = model.prior().kl(mu, logvar, z[None])
    reconstruction = model.log_likelihood(x, z)
    correlation = discriminator(z).mean()
    loss = kl.sum(1).mean() + gamma * correlation - reconstruction.mean()
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
