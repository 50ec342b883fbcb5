"""How finely a model's geometry is measured, so that it takes no longer than one waits for it."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import torch

from vae_core.adapters.differences import STEPS as TRIED
from vae_core.latent.geometry import MEASURED, MOST_DIFFERENCES, PROBED, RELAXED
from vae_core.models.latent_model import LatentModel

MULTIPLY_ADDS = 12.8e9  # of a core in a second, about
FEWEST, MOST_CELLS = 8, 72  # cells a side of the map
FEWEST_PLACES = 4  # on a step of a way
MOST_NUMBERS = 50_000_000  # of all images of the map
MOST_PIXELS = 64 * 64 * 3  # of an image for which a geodesic is looked for
A_CELL = 4  # images that a cell of the map takes
EVALUATIONS = 40  # of a way's energy, while a geodesic is looked for by differences


class Effort(NamedTuple):
    """Cells a side of the map, places on each step of a way, whether a geodesic is looked for.

    seconds: of a core, that map and ways take, about; an_image: of these, to decode one.
    """

    side: int
    places: int
    geodesic: bool
    seconds: float
    an_image: float


def effort(model: LatentModel, steps: int, seconds: float) -> Effort:
    """As fine as so many seconds of a core allow for a map and two ways of `steps` places.

    The coarsest may take longer: `Effort.seconds` says so.
    """
    pixels, an_image = math.prod(model.image_shape), max(seconds_to_decode(model), 1e-9)
    legs, half = 2 * (steps - 1), seconds / (2 * an_image)
    by_memory, by_time = math.isqrt(MOST_NUMBERS // pixels), math.isqrt(int(half / A_CELL))
    side = max(FEWEST, min(MOST_CELLS, by_memory, by_time))
    places = max(FEWEST_PLACES, min(MEASURED, int(half / legs)))
    images = A_CELL * side**2 + legs * places
    search = 0
    if not model.has_gradients:
        images += 2 * 2 * PROBED * (len(TRIED) + 1)
        if model.latent_dim <= MOST_DIFFERENCES:
            search = EVALUATIONS * (steps - 1) * RELAXED * (1 + 2 * model.latent_dim)
    searched = pixels <= MOST_PIXELS and (not search or an_image * (images + search) <= seconds)
    return Effort(side, places, searched, an_image * images, an_image)


def seconds_to_decode(model: LatentModel) -> float:
    """Of a core, for one image: by the work where torch does it, else as it was just measured."""
    if model.has_gradients:
        return model.cost.decode / MULTIPLY_ADDS
    z = torch.zeros(min(4, model.images_at_once), model.latent_dim)
    model.decode(z)  # the first may take longer than all others
    start = time.perf_counter()
    model.decode(z)
    return (time.perf_counter() - start) / len(z)
