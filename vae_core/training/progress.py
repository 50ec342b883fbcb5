"""What a training reports while it goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vae_core.models.latent_model import LatentModel
from vae_core.training.config import TrainConfig
from vae_core.training.learner import Learner


@dataclass(frozen=True)
class Means:
    """Means per image over a set of images, in nats; `loss` is what the objective minimises.

    For a Bernoulli likelihood -reconstruction is the cross-entropy. A model without an encoder has
    neither reconstruction nor KL. parts: what else went into the loss, by name, before its weight,
    and a weight that rises while learning.
    """

    reconstruction: float | None
    kl: float | None
    loss: float
    kl_per_dim: tuple[float, ...]
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def cross_entropy(self) -> float | None:
        return None if self.reconstruction is None else -self.reconstruction

    @property
    def elbo(self) -> float | None:
        if self.reconstruction is None or self.kl is None:
            return None
        return self.reconstruction - self.kl


@dataclass(frozen=True)
class Best:
    """The epoch of least loss on the held-out images, and its weights where they are to be kept."""

    epoch: int = 0
    loss: float = math.inf
    weights: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    def stalled(self, config: TrainConfig, epoch: int) -> bool:
        """Whether `epoch` epochs are enough: none of the last `patience` was better."""
        begin, _ = config.cycle_at(epoch)
        since = max(self.epoch, begin)
        return 0 < config.patience <= epoch - since and self.loss < math.inf

    def state(self) -> dict[str, Tensor]:
        tensors = {f"best.model.{name}": tensor for name, tensor in self.weights.items()}
        loss = torch.tensor(self.loss, dtype=torch.float64)
        return tensors | {"best.epoch": torch.tensor(self.epoch), "best.loss": loss}


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    epoch: whole epochs done; step of total_steps; train: means over the epoch so far; test: means
    over the held-out images at the last epoch's end, None before; epoch_ended: this report closes
    an epoch, so `state` may be saved; best: where the settings ask for it; stalled: it is the last
    report, for the patience is at its end; model: the live model, in training; do not change it.
    """

    epoch: int
    step: int
    total_steps: int
    images_per_second: float
    seconds_left: float
    train: Means
    test: Means | None
    epoch_ended: bool
    learner: Learner = field(repr=False)
    best: Best | None = None
    stalled: bool = False

    @property
    def model(self) -> LatentModel:
        return self.learner.model

    @property
    def done(self) -> bool:
        return self.step == self.total_steps or self.stalled

    def state(self) -> dict[str, Tensor]:
        """All that `train(resume=…)` needs, as tensors by name; take it where epoch_ended."""
        tensors = self.learner.state() | {"epoch": torch.tensor(self.epoch)}
        tensors |= self.best.state() if self.best else {}
        return {name: t.detach().cpu().clone() for name, t in tensors.items()}
