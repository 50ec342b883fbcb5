"""How sure a figure is: the interval of a share, the margin of a mean."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
PARTS = 4  # of the images, for the errors of figures that are no means
ALIKE = 1e-6  # an error below it is rounding alone


def share_interval(share: float, n: float, error: float = 0.0) -> tuple[float, float]:
    """Between which shares that of all images lies, where `share` of n were seen; at 95 %.

    Wilson's score interval (1927): unlike a standard error it has a width at shares of 0 and 1,
    and it stays between them. error: a standard error from elsewhere, such as that of drawing
    labels; it counts as if fewer images had been seen (Kish 1965).
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    variance = share * (1 - share)
    if error > 0 and variance > 0:
        n = variance / (variance / n + error**2)
    middle, half = share + z**2 / (2 * n), z * math.sqrt(variance / n + (z / (2 * n)) ** 2)
    low, high = ((middle + side) / (1 + z**2 / n) for side in (-half, half))
    return max(0.0, low), min(1.0, high)


def share_in_words(share: float, n: int, digits: int = 3, error: float = 0.0) -> str:
    """A share and its interval: `0.865 (0.858 to 0.872)`; error as `share_interval` has it."""
    low, high = share_interval(share, n, error)
    return f"{share:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def margin(error: float | None, digits: int = 2) -> str:
    """` ± ` and the standard error of a mean; nothing where there is none, see `no_margin`."""
    known = error is not None and math.isfinite(error) and error > ALIKE
    return f" ± {error:.{digits}f}" if known else ""


def no_margin(error: float | None) -> str:
    """Why a mean has no margin, in brackets, or nothing: it is of a single value, or of equals."""
    if error is None:
        return ""
    if math.isnan(error):
        return " (of one distinct code, so without an error)"
    return " (all alike, so without an error)" if error <= ALIKE else ""


def errors_over_parts(
    figures: Callable[[NDArray[np.int64]], Mapping[str, float]], n: int
) -> dict[str, float]:
    """The standard error of each of the figures of n rows, as those of four parts of them differ.

    figures: takes the rows (n / 4,) of a part, drawn once for all. For figures whose error falls as
    the root of the rows does (Politis, Romano & Wolf 1999); known itself to a third or so.
    """
    order = np.random.default_rng(0).permutation(n)
    parts = [figures(order[k::PARTS]) for k in range(PARTS)]
    return {name: statistics.stdev(part[name] for part in parts) / PARTS**0.5 for name in parts[0]}
