"""Small white shapes on black, drawn from known factors: shape, scale, orientation, x, y.

After dSprites (Matthey et al. 2017), with smooth edges, so that a factor may take any value: a
pixel is as bright as the shape covers it, read off the signed distance from its centre. Every shape
is placed by its centre of mass, and at one scale all have one area: else what is seen of a place or
a size would hang on the shape.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SHAPES = ("square", "ellipse", "heart")
FACTORS = ("shape", "scale", "orientation", "x", "y")
SIZE = 32

Floats = NDArray[np.float32]
Outline = Callable[[Floats, Floats], Floats]

_REACH = 10.0  # pixels from a centre to the nearest border; no shape of scale 1 reaches further out
_CHUNK = 500  # images drawn at once: the temporary arrays stay in the processor's cache


def random_factors(n: int, seed: int) -> Floats:
    """Draw n independent rows of factors, (n, 5), each column uniform over its range.

    shape        0, 1 or 2, an index into `SHAPES`
    scale        0.5 to 1
    orientation  -pi/4 to pi/4 radians, growing clockwise: within this range an image determines its
                 factors, while a full turn would show the same square four times
    x, y         0 to 1, rightwards and downwards; the whole shape stays in the image
    """
    random = np.random.default_rng(seed)
    shape = random.integers(len(SHAPES), size=n)
    scale = random.uniform(0.5, 1.0, n)
    orientation = random.uniform(-np.pi / 4, np.pi / 4, n)
    x, y = random.uniform(0.0, 1.0, (2, n))
    return np.stack([shape, scale, orientation, x, y], axis=1).astype(np.float32)


def draw_sprites(factors: Floats) -> NDArray[np.uint8]:
    """Draw an image for each row of factors (n, 5): (n, 1, 32, 32), ground 0 and shape 255."""
    images = np.empty((len(factors), 1, SIZE, SIZE), np.uint8)
    for index, outline in enumerate(_OUTLINES):
        rows = np.flatnonzero(factors[:, 0] == index)
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            _, scale, orientation, x, y = factors[chunk].T[:, :, None, None]  # each (m, 1, 1)
            centres = np.arange(SIZE, dtype=np.float32) + 0.5
            right = centres - (_REACH + x * (SIZE - 2 * _REACH))  # (m, 1, 32)
            down = centres[:, None] - (_REACH + y * (SIZE - 2 * _REACH))  # (m, 32, 1)
            cos, sin = np.cos(orientation), np.sin(orientation)
            u = (cos * right + sin * down) / scale  # (m, 32, 32), in the frame of the upright shape
            v = (cos * down - sin * right) / scale
            coverage = np.clip(0.5 - scale * outline(u, v), 0, 1)
            images[chunk, 0] = np.round(255 * coverage)
    return images


# Signed distances in pixels at scale 1, negative inside; u points right, v down. After I. Quilez,
# "2D distance functions"; the ellipse's is of first order: it holds near the outline, where needed.


def _square(u: Floats, v: Floats, half: float = 6.2) -> Floats:
    du, dv = np.abs(u) - half, np.abs(v) - half
    outside = np.hypot(np.maximum(du, 0), np.maximum(dv, 0))
    inside = np.minimum(np.maximum(du, dv), 0)
    return np.asarray(outside + inside)


def _ellipse(u: Floats, v: Floats, a: float = 9.4, b: float = 5.2) -> Floats:
    value = np.hypot(u / a, v / b)  # 1 on the outline
    slope = np.hypot(u / a**2, v / b**2)
    tiny = np.float32(1e-6)  # the very centre has no slope
    return np.asarray((value - 1) * (value + tiny) / (slope + tiny))


def _heart(u: Floats, v: Floats, unit: float = 13.12) -> Floats:
    # The tip at (0, 0), the lobes' centres at (1/4, 3/4), the centre of mass at (0, 0.6566).
    across, up = np.abs(u) / unit, 0.6566 - v / unit
    lobe = np.hypot(across - 0.25, up - 0.75) - np.sqrt(np.float32(2)) / 4
    cleft = np.hypot(across, up - 1)
    along = np.maximum(across + up, 0) / 2  # foot of the perpendicular on the straight flank
    flank = np.hypot(across - along, up - along)
    point = np.minimum(cleft, flank) * np.sign(across - up)
    return np.asarray(unit * np.where(across + up > 1, lobe, point))


_OUTLINES: tuple[Outline, ...] = (_square, _ellipse, _heart)
