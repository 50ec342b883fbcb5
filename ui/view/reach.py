"""How far from 0 a model's latent space is shown."""

from __future__ import annotations

import math

import numpy as np

from live.models import OpenModel

PRIOR_EXTENT = 3  # standard deviations of the prior that hold nearly all of it


def slider_reach(opened: OpenModel) -> float:
    """How far from 0 a slider of a latent dimension goes: 4, farther where stored means are."""
    far = 0.0 if opened.latents is None else float(opened.latents.mu.abs().max())
    return float(max(4, math.ceil(far)))


def grid_extent(opened: OpenModel) -> int:
    """How far from 0 an even grid goes: 3, farther where a hundredth of the stored means are."""
    if opened.latents is None:
        return PRIOR_EXTENT
    far = np.quantile(np.abs(opened.latents.mu.numpy()), 0.99, axis=0).max()
    return max(PRIOR_EXTENT, round(float(far)))
