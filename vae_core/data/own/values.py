"""What is black and what is white in images whose values may have any range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError

Scale = tuple[float, float]  # the values that are black and white

# How far values must reach for a scale to be certain, whole numbers and fractions: nobody knows
# whether 0 to 16 are dark bytes, or scikit-learn's digits.
USUAL: dict[Scale, tuple[float, float]] = {
    (0, 1): (1, 0.5),
    (-1, 1): (1, 0.75),
    (0, 255): (0.5, 0.9),
    (0, 4_095): (0.95, 0.95),  # 12 bits
    (0, 65_535): (0.5, 0.9),
}
OVERSHOOT = 0.1  # of the brightest: as far beyond a range as resizing and rounding lead
STRAY = 0.01  # of all values but 0: so few beyond a scale may be faults
UNLIKE = 4  # times: no images of one kind are so much brighter than others of it
FEW = 4  # images: fewer may all be dark
LEAST_SEEN = 0.02  # of a range: what stays below is black
_ROWS = 1_000  # images that are looked at together


@dataclass(frozen=True)
class Values:
    """The range of all values of some images; whole: none of them is a fraction.

    lit: how many of them are not 0, and beyond: how many lie outside each of the `USUAL` scales.
    """

    low: float
    high: float
    whole: bool
    lit: int = field(default=0, compare=False)
    beyond: tuple[int, ...] = field(default=(0,) * len(USUAL), compare=False)

    def __str__(self) -> str:
        return f"{number(self.low)} to {number(self.high)}"

    def stray(self, scale: Scale) -> int:
        """How many lie outside a usual scale; 0, too, where they are so many that they are none."""
        beyond = self.beyond[list(USUAL).index(scale)]
        return beyond if beyond <= STRAY * self.lit else 0


class Part(NamedTuple):
    """The range of some of the images, and how many they are."""

    values: Values
    n: int


BYTES: Scale = (0, 255)


class Reading(NamedTuple):
    """What may be black and white in some images, the likeliest first.

    doubt: why nobody can know, as the beginning of a sentence; empty where the first is certain, or
    given.
    """

    scales: tuple[Scale, ...]
    doubt: str = ""

    @property
    def scale(self) -> Scale:
        return self.scales[0]


ALL_BYTES, AS_BYTES = Values(0, 255, whole=True), Reading((BYTES,))


class UnclearScale(DataError):
    """Images of which nobody has said which values are black and white.

    reading: what may be meant.
    """

    def __init__(self, reading: Reading) -> None:
        black, white = reading.scale
        others = " or ".join(map(range_of, reading.scales))
        super().__init__(
            f"{reading.doubt}; say which value is black and which white, {others}, as "
            f"scale=({black:.9g}, {white:.9g}) or --scale={black:.9g}:{white:.9g} does."
        )
        self.reading = reading


def values_of(array: NDArray[np.generic]) -> Values:
    """The values of images (n, ...); the range is NaN where one of them is no number."""
    low, high = float(array.min()), float(array.max())
    whole, beyond = array.dtype.kind in "bui", np.zeros(len(USUAL), int)
    fractions, lit = False, 0
    for row in range(0, len(array), _ROWS):
        block = array[row : row + _ROWS]
        lit += int(np.count_nonzero(block))
        fractions = fractions or not (whole or bool((block == np.rint(block)).all()))
        for k, (black, white) in enumerate(USUAL):
            if low < black or high > white:
                beyond[k] += np.count_nonzero(np.less(block, black) | np.greater(block, white))
    return Values(low, high, not fractions, lit, tuple(beyond.tolist()))


def joined(values: Iterable[Values]) -> Values:
    """The range of all together."""
    every = list(values)
    lows, highs = [each.low for each in every], [each.high for each in every]
    known = not any(map(math.isnan, lows))  # of which `min` may see none
    return Values(
        min(lows) if known else math.nan,
        max(highs),
        all(each.whole for each in every),
        sum(each.lit for each in every),
        tuple(map(sum, zip(*(each.beyond for each in every), strict=True))),
    )


def common_reading(
    name: str, parts: Mapping[str, Part], given: Scale | None, *, one_type: bool, in_bytes: bool
) -> Reading:
    """What is black and white in several parts, each under what it is called; `given`, if it is.

    one_type: all are whole numbers of one type, so that a part that is somewhat darker is dark;
    in_bytes: they are files of 8 bits. DataError where the parts seem to be of unlike scales, or a
    value is no number.
    """
    every = [each.values for each in parts.values()]
    ranges = _ranges(parts)
    if not all(math.isfinite(each.low) and math.isfinite(each.high) for each in every):
        raise DataError(f"{name}: the values of {ranges}; replace those that are no numbers.")
    together = joined(every)
    if given is not None:
        return Reading((given, *(each for each in _likely(together) if each != given)))
    unlike = not one_type and len({_holding(values) for values in every}) > 1
    if unlike or any(parts[dark].n >= FEW for dark in _dark(parts)):
        raise DataError(
            f"{name}: the values of {ranges}, which are unlike scales; save them alike, or say "
            "which value is black and which white, as scale=(0, 255) or --scale=0:255 does."
        )
    return _reading(name, together, in_bytes=in_bytes)


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


def _reading(name: str, values: Values, *, in_bytes: bool) -> Reading:
    """What is black and white by the range alone, and whether that is certain."""
    likely = _likely(values)
    if in_bytes:  # a file says what its white is; a mask of 0 and 1 would be black by it
        scale = (0, 1) if values.high == 1 else BYTES
        return Reading((scale, *(each for each in likely if each != scale)))
    held = _holding(values)
    strays = _with_strays(values)
    certain = held is not None and _filled(values, held) and not strays
    if certain or values.low == values.high:
        return Reading(tuple(likely))
    said = [f"{values.stray(each):,} of them outside {range_of(each)}" for each in strays[:1]]
    doubt = ", ".join((f"{name}: the values run from {values}", *said))
    return Reading(tuple(likely), doubt)


def _likely(values: Values) -> list[Scale]:
    """What may be black and white: usual scales that hold all but strays, and the whole range.

    None of these is listed under which all would look black.
    """
    held = _holding(values)
    strays = _with_strays(values)
    filled = [held] if held and _filled(values, held) and not strays else []
    whole = (values.low, values.high if values.high > values.low else values.low + 1)
    holding = [each for each in USUAL if each[0] <= values.low and values.high <= each[1]]
    found: list[Scale] = []
    for black, white in (*filled, *strays, whole, *holding):
        seen = values.high - black > LEAST_SEEN * (white - black) and (black == 0 or values.low < 0)
        apart = [
            max(abs(black - a), abs(white - b)) > LEAST_SEEN * (white - black) for a, b in found
        ]
        if (seen or (black, white) == whole) and all(apart):
            found.append((black, white))
    return found


def _with_strays(values: Values) -> list[Scale]:
    """The usual scales that would hold the values, but for a few that may be faults."""
    held = _holding(values)
    narrower = list(USUAL)[: None if held is None else list(USUAL).index(held)]
    return [each for each in narrower if values.stray(each) and (values.low < 0 or each[0] == 0)]


def _filled(values: Values, scale: Scale) -> bool:
    """Whether the values reach so far to the ends of a scale that it is certain."""
    black, white = scale
    share = USUAL[scale][not values.whole]
    return values.high >= share * white and (black == 0 or values.low <= share * black)


def _holding(values: Values) -> Scale | None:
    """The first usual scale that holds the values, but for what rounding and resizing add."""
    slack = 0 if values.whole else OVERSHOOT
    for black, white in USUAL:
        if black < 0 <= values.low:
            continue
        if black == 0:  # negative ones are the overshoot of bright ones
            reach, below = slack * white, slack * max(0, min(values.high, white))
        else:
            reach = below = slack * (white - black)
        if black - below <= values.low and values.high <= white + reach:
            return black, white
    return None


def scale_notes(values: Values, reading: Reading, *, given: bool) -> list[str]:
    """What is to be said of a scale: where it is an unusual guess, and where it cuts values off."""
    scale = reading.scale
    low, high = sorted(scale)
    notes = []
    if not (given or reading.doubt) and scale not in ((0, 1), BYTES, (0, 65_535)):
        notes.append(
            f"The values run from {values}: {number(scale[0])} is taken as black and "
            f"{number(scale[1])} as white."
        )
    if not reading.doubt and (values.low < low or values.high > high):
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


def range_of(scale: Scale) -> str:
    """A scale as it is shown."""
    return f"{number(scale[0])} to {number(scale[1])}"
