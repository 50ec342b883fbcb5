"""An objective as it can be chosen: what it does, its settings, how it is learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from reprlib import repr as shown
from typing import Any, Protocol

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import Batch, ObjectiveTerms

# Settings of a training that some objectives use, and what they are for the others.
SHARED = {"beta": 1.0, "samples": 1, "warm_up": 0.0}


class Chosen(Protocol):
    """What an objective reads of the settings of its training, a `TrainConfig`."""

    @property
    def beta(self) -> float: ...

    @property
    def samples(self) -> int: ...

    @property
    def objective_settings(self) -> Mapping[str, Any]: ...


TermsOf = Callable[[LatentModel, Batch, Chosen], ObjectiveTerms]


@dataclass(frozen=True)
class ByGradient:
    """Learned by gradient steps on the loss of its terms, as most objectives are."""

    terms_of: TermsOf


# Else the name of a learner that `training` has, or what makes one of a TrainConfig and a model.
HowLearned = ByGradient | str | Callable[[Any, LatentModel], Any]


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

    text: what it does, in a sentence; uses: which of SHARED mean something to it; kind: of the
    model that it trains; pairs: a batch of a single image will not do.
    """

    text: str
    learner: HowLearned
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


def check_number(name: str, value: Any, kind: type, least: float, most: float) -> None:
    """ConfigError unless the value is an int or a `kind`, int or float, from least to most."""
    number = isinstance(value, (int, kind)) and not isinstance(value, bool)
    if not number or not least <= value <= most:
        a = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name}={shown(value)} is not {a} from {least:g} to {most:g}.")
