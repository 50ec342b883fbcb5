"""Figures of the page Layers: feature maps in two colours, small matrices cell by cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from ui.components.figure import Table, figure
from ui.components.image_grid import Maps, image_grid
from ui.numbers import decimal
from ui.palette import CLASS_COLOURS, GREY, SIGNED_COLOURS, is_dark
from vae_core.models.feature_maps import NO_UNIT, FeatureMaps

MATRIX_HEIGHT = 400  # pixels that a tall matrix takes at most, while its cells can be told apart
CELL, UNITS_HEIGHT = 20, 256  # pixels of a unit, and of all units of a layer, at most
CELLS = 6, 24  # pixels of a matrix's cell, at least and at most
FIGURE = 8  # pixels that a character of a number takes
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


@dataclass(frozen=True, eq=False)
class Matrix:
    """title: HTML; values (rows, columns); html: of the figure."""

    title: str
    values: Values
    html: str

    @property
    def name(self) -> str:
        """The title as plain text."""
        return re.sub(r"<[^>]*>", "", self.title)


def show_maps(layers: Sequence[FeatureMaps], k: int, plane: str) -> None:
    """The maps of layer k as small images, its units row by row as one.

    They follow the plane's pointer. plane: the `maps` of a `latent_plane` on the page.
    """
    layer, shares = layers[k], layers[k].shares.numpy()
    units = layer.maps.ndim < 3
    colours = _colours()
    start = sum(before.shares.numel() for before in layers[:k])
    image_grid(
        colours[shares.astype(int) - NO_UNIT].transpose(0, 3, 1, 2)[None],
        key=f"maps-{k}",
        testid="feature-maps",
        alt=f"Outputs of {layer.name}, {size_text(layer.shape)}",
        min_tile=None if units else min(46, 6 * shares.shape[-1]),
        max_tile=CELL * shares.shape[-1] if units else 46 if len(shares) > 1 else 112,
        max_height=UNITS_HEIGHT if units else None,
        maps=Maps(plane, start, shares.shape, colours),
    )
    left_out = not units and len(shares) < len(layer.maps)
    some = f"{len(shares)} of {len(layer.maps)} maps. " if left_out else ""
    low, high = float(layer.maps.min()), float(layer.maps.max())
    st.caption(f"{some}At the cursor from {decimal(low)} to {decimal(high)}.")


def _colours() -> npt.NDArray[np.uint8]:
    """A colour for each share from NO_UNIT up, (256, 3): blue below zero, orange above; grey."""
    zero = np.array((30, 35, 45) if is_dark() else (241, 243, 246))
    below, above = (np.array(_rgb(colour)) for colour in SIGNED_COLOURS)
    shares = np.arange(NO_UNIT, 128)[:, None] / 127
    mixed = zero + np.abs(shares) * (np.where(shares < 0, below, above) - zero)
    mixed[0] = _rgb(GREY)
    colours: npt.NDArray[np.uint8] = np.rint(mixed).clip(0, 255).astype(np.uint8)
    return colours


def size_text(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def whole_numbers(text: str) -> list[int]:
    """The numbers that a text has, by spaces, commas or semicolons; empty where one is no number.

    Whole ones from -99 to 99, written with either minus sign.
    """
    parts = re.split(r"[\s,;]+", text.replace("−", "-").strip(" ,;"))
    good = all(re.fullmatch(r"-?\d{1,2}", part, re.ASCII) for part in parts)
    return [int(part) for part in parts] if good else []


def matrix(
    values: Values,
    *,
    title: str,
    places: Values | None = None,
    lit: npt.NDArray[np.bool_] | None = None,
    side: int | None = None,
) -> Matrix:
    """A figure of values (rows, columns), whole numbers.

    places (rows, columns): which weight of the kernel gives a cell its colour, -1 none; lit: cells
    that are outlined; side: of a cell, in pixels, by the matrix's height where none is given; a
    column is wider where its numbers are longer.
    """
    height, width = values.shape
    low, high = CELLS
    side = side or max(low, min(high, MATRIX_HEIGHT // max(height, width)))
    cells, longest = [], 0  # characters
    for i in range(height):
        for j in range(width):
            place = -1 if places is None else int(places[i, j])
            style = ""
            if place >= 0:
                colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
                style = f" style='background:{colour};color:{_ink(colour)}'"
            kind = " class='lit'" if lit is not None and lit[i, j] else ""
            text = (
                decimal(values[i, j], "g") if side >= 18 and (places is None or place >= 0) else ""
            )
            cells.append(f"<i{kind}{style}>{text}</i>")
            longest = max(longest, len(text))
    column, font = max(side, FIGURE * longest + 6), min(14, side // 2 + 2)
    return Matrix(
        title,
        values,
        f"<figure><figcaption>{title}</figcaption><div class='matrix' style='grid-template:"
        f"repeat({height},{side}px)/repeat({width},{column}px);font-size:{font}px'>"
        f"{''.join(cells)}</div></figure>",
    )


def show_matrices(matrices: Sequence[Matrix], *, testid: str) -> None:
    """The matrices beside one another."""
    drawn = "".join(matrix.html for matrix in matrices)
    cells = [
        (matrix.name, i + 1, j + 1, float(value))
        for matrix in matrices
        for (i, j), value in np.ndenumerate(matrix.values)
    ]
    figure(
        f"{CSS}<div class='matrices' data-testid='{testid}'>{drawn}</div>",
        key=testid,
        name=testid,
        table=Table(("matrix", "row", "column", "value"), cells),
        plot=_heatmaps(matrices),
    )


def _heatmaps(matrices: Sequence[Matrix]) -> dict[str, Any]:
    grid = {"rows": 1, "columns": len(matrices), "pattern": "independent"}
    layout: dict[str, Any] = {"grid": grid}
    data = []
    for k, matrix in enumerate(matrices):
        axis = str(k + 1) if k else ""
        layout[f"xaxis{axis}"] = {"title": {"text": matrix.name}}
        layout[f"yaxis{axis}"] = {"autorange": "reversed", "scaleanchor": f"x{axis}"}
        values = np.asarray(matrix.values, float).tolist()
        data.append(
            {"type": "heatmap", "z": values, "xaxis": f"x{axis}", "yaxis": f"y{axis}",
             "name": matrix.name, "colorscale": "Viridis", "showscale": False}
        )  # fmt: skip
    return {"data": data, "layout": layout}


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))


def _ink(colour: str) -> str:
    """Black or white, whichever is read more easily on the colour."""
    red, green, blue = _rgb(colour)
    return "#000" if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else "#fff"
