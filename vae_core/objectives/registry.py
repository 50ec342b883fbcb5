"""Every objective that can be trained, by name: its learner, its settings, a sentence on each.

Another one is an entry here, with what builds its learner, such as a `GradientLearner`:

    register_objective("mine", "What it does.", learner, settings={"weight": Setting(1.0, "…")})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any

import torch

from vae_core.data.corruption import CORRUPTIONS
from vae_core.errors import ConfigError
from vae_core.models.gan import GanLearner
from vae_core.models.latent_model import LatentModel
from vae_core.models.linear import LinearLearner
from vae_core.models.m2 import M2Learner
from vae_core.objectives.aggregate import beta_tcvae, dip_vae, info_vae, wae_mmd
from vae_core.objectives.autoencoder import (
    contractive_autoencoder,
    denoising_autoencoder,
    plain_autoencoder,
)
from vae_core.objectives.factor_vae import FactorVaeLearner
from vae_core.objectives.terms import (
    ObjectiveTerms,
    beta_vae,
    capacity_vae,
    doubly_reparameterised_iwae,
    free_bits,
    iwae,
    ramp,
)
from vae_core.training.learners import Batch, GradientLearner, Learner, TermsOf

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

BuildLearner = Callable[["TrainConfig", LatentModel], Learner]
SHARED = {
    "beta": 1.0,
    "samples": 1,
}  # settings of TrainConfig that some objectives use, and as what


def check_number(name: str, value: Any, kind: type, least: float, most: float) -> None:
    """ConfigError unless the value is an int or a `kind`, int or float, from least to most."""
    number = isinstance(value, (int, kind)) and not isinstance(value, bool)
    if not number or not least <= value <= most:
        a = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name}={shown(value)} is not {a} from {least:g} to {most:g}.")


@dataclass(frozen=True)
class Setting:
    """One setting of an objective: a number from `least` to `most`, or one of `choices`.

    default: what it is unless set; its type is the setting's. text: what it does, in a sentence.
    """

    default: float | int | str
    text: str
    least: float = 0.0
    most: float = 1_000.0
    choices: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[float, float]:
        """From least to most, whole numbers where the setting is one."""
        whole = isinstance(self.default, int)
        return (int(self.least), int(self.most)) if whole else (self.least, self.most)

    def checked(self, name: str, value: Any) -> Any:
        """The value; ConfigError when it is of another type or out of range."""
        if self.choices:
            if value not in self.choices:
                raise ConfigError(f"{name}={shown(value)} is not one of {', '.join(self.choices)}.")
            return value
        kind = type(self.default)
        check_number(name, value, kind, self.least, self.most)
        return kind(value)


@dataclass(frozen=True)
class Objective:
    """An objective as it can be chosen.

    text: what it does, in a sentence; uses: which of beta and samples mean something to it; kind:
    of the model that it trains; pairs: a batch of a single image will not do.
    """

    text: str
    learner: BuildLearner
    settings: Mapping[str, Setting] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    kind: str = "vae"
    pairs: bool = False

    def checked(self, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All its settings, those not given as they are at first; ConfigError for a wrong one."""
        for key in settings:
            if key not in self.settings:
                known = f"; they are {', '.join(self.settings)}" if self.settings else ", none"
                raise ConfigError(
                    f"{shown(key)} is not among the objective {name}'s own settings{known}."
                )
        return {
            key: each.checked(key, settings.get(key, each.default))
            for key, each in self.settings.items()
        }


_REGISTRY: dict[str, Objective] = {}


def register_objective(
    name: str,
    text: str,
    learner: BuildLearner,
    *,
    settings: Mapping[str, Setting] | None = None,
    uses: tuple[str, ...] = (),
    kind: str = "vae",
    pairs: bool = False,
) -> None:
    """Enter an objective under `name`; the fields are those of `Objective`."""
    if name in _REGISTRY:
        raise ConfigError(f"An objective named {name!r} is registered already; choose another.")
    _REGISTRY[name] = Objective(text, learner, settings or {}, uses, kind, pairs)


def objective_names() -> tuple[str, ...]:
    """The names that can be chosen, in the order of registration."""
    return tuple(_REGISTRY)


def find_objective(name: str) -> Objective:
    """The objective `name`; ConfigError when it is unknown."""
    if name not in _REGISTRY:
        raise ConfigError(f"Unknown objective {shown(name)}; choose one of {', '.join(_REGISTRY)}.")
    return _REGISTRY[name]


