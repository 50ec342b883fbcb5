"""How far from 0 a model's latent space is shown."""

from __future__ import annotations

import math

from live.models import OpenModel
from vae_core.latent.latents import reach

PRIOR_EXTENT = 3  # standard deviations of the prior that hold nearly all of it


def slider_reach(opened: OpenModel) -> float:
    """How far from 0 a slider of a latent dimension goes: 4, farther where stored means are."""
    far = 0.0 if opened.latents is None else reach(opened.latents.mu)
    return float(max(4, math.ceil(far)))


def grid_extent(opened: OpenModel) -> int:
    """How far from 0 an even grid goes: 3, farther where a hundredth of the stored means are."""
    if opened.latents is None:
        return PRIOR_EXTENT
    return max(PRIOR_EXTENT, round(reach(opened.latents.mu, 0.99)))
