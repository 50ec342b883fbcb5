"""Figures of the page Layers: feature maps in two colours, small matrices cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from ui.components.image_grid import image_grid
from ui.curves import is_dark
from ui.palette import CLASS_COLOURS, GREY, SIGNED_COLOURS
from ui.text import decimal
from vae_core.feature_maps import FeatureMaps

MOST_MAPS = 64
STRIP = 128  # units in a row of a strip
MATRIX_HEIGHT = 400  # pixels that a tall matrix takes at most, while its cells can be told apart
CELLS = 6, 24  # pixels of a matrix's cell, at least and at most
CSS = """
<style>
.matrix { display: inline-grid; gap: 1px; vertical-align: top; }
.matrix i { display: flex; align-items: center; justify-content: center; font-style: normal;
  font-variant-numeric: tabular-nums; border-radius: 1px;
  background: color-mix(in srgb, currentColor 9%, transparent); }
.matrix i.lit { outline: 2px solid currentColor; outline-offset: -1px; z-index: 1; }
.matrix i.dim { opacity: 0.25; }
.matrices { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; align-items: flex-start; }
.matrices figure { margin: 0; max-width: 100%; overflow-x: auto; }
.matrices figcaption { font-size: 0.875rem; margin-bottom: 0.3rem; }
</style>
"""

Values = npt.NDArray[Any]


def show_maps(layer: FeatureMaps, key: str) -> None:
    """The maps of a layer as small images, its units as a strip."""
    maps = layer.maps.numpy()
    shown = (
        maps[:MOST_MAPS]
        if maps.ndim == 3
        else np.stack([strip(row) for row in np.atleast_2d(maps)])
    )
    most = float(np.nanmax(np.abs(maps)))
    image_grid(
        signed_colours(shown, most)[None],
        key=key,
        testid="feature-maps",
        alt=f"Outputs of {layer.name}, {size_text(layer.shape)}",
        min_tile=None if maps.ndim < 3 else min(46, 6 * maps.shape[-1]),
        max_tile=680 if maps.ndim < 3 else 46 if len(shown) > 1 else 112,
    )
    some = f"{len(shown)} of {len(maps)} maps. " if maps.ndim == 3 and len(maps) > MOST_MAPS else ""
    st.caption(f"{some}From {decimal(float(maps.min()))} to {decimal(float(maps.max()))}.")


def strip(units: Values) -> Values:
    """Units (m,) in rows of STRIP, filled up with NaN."""
    width = min(len(units), STRIP)
    padded = np.full(-(-len(units) // width) * width, np.nan)
    padded[: len(units)] = units
    return padded.reshape(-1, width)


def signed_colours(values: Values, most: float) -> npt.NDArray[np.uint8]:
    """values (n, h, w) -> (n, 3, h, w): blue below zero, orange above, full at `most`; NaN grey."""
    zero = np.array((30, 35, 45) if is_dark() else (241, 243, 246))
    share = np.clip(np.nan_to_num(values) / (most or 1.0), -1, 1)[..., None]
    below, above = (np.array(_rgb(colour)) for colour in SIGNED_COLOURS)
    mixed = zero + np.abs(share) * (np.where(share < 0, below, above) - zero)
    mixed[np.isnan(values)] = _rgb(GREY)
    colours: npt.NDArray[np.uint8] = np.rint(mixed).astype(np.uint8).transpose(0, 3, 1, 2)
    return colours


def size_text(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def matrix(
    values: Values,
    *,
    title: str,
    places: Values | None = None,
    lit: npt.NDArray[np.bool_] | None = None,
    side: int | None = None,
) -> str:
    """An HTML figure of values (rows, columns), whole numbers.

    places (rows, columns): which weight of the kernel gives a cell its colour, -1 none; lit: cells
    that are outlined; side: of a cell, in pixels, by the matrix's height where none is given.
    """
    height, width = values.shape
    low, high = CELLS
    side = side or max(low, min(high, MATRIX_HEIGHT // max(height, width)))
    cells = []
    for i in range(height):
        for j in range(width):
            place = -1 if places is None else int(places[i, j])
            style = ""
            if place >= 0:
                colour = CLASS_COLOURS[place]
                style = f" style='background:{colour};color:{_ink(colour)}'"
            kind = " class='lit'" if lit is not None and lit[i, j] else ""
            text = f"{values[i, j]:g}" if side >= 18 and (places is None or place >= 0) else ""
            cells.append(f"<i{kind}{style}>{text}</i>")
    return (
        f"<figure><figcaption>{title}</figcaption><div class='matrix' style='grid-template:"
        f"repeat({height},{side}px)/repeat({width},{side}px);font-size:{min(14, side // 2 + 2)}px'>"
        f"{''.join(cells)}</div></figure>"
    )


def show_matrices(figures: Sequence[str], *, testid: str) -> None:
    st.html(f"{CSS}<div class='matrices' data-testid='{testid}'>{''.join(figures)}</div>")


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))


def _ink(colour: str) -> str:
    """Black or white, whichever is read more easily on the colour."""
    red, green, blue = _rgb(colour)
    return "#000" if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else "#fff"
