"""Curves over a common axis, drawn at once: no chart library to load, cheap to draw again.

    curves([Panel("KL", [Line("test", epochs, kl, "#d55e00")])], key="kl", testid="kl", alt="KL")

The browser shows the values under the pointer or where arrow keys go, and at the frame of a `Film`
where one is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.modules import module_component
from ui.components.timeline.film import Film
from ui.widgets import said_by

__all__ = ["Line", "Panel", "curves"]

_FOLDER = Path(__file__).parent
_ASSETS, _SCRIPT = module_component(_FOLDER / "assets", "curves.js")
_COMPONENT = st.components.v2.component(
    "zscape.curves",
    html='<div class="root"></div>',
    css=(_FOLDER / "curves.css").read_text("utf-8"),
    js=_SCRIPT,
)


@dataclass(frozen=True)
class Line:
    """x (n,) rising, y (n,); label: stands at the line's end, where there is room.

    bars (n,): from where to where a bar at each point reaches; empty for none.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False
    faint: bool = False
    label: str = ""
    bars: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Panel:
    """A title and the lines below it; note: stands opposite the title.

    y_range: what to show, by default what holds the lines but the start of long ones.
    """

    title: str
    lines: Sequence[Line]
    note: str = ""
    y_range: tuple[float, float] | None = None


def curves(
    panels: Sequence[Panel],
    *,
    key: str,
    testid: str,
    alt: str,
    x_range: tuple[float, float],
    x_name: str = "epoch",
    unit: str = "nats",
    legend: bool = True,
    height: int = 180,
    log_x: bool = False,
    film: Film | None = None,
    pick: str = "",
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Show the panels beside one another where there is room.

    alt: what they show, in words. height: of a panel's plot, in pixels. legend: name the lines
    above the panels. log_x: a logarithmic axis across. film: its frames are {"marker": x}, where
    a line stands across the panels. pick: the name of a line whose points a click or Enter picks:
    `on_pick` is called with the point's index before the page runs again.
    """

    def tell() -> None:
        picked: Any = said_by(key).get("picked")
        points = [len(line.x) for panel in panels for line in panel.lines if line.name == pick]
        if on_pick is not None and picked is not None and 0 <= picked < max(points, default=0):
            on_pick(int(picked))

    _COMPONENT(
        key=key,
        data=[
            {
                "assets": _ASSETS,
                "panels": [asdict(panel) for panel in panels],
                "testid": testid,
                "alt": alt,
                "xRange": list(x_range),
                "xName": x_name,
                "unit": unit,
                "legend": legend,
                "height": height,
                "logX": log_x,
                "film": None if film is None else film.payload(),
                "pick": pick,
            }
        ],
        on_picked_change=tell,
    )
