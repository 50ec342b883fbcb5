"""What a link says of a plane that only the browser shows: whether it can be shown."""

from __future__ import annotations

import math
from contextlib import suppress

import streamlit as st

from ui.components.address import linked, refuse
from ui.components.latent_plane.points import PlanePoints

LAYERS = (  # as in assets/seen.js
    *("heat", "manifold", "rings", "density", "posteriors", "fog"),
    *("regions", "entropy", "by-images"),
)
NONE = "none"


def refuse_unreadable(named: str, points: PlanePoints | None) -> None:
    """Tell once what no plane can show; the browser passes over it."""
    key = f"plane{named}-link-read"
    if key in st.session_state:
        return
    st.session_state[key] = True
    layers, off, zoom = (linked(name + named) for name in ("layers", "off", "zoom"))
    if layers not in ("", NONE) and not set(layers.split(",")) <= set(LAYERS):
        refuse(f"layers{named}", f"layers are some of {', '.join(LAYERS)}, or {NONE}")
    classes = math.inf if points is None else 0 if points.category is None else len(points.names)
    if off and not all(_is_class(k, classes) for k in off.split(",")):
        refuse(f"off{named}", "numbers of classes in the legend are expected, the first is 0")
    if zoom and not _is_look(zoom.split(",")):
        refuse(f"zoom{named}", "a centre and half an extent above 0 are expected: x,y,half")


def _is_class(text: str, classes: float) -> bool:
    return text.isascii() and text.isdecimal() and int(text[:9]) < classes


def _is_look(texts: list[str]) -> bool:
    with suppress(ValueError):
        look = [float(text) for text in texts]
        return len(look) == 3 and all(map(math.isfinite, look)) and look[2] > 0
    return False
