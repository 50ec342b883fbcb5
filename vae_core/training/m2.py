"""How M2 learns: from all images without their classes, and from a few with theirs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vae_core.data.binarisation import binarise
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.rows import draw_labelled
from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.m2 import M2
from vae_core.objectives.m2 import m2_objective, unlabelled_terms
from vae_core.objectives.terms import Batch, ObjectiveTerms
from vae_core.training.config import TrainConfig
from vae_core.training.learner import Learner, descend, learning_rate


def labelled_rows(config: TrainConfig, data: ImageDataset) -> Tensor:
    """The rows of `data` whose class M2 is told, as many of each class, drawn by the config's seed.

    ConfigError or DataError where the settings of the objective do not go with the data.
    """
    classes, labels = config.objective_settings["classes"], data.labels
    there = 0 if labels is None else int(labels.max()) + 1
    if labels is None or there > classes:
        raise ConfigError(
            f"M2 was set up for {classes} classes, but {data.name} has {there}; choose data that "
            "have classes, and set classes to how many those are."
        )
    return draw_labelled(labels, config.objective_settings["labels"], config.seed)


class Labelled(nn.Module):
    """n images (n, c, h, w) uint8 and their classes (n,) int64, zeros until they are set."""

    images: Tensor
    labels: Tensor

    def __init__(self, n: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros((n, *image_shape), dtype=torch.uint8))
        self.register_buffer("labels", torch.zeros(n, dtype=torch.int64))


class M2Learner(Learner):
    """Every image of a batch without its label, beside a draw of those whose labels are told.

    Those are as many of each class, drawn by the config's seed, and go with the state.
    """

    model: M2

    def __init__(self, config: TrainConfig, model: LatentModel) -> None:
        if not isinstance(model, M2):
            raise ConfigError("The objective m2 trains a model of the kind m2.")
        labelled = Labelled(config.objective_settings["labels"], model.image_shape)
        self.labelled = labelled.to(next(model.parameters()).device)
        super().__init__(config, model, labelled=self.labelled)
        self.optimizer = self.adam("optimizer", model, config.learning_rate)

    def begin(self, data: ImageDataset) -> None:
        rows = labelled_rows(self.config, data)
        assert data.labels is not None
        self.labelled.images.copy_(data.images[rows])
        self.labelled.labels.copy_(data.labels[rows])

    def step(self, batch: Batch) -> ObjectiveTerms:
        told, generator = self.labelled, batch.generator
        n = len(told.labels)
        size = min(n, len(batch.x))
        rows = torch.randperm(n, generator=generator, device=batch.x.device)[:size]
        x = told.images[rows].float() / 255
        if self.config.binarisation == "dynamic":
            x = binarise(x, generator)
        terms = m2_objective(
            self.model,
            batch.x,
            (x, told.labels[rows]),
            generator=generator,
            alpha=self.config.objective_settings["alpha"],
            share=n / batch.images,
            kl_weight=batch.kl_weight,
        )
        descend(self.optimizer, terms.loss, learning_rate(self.config, batch))
        return terms

    def terms(self, batch: Batch) -> ObjectiveTerms:
        terms = unlabelled_terms(self.model, batch.x, generator=batch.generator)
        parts = {"class_kl": terms.class_kl.mean()}
        if batch.labels is not None:
            parts["error"] = (terms.log_q.argmax(1) != batch.labels).double().mean()
        return ObjectiveTerms(terms.reconstruction, terms.kl, -terms.bound.mean(), parts)
