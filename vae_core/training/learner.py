"""What `train` drives: a learner takes batches and changes its model.

    learner.begin(train_data)             once, before the first batch of a run that is not resumed
    terms = learner.step(batch)           one step of learning; the terms are those it learned from
    terms = learner.terms(batch)          of held-out images: nothing is learned
    tensors = learner.state()             all that `restore` needs to go on, bit for bit

A learner owns its optimisers, and it never waits for the device in a step. Which one an objective
has stands in `learners`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vae_core.data.image_dataset import ImageDataset
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.objective import TermsOf
from vae_core.objectives.terms import Batch, ObjectiveTerms
from vae_core.training.config import TrainConfig


class Learner(ABC):
    """See the module; every method but `state` and `restore` works on the model's device.

    Its state is the weights of `modules`, by name, and what the optimisers of `adam` keep.
    """

    def __init__(self, config: TrainConfig, model: LatentModel, **others: nn.Module) -> None:
        self.config, self.model = config, model
        self.modules: dict[str, nn.Module] = {"model": model, **others}
        self._optimizers: dict[str, tuple[nn.Module, torch.optim.Adam]] = {}

    def adam(self, name: str, module: nn.Module, rate: float, **settings: Any) -> torch.optim.Adam:
        """An optimiser of the weights of `module` whose state is kept under `name`."""
        optimizer = torch.optim.Adam(module.parameters(), lr=rate, fused=True, **settings)
        self._optimizers[name] = (module, optimizer)
        return optimizer

    def begin(self, data: ImageDataset) -> None:  # noqa: B027
        """See all training images before the first step: what needs no gradient may fit here."""

    @abstractmethod
    def step(self, batch: Batch) -> ObjectiveTerms: ...

    @abstractmethod
    def terms(self, batch: Batch) -> ObjectiveTerms: ...

    def state(self) -> dict[str, Tensor]:
        """All that changes while learning, the model's weights as "model.…"."""
        tensors: dict[str, Tensor] = {}
        for name, module in self.modules.items():
            tensors |= {f"{name}.{key}": tensor for key, tensor in module.state_dict().items()}
        for name, (module, optimizer) in self._optimizers.items():
            tensors |= _adam_state(name, module, optimizer)
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; KeyError, ValueError or RuntimeError where it is another's."""
        for name, module in self.modules.items():
            head = f"{name}."
            module.load_state_dict(
                {key.removeprefix(head): t for key, t in tensors.items() if key.startswith(head)}
            )
        for name, (module, optimizer) in self._optimizers.items():
            _restore_adam(name, module, optimizer, tensors)


class GradientLearner(Learner):
    """Any objective whose loss falls by gradient steps of Adam (Kingma & Ba 2015)."""

    def __init__(self, config: TrainConfig, model: LatentModel, terms_of: TermsOf) -> None:
        super().__init__(config, model)
        self.terms_of = terms_of
        self.optimizer = self.adam("optimizer", model, config.learning_rate)

    def step(self, batch: Batch) -> ObjectiveTerms:
        terms = self.terms(batch)
        descend(self.optimizer, terms.loss, learning_rate(self.config, batch))
        return terms

    def terms(self, batch: Batch) -> ObjectiveTerms:
        return self.terms_of(self.model, batch, self.config)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    """One step of `optimizer` down the gradient of `loss` at the learning rate `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def learning_rate(config: TrainConfig, batch: Batch) -> float:
    """The learning rate of `config` for the step on `batch`."""
    return learning_rate_at(config, batch.cycle)


def learning_rate_at(config: TrainConfig, fraction: float) -> float:
    """The learning rate after `fraction` of a cycle's steps.

    One-cycle: from 1/25 of the peak up to it at 30 %, then down to 1/250,000, both along a cosine.
    """
    peak, rise = config.learning_rate, 0.3
    if config.schedule == "constant":
        return peak
    if fraction < rise:
        low, way = peak / 25, (1 - math.cos(math.pi * fraction / rise)) / 2
    else:
        low, way = peak / 250_000, (1 + math.cos(math.pi * (fraction - rise) / (1 - rise))) / 2
    return low + (peak - low) * way


def _adam_state(
    name: str, module: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """What Adam keeps for each weight of `module`, as "name.weight.slot"."""
    weights = [key for key, _ in module.named_parameters()]
    return {
        f"{name}.{weights[index]}.{slot}": torch.as_tensor(value)
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
    }


def _restore_adam(
    name: str, module: nn.Module, optimizer: torch.optim.Adam, tensors: Mapping[str, Tensor]
) -> None:
    """The inverse of `_adam_state`; KeyError or ValueError where names or shapes are others."""
    state: dict[int, dict[str, Tensor]] = {}
    for index, (key, parameter) in enumerate(module.named_parameters()):
        shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        state[index] = {  # clones: Adam would write into the caller's tensors
            slot: tensors[f"{name}.{key}.{slot}"].float().clone() for slot in shapes
        }
        if any(state[index][slot].shape != shape for slot, shape in shapes.items()):
            raise ValueError(f"{key} is {tuple(parameter.shape)}")  # fused Adam trusts shapes
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
