"""Two Gaussians, moved by the pointer or by keys, and the KL divergences between them as areas.

    q, p = two_gaussians((1.5, 0.7), (0.0, 1.0), key="gaussians")

Moving happens in the browser; Python hears of the place on which a handle comes to rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.modules import module_component
from ui.palette import GREY, SIGNED_COLOURS, SYMBOL_COLOURS

__all__ = ["MU", "SIGMA", "Gaussian", "is_gaussian", "two_gaussians"]

Gaussian = tuple[float, float]  # mu and sigma
MU, SIGMA = (-4.0, 4.0), (0.2, 4.0)  # from where to where they can be moved, as LIMITS there
_FOLDER = Path(__file__).parent
_ASSETS, _SCRIPT = module_component(_FOLDER / "assets", "gaussians.js")
_COMPONENT = st.components.v2.component(
    "zscape.two_gaussians",
    html='<div class="root"></div>',
    css=(_FOLDER / "gaussians.css").read_text("utf-8"),
    js=_SCRIPT,
)


def is_gaussian(given: object) -> bool:
    """Whether this is a mu and a sigma within reach."""
    return (
        isinstance(given, list | tuple)
        and len(given) == 2
        and all(isinstance(value, int | float) for value in given)
        and MU[0] <= given[0] <= MU[1]
        and SIGMA[0] <= given[1] <= SIGMA[1]
    )


def two_gaussians(q: Gaussian, p: Gaussian, *, key: str) -> tuple[Gaussian, Gaussian]:
    """Show q and p, which begin as given; returns them as the visitor has moved them."""
    state: Any = _COMPONENT(
        key=key,
        data=[
            {
                "assets": _ASSETS,
                "gaussians": [list(q), list(p)],
                "colours": [SYMBOL_COLOURS["sigma"], GREY],
                "signed": list(SIGNED_COLOURS),
                "testid": "two-gaussians",
            }
        ],
        on_gaussians_change=lambda: None,
    )
    told = state.get("gaussians")
    if isinstance(told, list) and len(told) == 2 and all(map(is_gaussian, told)):
        (a, b), (c, d) = told
        return (float(a), float(b)), (float(c), float(d))
    return q, p
