"""A way through latent space as a moving picture."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from PIL import Image

from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

FRAME_MS = 140


def enlarged(images: Tensor, min_side: int) -> Tensor:
    """Images (n, c, h, w) with each pixel repeated until the shorter side is `min_side` or more."""
    times = math.ceil(min_side / min(images.shape[2:]))
    return images.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)


def gif_bytes(images: Tensor, frame_ms: int = FRAME_MS, min_side: int = 256) -> bytes:
    """Images (n, c, h, w) as a GIF that plays forth and back for ever.

    Pixels are enlarged by the least whole factor that makes the shorter side `min_side` or more.
    frame_ms: what a frame stays; a GIF counts in hundredths of a second. Raises ConfigError for
    fewer than two images.
    """
    from vae_core.manifold import tile_images

    if len(images) < 2:
        raise ConfigError(f"There are {len(images)} images; a film needs two or more.")
    frames = [
        Image.fromarray(tile_images(image[None, None])) for image in enlarged(images, min_side)
    ]
    frames += frames[-2:0:-1]
    file = io.BytesIO()
    frames[0].save(
        file, format="GIF", save_all=True, append_images=frames[1:], duration=frame_ms, loop=0
    )
    return file.getvalue()
