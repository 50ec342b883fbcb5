"""Measures beside those that `evaluate` always has, by name.

Another one is a decorated function in a module that `evaluation` imports. `evaluate --measure NAME`
and `evaluate(measures=[NAME])` ask for it; its figures go into metrics.json, onto the model card
and among those that the app lists beside the model:

    @register_measure("spread", "How far the means lie from 0, on average.")
    def spread(model, dataset, latents):
        return {"distance": float(latents.mu.norm(dim=1).mean())}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from reprlib import repr as shown

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.models.latent_model import LatentModel

# model, the images, and where it encodes them -> figures by name, each finite
Function = Callable[[LatentModel, ImageDataset, Latents], Mapping[str, float]]


@dataclass(frozen=True)
class Measure:
    """text: what it tells, in a sentence; function: see the module."""

    text: str
    function: Function


_REGISTRY: dict[str, Measure] = {}


def register_measure(name: str, text: str) -> Callable[[Function], Function]:
    """Enter a measure under `name`, with a sentence on what it tells."""

    def register(function: Function) -> Function:
        if name in _REGISTRY:
            raise ConfigError(f"A measure named {name!r} is registered already; choose another.")
        _REGISTRY[name] = Measure(text, function)
        return function

    return register


def measures() -> Mapping[str, Measure]:
    """Those registered, in the order of registration."""
    return dict(_REGISTRY)


def find_measure(name: str) -> Measure:
    """The measure `name`; ConfigError when it is unknown."""
    if name not in _REGISTRY:
        known = f"choose one of {', '.join(_REGISTRY)}" if _REGISTRY else "none is registered"
        raise ConfigError(f"Unknown measure {shown(name)}; {known}.")
    return _REGISTRY[name]


def measured(
    name: str, model: LatentModel, dataset: ImageDataset, latents: Latents
) -> dict[str, float]:
    """The figures of one measure; DataError where one is not a finite number."""
    figures = {
        key: float(value)
        for key, value in find_measure(name).function(model, dataset, latents).items()
    }
    for key, value in figures.items():
        if not math.isfinite(value):
            raise DataError(f"The measure {name} gives {key}={value}, which is no finite number.")
    return figures
