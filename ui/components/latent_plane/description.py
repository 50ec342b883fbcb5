"""What the plane shows, in the words of the browser: `plane.js` takes nothing else.

The app's component sends it, and so do exported pages and the notebook widget.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np

from ui.components.latent_plane.overlay import Overlay
from ui.components.latent_plane.points import Array, Plane
from ui.components.latent_plane.selected import packed
from ui.palette import CLASS_COLOURS, CLASS_GLYPHS, SYMBOL_COLOURS
from vae_core.errors import ConfigError

Layer = Literal["manifold", "rings", "density", "fog", "regions", "entropy"]
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

    def payload(self) -> dict[str, Any]:
        """As the browser wants it."""
        stops = np.asarray(self.stops, float).round(6).tolist()
        return {**vars(self), "stops": tuple(map(tuple, stops))}


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


class View(TypedDict, total=False):
    """How a plane is shown, as `latent_plane` takes it by name; defaults as of `described`.

    plane: two dimensions by default. selected: positions among the rows of the points.
    mode: what a press does: move z, select points (click, lasso; Shift for a box), or edit the way.
    layers: those switched on at first; the visitor switches them from then on, and the address
        says which.
    draw: a pad beside the plane, on which each stroke or a dropped file is encoded; the image is
        prepared as MNIST's are, or made to fit.
    height: in pixels, on a page of usual width; a wider one gets more, a low screen less.
    compact: whether it is small on a phone, so that it can stay in view above what moves it.
    look: centre and half the extent of the part of the plane that is shown until the visitor moves
        it, and again when it changes; the whole of it by default.
    classifiers: URLs of those by which the layers of classes are drawn, see `described`; by
        default the server's own, of all classes.
    named: what tells the second plane of a page from the first in the address.
    """

    plane: Plane | None
    selected: Sequence[int]
    way: Way | None
    mode: Literal["cursor", "select", "stops"]
    layers: Sequence[Layer]
    overlay: Overlay | None
    in_step: InStep | None
    draw: Preparation | None
    height: int
    compact: bool
    look: tuple[float, float, float] | None
    classifiers: Mapping[str, str] | None
    named: str


def described(
    model_id: str,
    *,
    z: Sequence[float] | Array | None,
    plane: Plane | None = None,
    points: dict[str, Any] | None = None,
    selected: Sequence[int] = (),
    way: Way | None = None,
    mode: Literal["cursor", "select", "stops"] = "cursor",
    layers: Sequence[Layer] = ("rings",),
    overlay: Overlay | None = None,
    in_step: InStep | None = None,
    draw: Preparation | None = None,
    height: int = 520,
    compact: bool = False,
    look: tuple[float, float, float] | None = None,
    encodes: bool = True,
    classifiers: Mapping[str, str] | None = None,
    key: str = "plane",
    named: str = "",
) -> dict[str, Any]:
    """The plane as the browser wants it; see `View`, and `latent_plane` for z.

    points: `PlanePoints.payload()`, or its `layout` where the browser has the bytes by another way.
    encodes: whether whoever decodes can encode, too. classifiers: URLs of classifiers of "codes",
    of "images" or of both, as `live.weights.classifier` packs them. ConfigError where z and the
    plane do not fit.
    """
    z, plane = _placed(z, plane)
    return {
        "key": key,
        "named": named,
        "model": model_id,
        "z": z,
        "plane": None if plane is None or z is None else plane.payload(),
        "labels": ("", "") if plane is None else plane.labels,
        "points": points,
        "selected": packed(selected),
        "way": None if way is None else way.payload(),
        "mode": mode,
        "layers": tuple(layers),
        "draw": draw,
        "encodes": encodes,
        "classifiers": None if classifiers is None else dict(classifiers),
        "height": height,
        "compact": compact,
        "look": look,
        "colours": {"classes": CLASS_COLOURS, "glyphs": CLASS_GLYPHS, **SYMBOL_COLOURS},
        **(overlay or Overlay()).payload(plane),
        **(in_step or InStep()).payload(),
    }


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
