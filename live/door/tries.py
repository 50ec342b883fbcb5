"""Wrong codes: an address may try only so many within a time.

The same one again counts once: it tells nobody anything, and a class may all have an old link.
"""

from __future__ import annotations

import time
from collections import OrderedDict

ADDRESSES = 10_000  # whose tries are remembered


class WrongTries:
    """Of each address `most` different ones within `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._when: OrderedDict[str, dict[int, float]] = OrderedDict()  # the latest last

    def too_many(self, address: str) -> bool:
        """Whether from `address` as many were tried lately as may be."""
        tries, before = self._when.get(address, {}), time.monotonic() - self.seconds
        for tried in [tried for tried, when in tries.items() if when < before]:
            del tries[tried]
        return len(tries) >= self.most

    def note(self, address: str, tried: str) -> None:
        """This one was wrong."""
        self._when.setdefault(address, {})[hash(tried)] = time.monotonic()
        self._when.move_to_end(address)
        while len(self._when) > ADDRESSES:
            self._when.popitem(last=False)
