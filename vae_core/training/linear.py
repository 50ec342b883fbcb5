"""How the linear models learn: at once."""

from __future__ import annotations

import torch

from vae_core.data.binarisation import binarised
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.linear import PCA, ProbabilisticPCA
from vae_core.objectives.terms import Batch, ObjectiveTerms, autoencoder_terms, elbo_terms, loss
from vae_core.training.config import TrainConfig
from vae_core.training.learner import Learner


class LinearLearner(Learner):
    """Fits the model once, before the first step; the steps only tell how good it is."""

    model: PCA | ProbabilisticPCA

    def __init__(self, config: TrainConfig, model: LatentModel) -> None:
        if not isinstance(model, PCA | ProbabilisticPCA):
            raise ConfigError(f"The objective {config.objective} trains a linear model.")
        super().__init__(config, model)

    def begin(self, data: ImageDataset) -> None:
        if self.config.binarisation == "dynamic":
            data = binarised(data, self.config.seed)
        self.model.fit(data.images, self.config.seed)

    def step(self, batch: Batch) -> ObjectiveTerms:
        return self.terms(batch)

    @torch.no_grad()
    def terms(self, batch: Batch) -> ObjectiveTerms:
        terms_of = elbo_terms if self.model.is_variational else autoencoder_terms
        terms = terms_of(self.model, batch.x, generator=batch.generator)
        return ObjectiveTerms(terms.reconstruction, terms.kl, loss(terms, 1.0))
