"""The settings of one training, and sets of them by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from reprlib import repr as shown
from typing import Any

import torch

from vae_core.data.binarisation import checked_binarisation
from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig, check_texts
from vae_core.models.kinds import build_model
from vae_core.models.linear import LINEAR
from vae_core.objectives.objective import SHARED, check_number
from vae_core.objectives.registry import find_objective

SCHEDULES = ("one-cycle", "constant")
KEPT = ("last", "best")
MAX_EPOCHS = 10_000
MAX_CYCLES = 100

# field: (type, least, most), both ends included
_RANGES: dict[str, tuple[type, float, float]] = {
    "samples": (int, 1, 64),
    "epochs": (int, 1, MAX_EPOCHS),
    "patience": (int, 0, MAX_EPOCHS),
    "batch_size": (int, 1, 65_536),
    "seed": (int, 0, 2**31 - 1),
    "threads": (int, 1, 256),
    "beta": (float, 0, 1_000),
    "warm_up": (float, 0, 1),
    "learning_rate": (float, 1e-8, 10),
    "left_out": (int, -1, 9_999),
}


class Settings(Mapping[str, Any]):
    """Names and plain values that stay as they are, so that they can be hashed."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one training; plain JSON values only. ConfigError when one is out of range.

    dataset: a registered data set, or what the images given to `train` are called.
    latent_dim, network, hidden, activation, likelihood, sigma, link, prior, pseudo_inputs: see
    `ModelConfig`; of PCA they are what they must be, whatever is given.
    objective: see `objective_registry`, as for objective_settings, its own settings, which are
    complete once this is made; beta weighs the KL (1 is the ELBO); samples: draws of z per image
    (L; for IWAE its K); warm_up: the share of all steps over which what the KL is weighed by rises
    evenly from 0, so that no dimension gives up early (Sønderby et al. 2016).
    binarisation: see `binarisation`; static draws are the same for all.
    left_out: the label of a class whose training images are not learned, -1 for none.
    schedule: "one-cycle" rises to learning_rate over the first 30 % of the steps and falls to
    almost 0 (Smith & Topin 2019), "constant" stays.
    keep: the "last" epoch's model or the "best", whose loss on the held-out images is least;
    patience: after so many epochs without a lower one the training ends, 0 for never. The held-out
    images then have chosen the epoch, so that their figures flatter a little. Epochs while a weight
    still rises (warm-up, capacity) are not compared; a GAN's loss cannot be.
    continued: (ended, planned) for each time that more epochs were added: the epoch at which the
    training had ended, and those that it was to have. From there a cycle of its own begins: the
    learning rate rises and falls anew over the added epochs; weights that had risen stay.
    device: a torch device; threads: torch threads on the CPU.
    """

    dataset: str = "digits"
    latent_dim: int = 2
    network: str = "mlp"
    hidden: tuple[int, ...] = (512, 512, 256)
    activation: str = "silu"
    likelihood: str = "bernoulli"
    sigma: float = 0.1
    link: str = "sigmoid"
    prior: str = "normal"
    pseudo_inputs: int = 100
    objective: str = "elbo"
    objective_settings: Mapping[str, Any] = Settings({})
    binarisation: str = "none"
    left_out: int = -1
    beta: float = 1.0
    samples: int = 1
    warm_up: float = 0.0
    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    keep: str = "last"
    patience: int = 0
    continued: tuple[tuple[int, int], ...] = ()
    seed: int = 0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        check_texts(self)
        if not self.dataset.strip():
            raise ConfigError(f"dataset={shown(self.dataset)} is no name; give the images one.")
        for name, (kind, least, most) in _RANGES.items():
            check_number(name, getattr(self, name), kind, least, most)
        if self.schedule not in SCHEDULES:
            raise ConfigError(
                f"Unknown schedule {shown(self.schedule)}; choose one of {', '.join(SCHEDULES)}."
            )
        if self.keep not in KEPT:
            raise ConfigError(f"keep={shown(self.keep)} is not one of {', '.join(KEPT)}.")
        object.__setattr__(self, "continued", self._checked_cycles())
        checked_binarisation(self.binarisation)
        self._check_objective()
        try:
            torch.device(self.device)
        except RuntimeError as error:
            raise ConfigError(f"device={shown(self.device)} is no torch device.") from error
        # The model's own settings are checked where they live; the image shape is not known yet.
        with torch.device("meta"):
            model = build_model(self.model_config((1, 1, 1)))
        for name in ("hidden", *LINEAR):
            object.__setattr__(self, name, getattr(model.config, name))

    def _checked_cycles(self) -> tuple[tuple[int, int], ...]:
        begin, cycles = 0, []
        try:
            for ended, planned in self.continued:
                cycles.append((ended, planned))
                check_number("ended", ended, int, begin + 1, min(planned, self.epochs - 1))
                check_number("planned", planned, int, ended, MAX_EPOCHS)
                begin = ended
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"continued={shown(self.continued)} is not of pairs such as [[10, 10]], the epoch "
                f"at which a training of {self.epochs} epochs in all had ended and those that it "
                "was to have, rising."
            ) from error
        if len(cycles) > MAX_CYCLES:
            raise ConfigError(f"continued has {len(cycles)} pairs; give {MAX_CYCLES} at most.")
        return tuple(cycles)

    def cycle_at(self, epoch: int) -> tuple[int, int]:
        """Where the learning rate's cycle of `epoch`, the first being 0, begins and was to end."""
        begin = 0
        for ended, planned in self.continued:
            if epoch < ended:
                return begin, planned
            begin = ended
        return begin, self.epochs

    def with_more_epochs(self, more: int, ended: int) -> TrainConfig:
        """These settings for a training that ended after `ended` epochs and gets some `more`."""
        check_number("more_epochs", more, int, 1, MAX_EPOCHS)
        continued = (*self.continued, (ended, self.epochs))
        return replace(self, epochs=ended + more, continued=continued)

    def compares(self, epoch: int) -> bool:
        """Whether the held-out loss after `epoch` epochs is of the objective that it ends with."""
        _, planned = self.cycle_at(0)
        own = {name: float(self.objective_settings.get(name, 0.0)) for name in ("rise", "fall")}
        return epoch >= max(self.warm_up, own["rise"], 2 * own["fall"]) * planned

    def _check_objective(self) -> None:
        objective, settings = find_objective(self.objective), self.objective_settings
        if not isinstance(settings, Mapping) or not all(isinstance(name, str) for name in settings):
            raise ConfigError(
                f"objective_settings={shown(settings)} are not values by name, such as "
                '{"gamma": 10}.'
            )
        settings = Settings(objective.checked(self.objective, settings))
        object.__setattr__(self, "objective_settings", settings)
        for name, unused in SHARED.items():
            value = getattr(self, name)
            if name not in objective.uses and value != unused:
                own = f", whose own settings are {', '.join(settings)}" if settings else ""
                raise ConfigError(
                    f"{name}={value:g} has no meaning for the objective {self.objective}{own}; "
                    f"leave {name} at {unused:g}."
                )
        if self.objective == "gan" and (self.keep != "last" or self.patience):
            raise ConfigError(
                "The loss of a GAN's generator does not tell how good it is, so that there is no "
                "best epoch; leave keep at last and patience at 0."
            )
        if self.objective == "m2" and self.left_out >= 0:
            raise ConfigError(
                "M2 is told of every class; leave left_out at -1, which leaves none out."
            )
        if self.objective == "gan" and "gaussian" in self.likelihood and self.link == "identity":
            raise ConfigError(
                "A GAN's images would be cut off at black and at white, where its generator learns "
                "nothing; choose link='sigmoid'."
            )
        if self.objective == "beta-tcvae" and self.prior != "normal":
            raise ConfigError(
                f"prior={self.prior} does not go with beta-tcvae, which takes the KL apart by "
                "dimensions that the prior holds independent; leave it at normal."
            )
        if objective.pairs and self.batch_size < 2:
            raise ConfigError(
                f"batch_size=1, but the objective {self.objective} compares the images of a batch; "
                "choose 2 at least."
            )

    def model_config(self, image_shape: tuple[int, int, int]) -> ModelConfig:
        kind = find_objective(self.objective).kind
        values = {name: getattr(self, name) for name in _MODEL_FIELDS}
        values |= LINEAR if kind in ("pca", "ppca") else {}  # they leave nothing to choose
        classes = self.objective_settings.get("classes", ModelConfig.classes)
        return ModelConfig(image_shape=image_shape, kind=kind, classes=classes, **values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "hidden": list(self.hidden),
            "continued": [list(pair) for pair in self.continued],
            "objective_settings": dict(self.objective_settings),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_json`; ConfigError for a field that does not exist."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(
                f"Unknown setting {shown(unknown[0])}; the settings are {', '.join(sorted(known))}."
            )
        return cls(**values)


_MODEL_FIELDS = tuple(
    f.name for f in fields(ModelConfig) if f.name in {g.name for g in fields(TrainConfig)}
)
