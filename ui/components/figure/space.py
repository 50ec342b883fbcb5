"""Points in three dimensions, by Plotly: fetched and drawn once this stands on a page.

scatter_3d(xyz, key="space", axes=("PC 1", "PC 2", "PC 3"), z=cursor, on_pick=choose)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from live.blobs import publish
from ui.components.modules import PLOTLY, module_component
from ui.palette import CLASS_COLOURS, SYMBOL_COLOURS
from ui.widgets import said_by
from vae_core.errors import ConfigError

_ASSETS, _SCRIPT = module_component(Path(__file__).parent / "assets", "space.js")
_COMPONENT = st.components.v2.component(
    "zscape.space",
    html='<div class="root" style="min-height: 520px"></div>',
    js=_SCRIPT,
    isolate_styles=False,  # Plotly's own stand in the page
)


def scatter_3d(
    points: npt.NDArray[Any],
    *,
    key: str,
    axes: tuple[str, str, str],
    z: Sequence[float],
    category: npt.NDArray[Any] | None = None,
    names: Sequence[str] = (),
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Points (n, 3), the cursor `z` (3,) among them, to turn, zoom and click.

    category (n,): which of `names` each is of. on_pick: called with the row of a point that was
    clicked, before the page runs again. ConfigError for other shapes.
    """
    if (
        points.ndim != 2
        or points.shape[1] != 3
        or (category is not None and category.shape != points.shape[:1])
    ):
        raise ConfigError(f"points are {points.shape}; give (n, 3), and a category for each.")
    columns = [np.ascontiguousarray(points, "<f4").tobytes()]
    if category is not None:
        columns.append(np.ascontiguousarray(category, "u1").tobytes())

    def tell() -> None:
        picked: Any = said_by(key).get("picked")
        if on_pick is not None and picked is not None and 0 <= picked < len(points):
            on_pick(int(picked))

    _COMPONENT(
        key=key,
        data=[
            {
                "assets": _ASSETS,
                "plotly": PLOTLY,
                "url": publish(b"".join(columns)),
                "count": len(points),
                "axes": list(axes),
                "names": list(names) if category is not None else None,
                "z": [float(value) for value in z],
                "colours": {"classes": CLASS_COLOURS, **SYMBOL_COLOURS},
            }
        ],
        on_picked_change=tell,
    )