def build_learner(config: TrainConfig, model: LatentModel) -> Learner:
    """The learner of `config`, with the model, already on its device, that it will change."""
    return find_objective(config.objective).learner(config, model)


def _gradient(terms_of: TermsOf) -> BuildLearner:
    return lambda config, model: GradientLearner(config, model, terms_of)


def _function(function: Callable[..., ObjectiveTerms], *uses: str) -> BuildLearner:
    """A function of `objectives` and its kin, with its own settings and what it `uses` beside."""

    def objective(model: LatentModel, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
        shared = {name: getattr(config, name) for name in uses}
        return function(
            model, batch.x, generator=batch.generator, **shared, **config.objective_settings
        )

    return _gradient(objective)


def _warm_up(model: LatentModel, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
    """beta_vae with a beta that rises from 0, in parts as beta (Sønderby et al. 2016)."""
    steps = round(config.objective_settings["rise"] * batch.total_steps)
    beta = ramp(batch.step, steps, config.beta)
    terms = beta_vae(model, batch.x, generator=batch.generator, samples=config.samples, beta=beta)
    return replace(terms, parts={"beta": torch.tensor(beta)})


def _capacity(model: LatentModel, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
    """capacity_vae with a capacity that rises from 0, in parts (Burgess et al. 2018)."""
    settings = config.objective_settings
    steps = round(settings["rise"] * batch.total_steps)
    capacity = ramp(batch.step, steps, settings["capacity"])
    terms = capacity_vae(
        model,
        batch.x,
        generator=batch.generator,
        capacity=capacity,
        gamma=settings["gamma"],
        samples=config.samples,
    )
    return replace(terms, parts={**terms.parts, "capacity": torch.tensor(capacity)})


def _beta_tcvae(model: LatentModel, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
    return beta_tcvae(
        model,
        batch.x,
        generator=batch.generator,
        dataset_size=batch.images,
        **config.objective_settings,
    )


_RISE = "The share of all steps over which {} rises evenly from 0; it stays there after."

register_objective(
    "elbo",
    "A variational autoencoder: minus the ELBO, its KL weighed by beta (Kingma & Welling 2014; "
    "Higgins et al. 2017).",
    _function(beta_vae, "beta", "samples"),
    uses=("beta", "samples"),
)
register_objective(
    "warm-up",
    "The same with a weight that rises from 0 to beta, so that no dimension gives up early "
    "(Sønderby et al. 2016).",
    _gradient(_warm_up),
    settings={"rise": Setting(0.2, _RISE.format("beta"), most=1.0)},
    uses=("beta", "samples"),
)
register_objective(
    "capacity",
    "The KL is held at a capacity that rises while learning: one factor after another is encoded "
    "(Burgess et al. 2018).",
    _gradient(_capacity),
    settings={
        "capacity": Setting(25.0, "The KL in nats that is reached in the end."),
        "gamma": Setting(1_000.0, "The weight of the distance between KL and capacity.", most=1e6),
        "rise": Setting(0.8, _RISE.format("the capacity"), most=1.0),
    },
    uses=("samples",),
)
register_objective(
    "free-bits",
    "A dimension is not pressed below so many nats, which keeps it from collapse (Kingma et al. "
    "2016).",
    _function(free_bits, "samples"),
    settings={"free_nats": Setting(0.1, "The KL in nats that each dimension has free.")},
    uses=("samples",),
)
register_objective(
    "iwae",
    "The importance-weighted bound of log p(x), tighter the more samples K (Burda et al. 2016).",
    _function(iwae, "samples"),
    uses=("samples",),
)
register_objective(
    "iwae-dreg",
    "The same bound with a gradient of the encoder that noise does not drown as K grows (Tucker "
    "et al. 2019).",
    _function(doubly_reparameterised_iwae, "samples"),
    uses=("samples",),
)
register_objective(
    "beta-tcvae",
    "The KL in three parts, of which the dimensions' total correlation weighs most (Chen et al. "
    "2018).",
    _gradient(_beta_tcvae),
    settings={
        "alpha": Setting(1.0, "The weight of what z tells about which image it was."),
        "beta": Setting(6.0, "The weight of the total correlation, what the dimensions share."),
        "gamma": Setting(1.0, "The weight of each dimension's own distance from the prior."),
        "sampling": Setting(
            "stratified",
            "How q(z) of all N images is estimated from a batch of M: stratified is unbiased; "
            "weighted reads log q(z) too low, by log M to log N, the more the images overlap.",
            choices=("stratified", "weighted"),
        ),
    },
    pairs=True,
)
register_objective(
    "factor-vae",
    "A discriminator estimates the total correlation that is weighed (Kim & Mnih 2018).",
    FactorVaeLearner,
    settings={
        "gamma": Setting(10.0, "The weight of the total correlation, beside the ELBO."),
        "width": Setting(1_000, "The width of the discriminator's five hidden layers.", 1, 1_000),
        "discriminator_rate": Setting(
            1e-4, "The learning rate of the discriminator's own Adam.", 1e-8, 1.0
        ),
    },
    pairs=True,
)
for _kind, _diagonal in (("i", 100.0), ("ii", 10.0)):
    register_objective(
        f"dip-vae-{_kind}",
        f"The covariance of {'mu' if _kind == 'i' else 'z'} over a batch is drawn to the identity "
        "(Kumar et al. 2018).",
        _function(partial(dip_vae, kind=_kind), "beta"),
        settings={
            "off_diagonal": Setting(10.0, "The weight of what two dimensions share."),
            "diagonal": Setting(_diagonal, "The weight of a variance other than 1."),
        },
        uses=("beta",),
        pairs=True,
    )
register_objective(
    "wae-mmd",
    "An autoencoder without sigma whose codes are drawn to the prior all together, not each by "
    "itself (Tolstikhin et al. 2018).",
    _function(wae_mmd),
    settings={
        "weight": Setting(10.0, "The weight of the distance between codes and prior.", most=1e6)
    },
    kind="autoencoder",
    pairs=True,
)
register_objective(
    "info-vae",
    "A VAE that weighs the KL less, and the distance of all codes together from the prior more "
    "(Zhao et al. 2019).",
    _function(info_vae),
    settings={
        "alpha": Setting(0.0, "One minus the weight of the KL; 1 leaves it out.", most=1.0),
        "weight": Setting(
            1_000.0, "Lambda: with alpha, less 1, the weight of that distance.", 1.0, 1e6
        ),
    },
    pairs=True,
)
register_objective(
    "autoencoder",
    "The plain autoencoder: a code is a point, and nothing holds the codes to a prior.",
    _function(plain_autoencoder),
    uses=("samples",),  # accepted as ever: all draws are the same point
    kind="autoencoder",
)
register_objective(
    "denoising",
    "A plain autoencoder that sees a corrupted image and rebuilds the clean one (Vincent et al. "
    "2008).",
    _function(denoising_autoencoder),
    settings={
        "corruption": Setting(
            CORRUPTIONS[0],
            "Noise on every pixel, some pixels made 0, or 0 or 1, or a grey square.",
            choices=CORRUPTIONS,
        ),
        "amount": Setting(
            0.3,
            "The noise's standard deviation, the share of pixels, or the square's share of a side.",
            most=1.0,
        ),
    },
    kind="autoencoder",
)
register_objective(
    "contractive",
    "A plain autoencoder whose codes are to change little with the image (Rifai et al. 2011).",
    _function(contractive_autoencoder),
    settings={"weight": Setting(0.1, "The weight of the encoder's squared slope.", most=1e6)},
    kind="autoencoder",
)
register_objective(
    "pca",
    "Principal component analysis, the linear autoencoder of least squared error; found at once, "
    "so one epoch is enough.",
    LinearLearner,
    kind="pca",
)
register_objective(
    "ppca",
    "Probabilistic PCA: the linear VAE whose likelihood has a closed form (Tipping & Bishop 1999); "
    "found at once, so one epoch is enough.",
    LinearLearner,
    kind="ppca",
)
register_objective(
    "gan",
    "A generator learns to deceive a discriminator, and no encoder comes of it (Goodfellow et al. "
    "2014).",
    GanLearner,
    settings={
        "penalty": Setting(
            1.0,
            "The weight of the discriminator's squared slope at real images, which keeps the two "
            "from turning in circles (Mescheder et al. 2018).",
        )
    },
    kind="gan",
)
register_objective(
    "m2",
    "The class of a few images is told, and that of all others inferred beside z (Kingma et al. "
    "2014).",
    M2Learner,
    settings={
        "labels": Setting(100, "How many images are labelled, as many of each class.", 1, 100_000),
        "alpha": Setting(
            1.0, "The weight of the classifier's cross-entropy on the labelled images."
        ),
        "classes": Setting(10, "How many classes the data have.", 1, 1_000),
    },
    kind="m2",
)
