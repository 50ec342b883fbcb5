"""Every objective that can be trained, by name, with its settings and a sentence on it.

Another one is an entry here, of a function of its terms that is learned by gradient steps:

    register_objective("mine", "What it does.", ByGradient(terms_of), settings={…})

One that no gradient step learns names its learner, or brings it: see `training.learners`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from reprlib import repr as shown

import torch

from vae_core.data.corruption import CORRUPTIONS
from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.aggregate import beta_tcvae, dip_vae, info_vae, wae_mmd
from vae_core.objectives.autoencoder import (
    contractive_autoencoder,
    denoising_autoencoder,
    plain_autoencoder,
)
from vae_core.objectives.objective import ByGradient, Chosen, HowLearned, Objective, Setting
from vae_core.objectives.terms import Batch, ObjectiveTerms
from vae_core.objectives.variational import (
    beta_vae,
    capacity_vae,
    doubly_reparameterised_iwae,
    free_bits,
    iwae,
    ramp,
)

_REGISTRY: dict[str, Objective] = {}


def register_objective(
    name: str,
    text: str,
    learner: HowLearned,
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


def _function(function: Callable[..., ObjectiveTerms], *uses: str) -> ByGradient:
    """A function of `objectives` and its kin, with its own settings and what it `uses` beside."""

    def objective(model: LatentModel, batch: Batch, config: Chosen) -> ObjectiveTerms:
        shared = {name: getattr(config, name) for name in uses if name != "warm_up"}
        if "warm_up" in uses:
            shared["kl_weight"] = batch.kl_weight
        return function(
            model, batch.x, generator=batch.generator, **shared, **config.objective_settings
        )

    return ByGradient(objective)


def _warm_up(model: LatentModel, batch: Batch, config: Chosen) -> ObjectiveTerms:
    """beta_vae with a beta that rises from 0, in parts as beta (Sønderby et al. 2016)."""
    steps = round(config.objective_settings["rise"] * batch.total_steps)
    beta = ramp(batch.step, steps, config.beta)
    terms = beta_vae(model, batch.x, generator=batch.generator, samples=config.samples, beta=beta)
    return replace(terms, parts={"beta": torch.tensor(beta)})


def _capacity(model: LatentModel, batch: Batch, config: Chosen) -> ObjectiveTerms:
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


def _importance_weighted(function: Callable[..., ObjectiveTerms]) -> ByGradient:
    """A bound of K draws whose K rises from 1, by equal factors, in parts as draws."""

    def objective(model: LatentModel, batch: Batch, config: Chosen) -> ObjectiveTerms:
        steps = round(config.objective_settings["rise"] * batch.total_steps)
        draws = round(config.samples ** ramp(batch.step, steps, 1.0))
        terms = function(
            model, batch.x, generator=batch.generator, samples=draws, kl_weight=batch.kl_weight
        )
        if not steps:
            return terms
        return replace(terms, parts={**terms.parts, "draws": torch.tensor(float(draws))})

    return ByGradient(objective)


def _beta_tcvae(model: LatentModel, batch: Batch, config: Chosen) -> ObjectiveTerms:
    """beta_tcvae with a beta that may fall to 1, in parts as beta: first factors, then edges."""
    settings = dict(config.objective_settings)
    steps = round(settings.pop("fall") * batch.total_steps)
    if steps:
        settings["beta"] **= 1 - ramp(max(0, batch.step - steps), steps, 1.0)
    terms = beta_tcvae(
        model,
        batch.x,
        generator=batch.generator,
        dataset_size=batch.images,
        kl_weight=batch.kl_weight,
        **settings,
    )
    if not steps:
        return terms
    return replace(terms, parts={**terms.parts, "beta": torch.tensor(settings["beta"])})


_RISE = "The share of all steps over which {} rises evenly from 0; it stays there after."
_DRAWS = {
    "rise": Setting(
        0.0, "The share of all steps over which K rises from 1, by equal factors.", most=1.0
    )
}

register_objective(
    "elbo",
    "A variational autoencoder: minus the ELBO, its KL weighed by beta (Kingma & Welling 2014; "
    "Higgins et al. 2017).",
    _function(beta_vae, "beta", "samples", "warm_up"),
    uses=("beta", "samples", "warm_up"),
)
register_objective(
    "warm-up",
    "The same with a weight that rises from 0 to beta, so that no dimension gives up early "
    "(Sønderby et al. 2016); the setting warm_up does so for any objective that has a KL.",
    ByGradient(_warm_up),
    settings={"rise": Setting(0.2, _RISE.format("beta"), most=1.0)},
    uses=("beta", "samples"),
)
register_objective(
    "capacity",
    "The KL is held at a capacity that rises while learning: one factor after another is encoded "
    "(Burgess et al. 2018).",
    ByGradient(_capacity),
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
    _function(free_bits, "samples", "warm_up"),
    settings={"free_nats": Setting(0.1, "The KL in nats that each dimension has free.")},
    uses=("samples", "warm_up"),
)
register_objective(
    "iwae",
    "The importance-weighted bound of log p(x), tighter the more samples K (Burda et al. 2016).",
    _importance_weighted(iwae),
    settings=_DRAWS,
    uses=("samples", "warm_up"),
)
register_objective(
    "iwae-dreg",
    "The same bound with a gradient of the encoder that noise does not drown as K grows (Tucker "
    "et al. 2019).",
    _importance_weighted(doubly_reparameterised_iwae),
    settings=_DRAWS,
    uses=("samples", "warm_up"),
)
register_objective(
    "beta-tcvae",
    "The KL in three parts, of which the dimensions' total correlation weighs most (Chen et al. "
    "2018).",
    ByGradient(_beta_tcvae),
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
        "fall": Setting(
            0.0,
            "The share of all steps for which beta stays; over as many more it falls to 1, by "
            "equal factors. So factors come apart first, and images are sharp in the end.",
            most=0.5,
        ),
    },
    uses=("warm_up",),
    pairs=True,
)
register_objective(
    "factor-vae",
    "A discriminator estimates the total correlation that is weighed (Kim & Mnih 2018).",
    "factor-vae",
    settings={
        "gamma": Setting(10.0, "The weight of the total correlation, beside the ELBO."),
        "width": Setting(1_000, "The width of the discriminator's five hidden layers.", 1, 1_000),
        "discriminator_rate": Setting(
            1e-4, "The learning rate of the discriminator's own Adam.", 1e-8, 1.0
        ),
    },
    uses=("warm_up",),
    pairs=True,
)
for _kind, _diagonal in (("i", 100.0), ("ii", 10.0)):
    register_objective(
        f"dip-vae-{_kind}",
        f"The covariance of {'mu' if _kind == 'i' else 'z'} over a batch is drawn to the identity "
        "(Kumar et al. 2018).",
        _function(partial(dip_vae, kind=_kind), "beta", "warm_up"),
        settings={
            "off_diagonal": Setting(10.0, "The weight of what two dimensions share."),
            "diagonal": Setting(_diagonal, "The weight of a variance other than 1."),
        },
        uses=("beta", "warm_up"),
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
    _function(info_vae, "warm_up"),
    settings={
        "alpha": Setting(0.0, "One minus the weight of the KL; 1 leaves it out.", most=1.0),
        "weight": Setting(
            1_000.0, "Lambda: with alpha, less 1, the weight of that distance.", 1.0, 1e6
        ),
    },
    uses=("warm_up",),
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
    "linear",
    kind="pca",
)
register_objective(
    "ppca",
    "Probabilistic PCA: the linear VAE whose likelihood has a closed form (Tipping & Bishop 1999); "
    "found at once, so one epoch is enough.",
    "linear",
    kind="ppca",
)
register_objective(
    "gan",
    "A generator learns to deceive a discriminator, and no encoder comes of it (Goodfellow et al. "
    "2014).",
    "gan",
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
    "m2",
    settings={
        "labels": Setting(100, "How many images are labelled, as many of each class.", 1, 100_000),
        "alpha": Setting(
            1.0, "The weight of the classifier's cross-entropy on the labelled images."
        ),
        "classes": Setting(10, "How many classes the data have.", 1, 1_000),
    },
    uses=("warm_up",),
    kind="m2",
)
