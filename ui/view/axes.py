"""What sliders stand along: the latent dimensions, or, of very many, the main axes of the codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from live.models import OpenModel
from ui.components.address import number_from_link
from ui.view.dims import MOST_DIMS, names_of_dims
from ui.view.planes import pca_axes
from ui.view.reach import slider_reach
from ui.view.stored import latents_of

AXES = 16  # at first
FEWEST = 2


@dataclass(frozen=True, eq=False)
class Axes:
    """names (k,); directions (k, d), orthonormal; origin (d,), where all sliders are 0.

    reach: how far from there they go.
    """

    names: list[str]
    directions: np.ndarray
    origin: np.ndarray
    reach: float

    def at(self, z: Sequence[float]) -> list[float]:
        """Where the sliders stand at z, (k,)."""
        places: list[float] = ((np.asarray(z) - self.origin) @ self.directions.T).tolist()
        return places

    def moved(self, z: Sequence[float], k: int, value: float) -> list[float]:
        """z with slider k moved to `value`; what lies along no slider is kept."""
        step = value - self.at(z)[k]
        moved: list[float] = (np.asarray(z) + step * self.directions[k]).tolist()
        return moved


def too_many_dims(opened: OpenModel) -> bool:
    """Whether the model has more latent dimensions than a page has sliders."""
    return opened.model.latent_dim > MOST_DIMS


def most_axes(opened: OpenModel) -> int:
    """Of how many axes the visitor may choose."""
    n = MOST_DIMS if opened.latents is None else len(opened.latents) - 1
    return max(FEWEST, min(MOST_DIMS, n))


def axes_of(opened: OpenModel) -> Axes:
    """The main axes of the stored means, as many as the visitor chose; without them, dimensions."""
    most = most_axes(opened)
    count = number_from_link("axes", FEWEST, most, default=min(AXES, most))
    d = opened.model.latent_dim
    if opened.latents is None or len(opened.latents) <= FEWEST:
        return Axes(
            names_of_dims(range(count)), np.eye(count, d), np.zeros(d), slider_reach(opened)
        )
    origin, directions = pca_axes(opened, most)
    places = (latents_of(opened).mu.numpy() - origin) @ directions[:count].T
    names = [f"PC {k + 1}" for k in range(count)]
    reach = max(1, math.ceil(np.abs(places).max()))
    return Axes(names, directions[:count], origin, float(reach))
