"""What dimensions.js shows: a slider for each latent dimension."""

from __future__ import annotations

import math
from typing import Any

from live.models import OpenModel
from ui.components.latent_plane.points import dimension_name


def dimensions_of(opened: OpenModel) -> dict[str, Any]:
    """The sliders: in which order, how far they go, and what orders them."""
    from vae_core.latent.latents import reach

    d, latents = opened.model.latent_dim, opened.latents
    names = [dimension_name(j) for j in range(d)]
    if latents is None:
        return {"names": names, "order": list(range(d)), "unused": [], "reach": 4, "by": ""}
    by_use, active = latents.use.argsort(descending=True).tolist(), latents.active.tolist()
    measure = "KL" if opened.model.is_variational else "variance of μ"
    return {
        "names": names,
        "order": [j for j in by_use if active[j]],
        "unused": [j for j in by_use if not active[j]],
        "reach": max(4, math.ceil(reach(latents.mu))),
        "by": measure if sum(active) > 1 else "",
    }
