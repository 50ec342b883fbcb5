"""Model images as crisp pictures in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from torch import Tensor


def png(images: Tensor, gap: int = 0) -> bytes:
    """A PNG of images (rows, columns, c, h, w) in [0, 1], tiled."""
    from vae_core.manifold import png_bytes, tile_images

    return png_bytes(tile_images(images, gap=gap))


def data_note(at_hand: bool) -> None:
    """Say on the spot whether the images shown are data or the decoder's own."""
    if not at_hand:
        st.caption(
            ":material/info: The data set is not at hand: images are decoded from stored means."
        )
