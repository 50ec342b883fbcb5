"""How far what is drawn on an image leans, by its moments."""

from __future__ import annotations

from torch import Tensor, arange

from vae_core.errors import DataError


def slant(image: Tensor) -> float:
    """Columns that the drawing moves to the right for each row higher up; 0 where it is upright.

    image: (c, h, w), bright on dark, any range from 0. It is -mu11 / mu02, where mu_pq are the
    central moments of brightness over columns and rows, counted downwards (Hu 1962): the slope of
    the straight line through the rows' centres. 0 where nothing is drawn, or one row alone.
    """
    if image.ndim != 3:
        raise DataError(f"An image is (c, h, w); this is {tuple(image.shape)}.")
    mass = image.detach().double().sum(0)
    total = float(mass.sum())
    if total <= 0:
        return 0.0
    h, w = mass.shape
    y, x = arange(h, dtype=mass.dtype)[:, None], arange(w, dtype=mass.dtype)[None]
    y, x = y - float((mass * y).sum()) / total, x - float((mass * x).sum()) / total
    mu11, mu02 = float((mass * x * y).sum()), float((mass * y * y).sum())
    return -mu11 / mu02 if mu02 > 1e-9 * total else 0.0
