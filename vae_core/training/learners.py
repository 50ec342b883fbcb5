"""The learner of each objective."""

from __future__ import annotations

from collections.abc import Callable

from vae_core.models.latent_model import LatentModel
from vae_core.objectives.objective import ByGradient
from vae_core.objectives.registry import find_objective
from vae_core.training.config import TrainConfig
from vae_core.training.factor_vae import FactorVaeLearner
from vae_core.training.gan import GanLearner
from vae_core.training.learner import GradientLearner, Learner
from vae_core.training.linear import LinearLearner
from vae_core.training.m2 import M2Learner

_NAMED: dict[str, Callable[[TrainConfig, LatentModel], Learner]] = {
    "factor-vae": FactorVaeLearner,
    "linear": LinearLearner,
    "gan": GanLearner,
    "m2": M2Learner,
}


def build_learner(config: TrainConfig, model: LatentModel) -> Learner:
    """The learner of `config`, with the model, already on its device, that it will change."""
    how = find_objective(config.objective).learner
    if isinstance(how, ByGradient):
        return GradientLearner(config, model, how.terms_of)
    learner: Learner = (_NAMED[how] if isinstance(how, str) else how)(config, model)
    return learner
