"""Wrong codes: an address may try only so many within a time."""

from __future__ import annotations

import time
from collections import OrderedDict, deque

ADDRESSES = 10_000  # whose tries are remembered


class WrongTries:
    """Of each address `most` within `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._when: OrderedDict[str, deque[float]] = OrderedDict()

    def too_many(self, address: str) -> bool:
        """Whether from `address` as many were tried lately as may be."""
        tries = self._when.get(address, deque())
        while tries and tries[0] < time.monotonic() - self.seconds:
            tries.popleft()
        return len(tries) >= self.most

    def note(self, address: str) -> None:
        """One more was wrong."""
        self._when.setdefault(address, deque()).append(time.monotonic())
        self._when.move_to_end(address)
        while len(self._when) > ADDRESSES:
            self._when.popitem(last=False)
