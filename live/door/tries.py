"""Wrong codes: how many may be tried.

Who guesses must not keep out who has the right code: each browser has tries of its own, those that
show no cookie of the server's share their address's. As cookies are to be had by the hundred, an
address has so many a second besides, whoever tries; that is over when the flood is.
"""

from __future__ import annotations

import time
from collections import OrderedDict

REMEMBERED = 10_000  # browsers and addresses whose tries are
# Different wrong codes of an address within so long: ten a second find eight random letters in some
# centuries, and the code of a room (`live.rooms.hub.LENGTH`) hardly while it stands.
AT_ONCE, AT_ONCE_SECONDS = 100, 10.0


class WrongTries:
    """Of each browser `most` different ones within `seconds`.

    The same one again counts once: it tells nobody anything, and a class may all have an old link.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._own = _Tries(most, seconds)
        self._at_once = _Tries(AT_ONCE, AT_ONCE_SECONDS)

    def too_many(self, address: str, browser: str) -> bool:
        """Whether as many were tried lately as may be. browser: its visitor, "" for nobody."""
        return self._own.too_many(browser or address) or self._at_once.too_many(address)

    def note(self, address: str, browser: str, tried: str) -> None:
        """This one was wrong."""
        self._own.note(browser or address, tried)
        self._at_once.note(address, tried)


class _Tries:
    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._when: OrderedDict[str, dict[int, float]] = OrderedDict()  # the latest last

    def too_many(self, whose: str) -> bool:
        tries, before = self._when.get(whose, {}), time.monotonic() - self.seconds
        for tried in [tried for tried, when in tries.items() if when < before]:
            del tries[tried]
        return len(tries) >= self.most

    def note(self, whose: str, tried: str) -> None:
        self._when.setdefault(whose, {})[hash(tried)] = time.monotonic()
        self._when.move_to_end(whose)
        while len(self._when) > REMEMBERED:
            self._when.popitem(last=False)
