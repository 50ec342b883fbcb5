"""The latent plane: latent space under the pointer, decoded while it moves.

Python sends the view (a few hundred bytes; points and pictures as URLs) and hears of what was
released. Between the two the browser talks to `live.decode` alone, without a Streamlit rerun, and
to nobody for what its own engine computes once `live.weights` has come.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from live.weights.classifier import CODES, IMAGES
from ui.components.engine import ENGINE
from ui.components.latent_plane.description import InStep, View, Way, described
from ui.components.latent_plane.linked import refuse_unreadable
from ui.components.latent_plane.overlay import Gaussian, Heat, Metric, Overlay, Trail
from ui.components.latent_plane.points import Array, Plane, PlanePoints
from ui.components.latent_plane.selected import packed, unpacked
from ui.components.modules import module_component
from ui.components.timeline.film import Film
from ui.widgets import said_by
from vae_core.errors import ConfigError

__all__ = [
    "Gaussian",
    "Heat",
    "InStep",
    "Metric",
    "Overlay",
    "Plane",
    "PlanePoints",
    "PlaneResult",
    "Trail",
    "Way",
    "latent_plane",
    "packed",
    "unpacked",
]

_ASSETS, _SCRIPT = module_component(Path(__file__).parent / "assets", "plane.js")
_COMPONENT = st.components.v2.component(
    "zscape.latent_plane",
    html='<div class="root" style="min-height: 20rem"></div>',
    js=_SCRIPT,
)


@dataclass(frozen=True)
class PlaneResult:
    """What the plane shows now: its z, the positions of the selected points, the way's stops."""

    z: tuple[float, ...] | None
    selected: tuple[int, ...]
    stops: Array | None


def latent_plane(
    model_id: str,
    *,
    key: str,
    z: Sequence[float] | Array | None,
    points: PlanePoints | None = None,
    film: Film | None = None,
    on_change: Callable[[PlaneResult], None] | None = None,
    on_drawing: Callable[[bytes], None] | None = None,
    **view: Unpack[View],
) -> PlaneResult:
    """Show the plane and the decoded image beside it; returns what they show now.

    model_id: as in `live.models`. key: names this plane in the session.
    z: where the cursor stands, (d,); whoever changed it last, the page or the visitor, is followed.
        None for a plane that is no part of latent space (t-SNE): points alone.
    points: drawn once; positions in the result count its rows.
    film: its frames are {"model": id, "points": a `PlanePoints.payload()`}; points of the same rows
        glide from where they were to where they are.
    on_change: called with the new result before the page runs again, so that it can set the state
        of widgets.
    on_drawing: called with a drawing's pixels, h * w * c bytes in rows as they come from the
        browser, when a stroke has ended.
    """
    if view.get("classifiers") is None:
        view["classifiers"] = _classifiers(model_id, points)
    payload = None if points is None else points.payload()
    shown = described(model_id, z=z, points=payload, key=key, **view)
    refuse_unreadable(shown["named"], points)
    way_shown = shown["way"] or {"stops": None}
    given = {"z": shown["z"], "selected": shown["selected"], "stops": way_shown["stops"]}
    told = st.session_state.get(key) or {}
    current = _current(key, given, told)
    count = 0 if points is None else len(points.xy)

    def changed() -> None:
        if on_change is not None and said_by(key):
            on_change(_result(_current(key, given, said_by(key)), count))

    state = _COMPONENT(
        key=key,
        data=[
            {
                **shown,
                "assets": _ASSETS,
                "engine": ENGINE,
                "heard": {name: told[name]["at"] for name in given if told.get(name)},
                "z": current["z"],
                "selected": current["selected"],
                "way": shown["way"] and {**way_shown, "stops": current["stops"]},
                "film": None if film is None else film.payload(),
                "tellsDrawing": on_drawing is not None,
            }
        ],
        on_z_change=changed,
        on_selected_change=changed,
        on_stops_change=changed,
        on_drawn_change=lambda: _tell_drawing(key, on_drawing),
    )
    return _result(_current(key, given, state), count)


def _classifiers(model_id: str, points: PlanePoints | None) -> dict[str, str] | None:
    """Those that the server fits when the browser asks for one."""
    if points is None or len(points.classes) < 2:
        return None
    return {
        of: f"live/classifier?{urlencode({'model': model_id, 'of': of})}" for of in (CODES, IMAGES)
    }


def _tell_drawing(key: str, on_drawing: Callable[[bytes], None] | None) -> None:
    value = said_by(key).get("drawn")
    if on_drawing is not None and value is not None:
        try:
            on_drawing(base64.b64decode(value["value"], validate=True))
        except ValueError as error:
            raise ConfigError("The drawing did not arrive whole; draw it again.") from error


def _current(key: str, given: dict[str, Any], state: Any) -> dict[str, Any]:
    """Each value as the page or the visitor set it, whichever of the two changed it last.

    The visitor's come as {"value": …, "at": the moment}: the same value may be set twice. What a
    browser brings along into a session begun anew is old: the page has the address's.
    """
    memory = st.session_state.setdefault(f"{key}:newest", {})
    current = {}
    for name, page in given.items():
        visitor = state.get(name)
        seen_page, seen_visitor, newest = memory.get(name, (page, visitor, page))
        if visitor is not None and visitor != seen_visitor:
            newest = visitor["value"]
        elif page != seen_page:
            newest = page
        memory[name] = (page, visitor, newest)
        current[name] = newest
    return current


def _result(current: dict[str, Any], count: int) -> PlaneResult:
    z, stops = current["z"], current["stops"]
    return PlaneResult(
        z=None if z is None else tuple(z),
        selected=unpacked(current["selected"], count),
        stops=None if stops is None else np.array(stops),
    )
