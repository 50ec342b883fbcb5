"""Moving pictures: a way through latent space, and a training from its first epoch to its last."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

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
    from vae_core.latent.manifold import tile_images

    if len(images) < 2:
        raise ConfigError(f"There are {len(images)} images; a film needs two or more.")
    frames = [
        Image.fromarray(tile_images(image[None, None])) for image in enlarged(images, min_side)
    ]
    return film_bytes(frames + frames[-2:0:-1], frame_ms)


def film_bytes(frames: Sequence[Image.Image], frame_ms: int, last_ms: int | None = None) -> bytes:
    """Frames of one size as a GIF that plays for ever; the last one stays for `last_ms`."""
    durations = [frame_ms] * len(frames)
    durations[-1] = last_ms or frame_ms
    file = io.BytesIO()
    frames[0].save(
        file, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    return file.getvalue()


SIDE = 360  # pixels of the plane and of the manifold
MARGIN, HEAD = 16, 40
DRAWN_LARGER = 2  # then made smaller, for smooth edges
PAPER, INK, LINES = (255, 255, 255), (17, 24, 39), (170, 178, 190)


def training_picture(
    title: str,
    places: NDArray[np.floating],
    manifold: Image.Image,
    *,
    half: float,
    labels: NDArray[np.integer] | None = None,
    colours: Sequence[str] = ("#0072B2",),
) -> Image.Image:
    """One moment of a training: the means on the latent plane, and the manifold beside them.

    places (n, 2): in the plane, which shows -half to half on both axes with the prior's circles at
    1 and 2 sigma. labels (n,) choose among `colours`; without labels the first serves all. The
    picture has a palette as GIF wants it, the same for all moments.
    """
    k = DRAWN_LARGER
    plane = Image.new("RGB", (k * SIDE, k * SIDE), PAPER)
    draw = ImageDraw.Draw(plane)
    middle, unit = k * SIDE / 2, k * SIDE / 2 / half
    for sigma in (1, 2):
        r = sigma * unit
        draw.ellipse((middle - r, middle - r, middle + r, middle + r), outline=LINES, width=k)
    draw.line((middle, 0, middle, k * SIDE), fill=LINES)
    draw.line((0, middle, k * SIDE, middle), fill=LINES)
    r = 1.8 * k
    for i, (a, b) in enumerate(places):
        x, y = middle + a * unit, middle - b * unit
        colour = colours[0 if labels is None else int(labels[i]) % len(colours)]
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    draw.rectangle((0, 0, k * SIDE - 1, k * SIDE - 1), outline=LINES, width=k)

    picture = Image.new("RGB", (2 * SIDE + 3 * MARGIN, SIDE + HEAD + MARGIN), PAPER)
    ImageDraw.Draw(picture).text(
        (MARGIN, HEAD / 2), title, fill=INK, font=ImageFont.load_default(18), anchor="lm"
    )
    picture.paste(plane.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (MARGIN, HEAD))
    scale = SIDE / max(manifold.size)
    across, down = (max(1, round(side * scale)) for side in manifold.size)
    enlarged = manifold.convert("RGB").resize((across, down), Image.Resampling.BOX)
    picture.paste(enlarged, (SIDE + 2 * MARGIN, HEAD + (SIDE - down) // 2))
    palette = _palette(tuple(colours), grey=manifold.mode == "L")
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


@lru_cache(maxsize=4)
def _palette(colours: tuple[str, ...], *, grey: bool) -> Image.Image:
    """256 colours: those of the points, pure and fading into the paper, and those of images."""
    levels = range(256 - 4 * 10) if grey else range(6)
    scale = 255 / (len(levels) - 1)
    images = product(levels, repeat=3) if not grey else ((level,) * 3 for level in levels)
    entries = [round(scale * level) for entry in images for level in entry]
    for colour in colours[:10]:
        for share in (0.25, 0.5, 0.75, 1.0):
            entries += [
                round(paper + share * (ink - paper))
                for paper, ink in zip(PAPER, ImageColor.getrgb(colour), strict=False)
            ]
    palette = Image.new("P", (1, 1))
    palette.putpalette(entries)
    return palette
