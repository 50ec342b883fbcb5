"""Which points are selected, as browser and Python tell each other: numbers, or bits of very many.

Half a million numbers are 4 MB of JSON, more than a socket takes; a bit for each of a million
points is 170 kB.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from vae_core.errors import ConfigError

LISTED = 2000  # more are told as bits, as assets/selection.js has it


def packed(selected: Sequence[int]) -> tuple[int, ...] | str:
    """As the browser hears it: rows in order, or bits from the lowest, in base64."""
    rows = np.asarray(selected, np.int64)
    mask = np.zeros(rows.max(initial=-1) + 1, bool)
    mask[rows] = True
    if np.count_nonzero(mask) <= LISTED:
        return tuple(np.flatnonzero(mask).tolist())
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


def unpacked(value: Sequence[int] | str, count: int) -> tuple[int, ...]:
    """The rows that the browser told, of `count` points; ConfigError where it told none."""
    try:
        if not isinstance(value, str):
            return tuple(int(i) for i in value)
        data = np.frombuffer(base64.b64decode(value, validate=True), np.uint8)
    except (TypeError, ValueError) as error:
        raise ConfigError("The selection did not arrive whole; select again.") from error
    bits = np.unpackbits(data, bitorder="little", count=min(count, 8 * len(data)))
    return tuple(np.flatnonzero(bits).tolist())
