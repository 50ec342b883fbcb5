"""What is black and what is white in images whose values may have any range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError

Scale = tuple[float, float]  # the values that are black and white

USUAL: tuple[Scale, ...] = ((0, 1), (-0.5, 0.5), (-1, 1), (0, 255), (0, 65_535))
OVERSHOOT = 0.1  # of the brightest: as far beyond a range as resizing and rounding lead
LEAST_FILLED = 0.25  # of a range: values that stay below are of another
UNLIKE = 4  # times: no images of one kind are so much brighter than others of it
FEW = 4  # images: fewer may all be dark
LEAST_SEEN = 0.02  # of a range: what stays below is black
_ROWS = 1_000  # images that are looked at together


@dataclass(frozen=True)
class Values:
    """The range of all values of some images; whole: none of them is a fraction."""

    low: float
    high: float
    whole: bool

    def __str__(self) -> str:
        return f"{number(self.low)} to {number(self.high)}"


class Part(NamedTuple):
    """The range of some of the images, and how many they are."""

    values: Values
    n: int


ALL_BYTES = Values(0, 255, whole=True)


def values_of(array: NDArray[np.generic]) -> Values:
    """The values of images (n, ...); the range is NaN where one of them is no number."""
    low, high = float(array.min()), float(array.max())
    whole = array.dtype.kind in "bui" or all(
        bool((block == np.rint(block)).all())
        for block in (array[row : row + _ROWS] for row in range(0, len(array), _ROWS))
    )
    return Values(low, high, whole)


def joined(values: Iterable[Values]) -> Values:
    """The range of all together."""
    every = list(values)
    lows, highs = [each.low for each in every], [each.high for each in every]
    known = not any(map(math.isnan, lows))  # of which `min` may see none
    return Values(min(lows) if known else math.nan, max(highs), all(each.whole for each in every))


def common_scale(
    name: str, parts: Mapping[str, Part], given: Scale | None, *, one_type: bool
) -> Scale:
    """The scale of images in several parts, each under what it is called; `given`, if it is.

    one_type: all are whole numbers of one type, so that a part that is somewhat darker is dark.
    DataError where the parts seem to be of unlike scales, or a value is no number.
    """
    every = [each.values for each in parts.values()]
    ranges = _ranges(parts)
    if not all(math.isfinite(each.low) and math.isfinite(each.high) for each in every):
        raise DataError(f"{name}: the values of {ranges}; replace those that are no numbers.")
    if given is not None:
        return given
    unlike = not one_type and len({_usual(values) for values in every}) > 1
    if unlike or any(parts[dark].n >= FEW for dark in _dark(parts)):
        raise DataError(
            f"{name}: the values of {ranges}, which are unlike scales; save them alike, or say "
            "which value is black and which white, as scale=(0, 255) or --scale 0:255 does."
        )
    return guessed_scale(joined(every))


def dark_notes(parts: Mapping[str, Part], *, given: bool) -> list[str]:
    """What is to be said of parts so dark that they may be of another scale than is guessed."""
    if given or not _dark(parts):
        return []
    return [f"The values of {_ranges(parts)}; all are read on one scale."]


def _dark(parts: Mapping[str, Part]) -> list[str]:
    """The parts that are so dark, though not black, that they may be of another scale."""
    reach = {name: max(abs(part.values.low), abs(part.values.high)) for name, part in parts.items()}
    most = max(reach.values())
    return [name for name, each in reach.items() if 0 < each * UNLIKE <= most]


def _ranges(parts: Mapping[str, Part]) -> str:
    return ", those of ".join(f"{name} run from {part.values}" for name, part in parts.items())


def guessed_scale(values: Values) -> Scale:
    """The first of the `USUAL` scales that holds the values, else their range.

    Of one that starts at 0 and is filled to less than a quarter, as by 12 bits in 16 or by the 16
    levels of scikit-learn's digits, the brightest value is taken as white.
    """
    black, white = _usual(values)
    if black < 0 or values.high >= LEAST_FILLED * white:
        held = math.isfinite(white)
        return (black, white) if held else (values.low, max(values.high, values.low + 1))
    return (black, values.high) if values.high > 0 else (black, white)


def likely_scales(values: Values, guess: Scale) -> list[Scale]:
    """What may be black and white of some values: the guess first, then what looks otherwise.

    Those are the usual scales that hold the values and are not black under them, and their range.
    """
    found = [guess]
    for black, white in (*USUAL, (values.low, values.high)):
        held = black <= values.low and LEAST_SEEN * (white - black) < values.high - black
        apart = [
            max(abs(black - a), abs(white - b)) > OVERSHOOT * (white - black) for a, b in found
        ]
        if held and values.high <= white and all(apart):
            found.append((black, white))
    return found


def _usual(values: Values) -> Scale:
    """The usual scale that holds the values; (0, inf) above all, (-inf, inf) for any others."""
    slack = 0 if values.whole else OVERSHOOT
    for black, white in (*USUAL, (0, math.inf)):
        if black < 0 <= values.low:
            continue
        if black == 0:  # negative ones are the overshoot of bright ones
            reach, below = slack * white if slack else 0, slack * max(0, min(values.high, white))
        else:
            reach = below = slack * (white - black)
        if black - below <= values.low and values.high <= white + reach:
            return black, white
    return -math.inf, math.inf


def scale_notes(values: Values, scale: Scale, *, given: bool) -> list[str]:
    """What is to be said of a scale: where it is an unusual guess, and where it cuts values off."""
    low, high = sorted(scale)
    notes = []
    if not given and scale not in ((0, 1), (0, 255), (0, 65_535)):
        notes.append(
            f"The values run from {values}: {number(scale[0])} is taken as black and "
            f"{number(scale[1])} as white."
        )
    if values.low < low or values.high > high:
        notes.append(
            f"The values run from {values}: those outside {number(low)} to {number(high)} are cut "
            "off there."
        )
    return notes


def to_bytes(array: NDArray[np.generic], scale: Scale) -> NDArray[np.uint8]:
    """An image's values as uint8, black as 0 and white as 255; what lies beyond is cut off."""
    if array.dtype == np.uint8 and scale == (0, 255):
        return array.astype(np.uint8, copy=False)
    black, white = scale
    levels = (array.astype(np.float64) - black) * (255 / (white - black))
    return np.rint(levels).clip(0, 255).astype(np.uint8)


def number(value: float) -> str:
    """A value as it is shown: what rounding adds to 1 is seen, and what it adds to 0."""
    if 0 <= value < 1e-6:
        return "0"
    if math.isfinite(value) and value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.8g}" if abs(value) >= 1e-3 else f"{value:.2g}"
