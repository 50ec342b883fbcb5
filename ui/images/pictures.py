"""Model images as crisp pictures in the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.components.image_grid import image_grid

if TYPE_CHECKING:
    from torch import Tensor

MOST_NUMBERS = 1 << 28  # a gigabyte
SMALL = 16  # pixels of an image's side


def png(images: Tensor, gap: int = 0) -> bytes:
    """A PNG of images (rows, columns, c, h, w) in [0, 1], tiled."""
    from vae_core.latent.manifold import png_bytes, tile_images

    return png_bytes(tile_images(images, gap=gap))


def grid_gap(image_shape: Sequence[int]) -> int:
    """Pixels between the images (c, h, w) of a manifold: small ones fill their tiles to the rim.

    Without a gap their strokes would grow together; larger ones have a margin of their own.
    """
    return 3 if min(image_shape[-2:]) < SMALL else 0


def paired(above: Tensor, below: Tensor) -> Tensor:
    """Images (n, c, h, w) over others of their size, a grey line between: dark ones would touch."""
    import torch

    n, c, h, w = above.shape
    line = above.new_full((n, c, max(1, h // 28), w), 0.5)  # as thick for larger images
    return torch.cat([above, line, below], dim=2)


def image_row(
    label: str, images: Tensor, *, key: str, testid: str, alt: str, max_tile: int
) -> None:
    """Images (n, c, h, w) in a row, behind a label in Markdown; above it where it is narrow."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-row"):
        st.container(width=220).markdown(label)
        with st.container(width=690, key=f"wide-{key}"):
            image_grid(images[None], key=key, testid=testid, alt=alt, max_tile=max_tile)


def pixels_fit(n: int, image_shape: tuple[int, int, int]) -> bool:
    """Whether n images are few and small enough to be taken as floats all at once."""
    return n * math.prod(image_shape) <= MOST_NUMBERS


def data_note(at_hand: bool) -> None:
    """Say on the spot whether the images shown are data or the decoder's own."""
    if not at_hand:
        st.caption(
            ":material/info: The data set is not at hand: images are decoded from stored means."
        )
