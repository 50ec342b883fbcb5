"""The latent plane: latent space under the pointer, decoded while it moves.

Python sends the view (a few hundred bytes; points and pictures as URLs) and hears of what was
released. Between the two the browser talks to `live.decode` alone, without a Streamlit rerun, and
to nobody for what its own engine computes once `live.weights` has come.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from ui.components.engine import ENGINE
from ui.components.film import Film
from ui.components.latent_plane.linked import refuse_unreadable
from ui.components.latent_plane.overlay import Gaussian, Heat, Metric, Overlay, Trail
from ui.components.latent_plane.points import Array, Plane, PlanePoints
from ui.components.latent_plane.selected import packed, unpacked
from ui.components.modules import module_component
from ui.palette import CLASS_COLOURS, CLASS_GLYPHS, SYMBOL_COLOURS
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


Layer = Literal["manifold", "rings", "density", "fog"]
Preparation = Literal["mnist", "fit"]


@dataclass(frozen=True)
class Way:
    """Stops that the visitor sets, drags and removes.

    stops (k, d); method as in `vae_core.latent.paths`; steps: places on a leg, both its ends
    counted. most: stops that the way can have, any number by default.
    """

    stops: Array
    method: Literal["linear", "spherical"] = "linear"
    steps: int = 12
    most: int | None = None

    def payload(self, stops: object) -> dict[str, Any]:
        """As the browser wants it, with the stops as they are now."""
        return {"stops": stops, "method": self.method, "steps": self.steps, "most": self.most}


@dataclass(frozen=True)
class InStep:
    """What on the page keeps step with a plane while the pointer moves.

    sliders: labels of the page's sliders, one a latent dimension; z follows them while they move.
    grid: key of an `image_grid`: one with axes shows the plane's places among its tiles, and a tile
        pointed at is decoded here; a film of the way shows its frame here, and follows the stops.
    planes: the others so linked follow this one's pointer: to the same place, or, where their
        points are of the same images in the same order, to the same image.
    maps: a name under which grids hear of the decoder's feature maps (`image_grid.Maps`).
    """

    sliders: Sequence[str] = ()
    grid: str | None = None
    planes: Literal["places", "images"] | None = None
    maps: str | None = None

    def payload(self) -> dict[str, Any]:
        """As the browser wants it."""
        return {
            "sliders": tuple(self.sliders),
            # Data as before do not reach the plane: a z as before takes back a slider's move.
            "sent": time.time() if self.sliders else None,
            "grid": self.grid,
            "link": self.planes,
            "maps": self.maps,
        }


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
    plane: Plane | None = None,
    points: PlanePoints | None = None,
    selected: Sequence[int] = (),
    way: Way | None = None,
    mode: Literal["cursor", "select", "stops"] = "cursor",
    layers: Sequence[Layer] = ("rings",),
    overlay: Overlay | None = None,
    in_step: InStep | None = None,
    draw: Preparation | None = None,
    height: int = 520,
    look: tuple[float, float, float] | None = None,
    film: Film | None = None,
    named: str = "",
    on_change: Callable[[PlaneResult], None] | None = None,
    on_drawing: Callable[[bytes], None] | None = None,
) -> PlaneResult:
    """Show the plane and the decoded image beside it; returns what they show now.

    model_id: as in `live.models`. key: names this plane in the session.
    z: where the cursor stands, (d,); whoever changed it last, the page or the visitor, is followed.
        None for a plane that is no part of latent space (t-SNE): points alone.
    plane: two dimensions by default. points: drawn once, positions in `selected` and in the result
        count its rows.
    mode: what a press does: move z, select points (click, lasso; Shift for a box), or edit the way.
    layers: those switched on at first; the visitor switches them from then on, and the address
        says which.
    draw: a pad beside the plane, on which each stroke or a dropped file is encoded; the image is
        prepared as MNIST's are, or made to fit.
    height: in pixels, on a page of usual width; a wider one gets more.
    look: centre and half the extent of the part of the plane that is shown until the visitor moves
        it, and again when it changes; the whole of it by default.
    film: its frames are {"model": id, "points": a `PlanePoints.payload()`}; points of the same rows
        glide from where they were to where they are.
    named: what tells the second plane of a page from the first in the address.
    on_change: called with the new result before the page runs again, so that it can set the state
        of widgets.
    on_drawing: called with a drawing's pixels, h * w * c bytes in rows as they come from the
        browser, when a stroke has ended.
    """
    z, plane = _placed(z, plane)
    refuse_unreadable(named, points)
    given = {
        "z": z,
        "selected": packed(selected),
        "stops": None if way is None else _rows(way.stops),
    }
    told = st.session_state.get(key) or {}
    current = _current(key, given, told)
    count = 0 if points is None else len(points.xy)

    def changed() -> None:
        if on_change is not None:
            on_change(_result(_current(key, given, st.session_state[key]), count))

    state = _COMPONENT(
        key=key,
        data=[
            {
                "assets": _ASSETS,
                "engine": ENGINE,
                "key": key,
                "named": named,
                "model": model_id,
                "heard": {name: told[name]["at"] for name in given if told.get(name)},
                "z": current["z"],
                "plane": None if plane is None or z is None else plane.payload(),
                "labels": ("", "") if plane is None else plane.labels,
                "points": None if points is None else points.payload(),
                "selected": current["selected"],
                "way": None if way is None else way.payload(current["stops"]),
                "mode": mode,
                "layers": tuple(layers),
                "draw": draw,
                "height": height,
                "look": look,
                "film": None if film is None else film.payload(),
                "tellsDrawing": on_drawing is not None,
                "colours": {"classes": CLASS_COLOURS, "glyphs": CLASS_GLYPHS, **SYMBOL_COLOURS},
                **(overlay or Overlay()).payload(plane),
                **(in_step or InStep()).payload(),
            }
        ],
        on_z_change=changed,
        on_selected_change=changed,
        on_stops_change=changed,
        on_drawn_change=lambda: _tell_drawing(key, on_drawing),
    )
    return _result(_current(key, given, state), count)


def _placed(
    z: Sequence[float] | Array | None, plane: Plane | None
) -> tuple[tuple[float, ...] | None, Plane | None]:
    """z as numbers, and the plane that it is shown on; ConfigError where they do not fit."""
    if z is None:
        return None, plane
    z = tuple(float(x) for x in z)
    if not np.isfinite(z).all():
        raise ConfigError(f"z={z} holds NaN or infinity; the plane needs finite numbers.")
    plane = plane or Plane.of_dims(len(z))
    if len(plane.u) != len(z):
        raise ConfigError(f"z has {len(z)} dimensions, but the plane lies in {len(plane.u)}.")
    return z, plane


def _tell_drawing(key: str, on_drawing: Callable[[bytes], None] | None) -> None:
    value = st.session_state[key].get("drawn")
    if on_drawing is not None and value is not None:
        try:
            on_drawing(base64.b64decode(value["value"], validate=True))
        except ValueError as error:
            raise ConfigError("The drawing did not arrive whole; draw it again.") from error


def _rows(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.asarray(values, float).round(6).tolist())


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
