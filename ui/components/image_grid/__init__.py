"""Small images in rows and columns, crisp at every size; with a player, a film strip.

    result = image_grid(images, key="samples", testid="samples", alt="Samples from the prior")

The browser gets one picture of all images and hears nothing more until they change: hovering,
focusing and playing happen there, without a Streamlit rerun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from live.blobs import publish
from ui.components.modules import module_component
from ui.components.timeline.film import Film
from ui.numbers import decimal
from ui.widgets import said_by
from vae_core.errors import ConfigError
from vae_core.latent.animation import FRAME_MS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Axis", "GridResult", "Maps", "image_grid", "picture_png"]

_ASSETS, _SCRIPT = module_component(Path(__file__).parent / "assets", "grid.js")
_COMPONENT = st.components.v2.component(
    "zscape.image_grid",
    html='<div class="root"></div>',
    js=_SCRIPT,
)


@dataclass(frozen=True)
class Axis:
    """What changes along the columns, or up the rows: its name, and its value at each of them.

    The values of rows go from top to bottom, as the rows do.
    """

    name: str
    values: Sequence[float]

    def payload(self) -> dict[str, Any]:
        """The values, and as text with a true minus sign."""
        texts = [decimal(value) for value in self.values]
        return {"name": self.name, "values": texts, "at": [float(value) for value in self.values]}


@dataclass(frozen=True, eq=False)
class Maps:
    """Where a grid of one row has its images among the feature maps that a plane tells of.

    plane: the plane's `maps`; start: of the first image among all values; shape (n, h, w);
    colours (256, 3): of values from -128 to 127.
    """

    plane: str
    start: int
    shape: tuple[int, ...]
    colours: npt.NDArray[np.uint8]

    def payload(self) -> dict[str, Any]:
        """As the browser wants it."""
        colours = self.colours.tolist()
        return {**vars(self), "colours": colours}


@dataclass(frozen=True)
class GridResult:
    """What led to this very run: the tile clicked, the frame on which the player came to rest.

    Tiles and frames count from 0, row by row.
    """

    selected: int | None
    frame: int | None


def image_grid(
    images: Tensor | np.ndarray,
    *,
    key: str,
    testid: str,
    alt: str,
    captions: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    axes: tuple[Axis, Axis] | None = None,
    gap: int = 2,
    selectable: bool = False,
    selected: int | None = None,
    min_tile: int | None = None,
    max_tile: int = 160,
    max_height: int | None = None,
    player: bool = False,
    frame: int | None = None,
    on_select: Callable[[int], None] | None = None,
    on_frame: Callable[[int], None] | None = None,
    film: Film | None = None,
    maps: Maps | None = None,
) -> GridResult:
    """Show images (rows, columns, c, h, w): floats in [0, 1] or uint8, c 1 or 3.

    key: names this grid in the session. testid: of the canvas with the images.
    alt: what the picture shows, in words.
    captions: for each tile, shown in the lens under the pointer and read to screen readers.
    labels: for each tile, short, always shown below it. axes: across and up.
    gap, min_tile, max_tile, max_height: CSS pixels; a grid of one row breaks into several where its
    tiles would be narrower than `min_tile`.
    selectable: a click or Enter selects a tile; `selected` is the one marked, and it stays the
    page's to remember: `on_select` is called with the tile before the page runs again.
    player: plays the tiles in their order, back and forth, from when it is first shown unless it is
    to rest on `frame`; `on_frame` is called with the frame that it comes to rest on. A
    `latent_plane` that names this grid shows the frame large.
    film: its frames are {"url": of a published `picture_png` of as many images}.
    maps: the images follow the pointer over a `latent_plane` that tells of feature maps.
    """
    rows, columns = images.shape[:2]
    for name, texts in (("captions", captions), ("labels", labels)):
        _check_one_each(name, texts, rows, columns)
    state: Any = _COMPONENT(
        key=key,
        data=[
            {
                "assets": _ASSETS,
                "key": key,
                "url": publish(picture_png(images), "image/png"),
                "rows": rows,
                "columns": columns,
                "captions": None if captions is None else list(captions),
                "labels": None if labels is None else list(labels),
                "axes": None if axes is None else [axis.payload() for axis in axes],
                "gap": gap,
                "minTile": min_tile,
                "maxTile": max_tile,
                "maxHeight": max_height,
                "selectable": selectable,
                "selected": selected,
                "player": player,
                "frame": frame,
                "frameMs": FRAME_MS,
                "testid": testid,
                "alt": alt,
                "film": None if film is None else film.payload(),
                "maps": None if maps is None else maps.payload(),
            }
        ],
        on_selected_change=lambda: _tell(key, "selected", rows * columns, on_select),
        on_frame_change=lambda: _tell(key, "frame", rows * columns, on_frame),
    )
    return GridResult(selected=state.get("selected"), frame=state.get("frame"))


def _check_one_each(name: str, texts: Sequence[str] | None, rows: int, columns: int) -> None:
    if texts is not None and len(texts) != rows * columns:
        raise ConfigError(
            f"There are {len(texts)} {name}, but {rows} x {columns} images; give one each."
        )


def _tell(key: str, name: str, tiles: int, listener: Callable[[int], None] | None) -> None:
    i = said_by(key).get(name)
    if listener is not None and i is not None and 0 <= i < tiles:
        listener(int(i))


def picture_png(images: Tensor | np.ndarray) -> bytes:
    """The one picture, a PNG, that the browser gets of images (rows, columns, c, h, w)."""
    import torch

    from vae_core.latent.manifold import tile_images

    tiled = tile_images(torch.as_tensor(images))
    return _png(tiled.tobytes(), tiled.shape)


@st.cache_data(show_spinner=False, max_entries=64)
def _png(pixels: bytes, shape: tuple[int, ...]) -> bytes:
    from vae_core.latent.manifold import png_bytes

    return png_bytes(np.frombuffer(pixels, np.uint8).reshape(shape))
