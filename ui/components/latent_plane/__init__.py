"""The latent plane: latent space under the pointer, decoded while it moves.

Python sends the view (a few hundred bytes; points and pictures as URLs) and hears of what was
released. Between the two the browser talks to `live.decode` alone, without a Streamlit rerun.
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

from ui.components.film import Film
from ui.components.latent_plane.overlay import Gaussian, Heat, Metric, Trail
from ui.components.latent_plane.points import Array, Plane, PlanePoints
from ui.components.modules import module_component
from ui.palette import CLASS_COLOURS, CLASS_GLYPHS, SYMBOL_COLOURS
from vae_core.errors import ConfigError

__all__ = [
    "Gaussian",
    "Heat",
    "Metric",
    "Plane",
    "PlanePoints",
    "PlaneResult",
    "Trail",
    "Way",
    "latent_plane",
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
    path: Array | None = None,
    layers: Sequence[Layer] = ("rings",),
    draw: Preparation | None = None,
    sliders: Sequence[str] = (),
    mode: Literal["cursor", "select", "stops"] = "cursor",
    grid: str | None = None,
    link: Literal["places", "images"] | None = None,
    height: int = 520,
    film: Film | None = None,
    maps: str | None = None,
    heat: Heat | None = None,
    gaussians: Sequence[Gaussian] = (),
    metric: Metric | None = None,
    trails: Sequence[Trail] = (),
    look: tuple[float, float, float] | None = None,
    on_change: Callable[[PlaneResult], None] | None = None,
    on_drawing: Callable[[bytes], None] | None = None,
) -> PlaneResult:
    """Show the plane and the decoded image beside it; returns what they show now.

    model_id: as in `live.models`. key: names this plane in the session.
    z: where the cursor stands, (d,); whoever changed it last, the page or the visitor, is followed.
        None for a plane that is no part of latent space (t-SNE): points alone.
    plane: two dimensions by default. points: drawn once, positions in `selected` and in the result
        count its rows. path (m, d): a way drawn but not edited.
    mode: what a press does: move z, select points (click, lasso; Shift for a box), or edit the way.
    layers: those switched on at first; the visitor switches them from then on.
    height: in pixels, on a page of usual width; a wider one gets more.
    draw: a pad beside the plane, on which each stroke or a dropped file is encoded; the image is
        prepared as MNIST's are, or made to fit.
    sliders: labels of the page's sliders, one a latent dimension; z follows them while they move.
    grid: key of an `image_grid` on the page, with which the plane keeps step while the pointer
        moves: a grid with axes shows the plane's places among its tiles, and a tile pointed at is
        decoded here; a film of the way shows its frame here, and follows the stops.
    link: planes of one page that follow each other's pointer: to the same place, or, where their
        points are of the same images in the same order, to the same image.
    film: its frames are {"model": id, "points": a `PlanePoints.payload()`}; points of the same rows
        glide from where they were to where they are.
    maps: a name under which grids of the page hear of the decoder's feature maps while the pointer
        moves (`image_grid.Maps`).
    heat: a heat map under the points. gaussians: ellipses over them. metric: its principal
        directions are drawn at the pointer. trails: ways drawn but not edited.
    look: centre and half the extent of the part of the plane that is shown until the visitor moves
        it, and again when it changes; the whole of it by default.
    on_drawing: called with a drawing's pixels, h * w * c bytes in rows as they come from the
        browser, when a stroke has ended.
    on_change: called with the new result before the page runs again, so that it can set the state
        of widgets.
    """
    z = None if z is None else tuple(float(x) for x in z)
    if z is not None and not np.isfinite(z).all():
        raise ConfigError(f"z={z} holds NaN or infinity; the plane needs finite numbers.")
    if z is not None and plane is None:
        plane = Plane.of_dims(len(z))
    if z is not None and plane is not None and len(plane.u) != len(z):
        raise ConfigError(f"z has {len(z)} dimensions, but the plane lies in {len(plane.u)}.")
    given = {
        "z": z,
        "selected": tuple(int(i) for i in selected),
        "stops": None if way is None else _rows(way.stops),
    }
    told = st.session_state.get(key) or {}
    current = _current(key, given, told)

    def drawn() -> None:
        value = st.session_state[key].get("drawn")
        if on_drawing is not None and value is not None:
            try:
                on_drawing(base64.b64decode(value["value"], validate=True))
            except ValueError as error:
                raise ConfigError("The drawing did not arrive whole; draw it again.") from error

    def changed() -> None:
        if on_change is not None:
            on_change(_result(_current(key, given, st.session_state[key])))

    state = _COMPONENT(
        key=key,
        data=[
            {
                "assets": _ASSETS,
                "model": model_id,
                "heard": {name: told[name]["at"] for name in given if told.get(name)},
                "z": current["z"],
                "plane": None
                if plane is None or z is None
                else {"u": plane.u, "v": plane.v, "origin": plane.origin},
                "labels": ("", "") if plane is None else plane.labels,
                "points": None if points is None else points.payload(),
                "selected": current["selected"],
                "way": None
                if way is None
                else {
                    "stops": current["stops"],
                    "method": way.method,
                    "steps": way.steps,
                    "most": way.most,
                },
                "path": None if path is None else _rows(path),
                "layers": tuple(layers),
                "draw": draw,
                "sliders": tuple(sliders),
                # Data as before do not reach the plane: a z as before takes back a slider's move.
                "sent": time.time() if sliders else None,
                "grid": grid,
                "link": link,
                "mode": mode,
                "height": height,
                "film": None if film is None else film.payload(),
                "maps": maps,
                "heat": None if heat is None else heat.payload(),
                "gaussians": [] if plane is None else [g.payload(plane) for g in gaussians],
                "metric": None if metric is None else metric.payload(),
                "ways": [] if plane is None else [t.payload(plane) for t in trails],
                "look": look,
                "tellsDrawing": on_drawing is not None,
                "colours": {"classes": CLASS_COLOURS, "glyphs": CLASS_GLYPHS, **SYMBOL_COLOURS},
            }
        ],
        on_z_change=changed,
        on_selected_change=changed,
        on_stops_change=changed,
        on_drawn_change=drawn,
    )
    return _result(_current(key, given, state))


def _rows(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.asarray(values, float).round(6).tolist())


def _current(key: str, given: dict[str, Any], state: Any) -> dict[str, Any]:
    """Each value as the page or the visitor set it, whichever of the two changed it last.

    The visitor's come as {"value": …, "at": the moment}: the same value may be set twice.
    """
    memory = st.session_state.setdefault(f"{key}:newest", {})
    current = {}
    for name, page in given.items():
        visitor = state.get(name)
        seen_page, seen_visitor, newest = memory.get(name, (None, None, page))
        if visitor is not None and visitor != seen_visitor:
            newest = visitor["value"]
        elif page != seen_page:
            newest = page
        memory[name] = (page, visitor, newest)
        current[name] = newest
    return current


def _result(current: dict[str, Any]) -> PlaneResult:
    z, stops = current["z"], current["stops"]
    return PlaneResult(
        z=None if z is None else tuple(z),
        selected=tuple(current["selected"]),
        stops=None if stops is None else np.array(stops),
    )
