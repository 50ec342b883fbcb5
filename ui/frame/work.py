"""Work that a page does itself while the visitor waits, under a bar that tells how far it is."""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
from bisect import insort
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum

import streamlit as st
from filelock import FileLock, Timeout
from streamlit.runtime.scriptrunner import get_script_run_ctx

from live.servers import shared_folder
from ui.kept import address, visitor

ACCOUNTS = 10_000  # addresses and visitors whose turns are remembered
WAIT_SECONDS = 0.5  # between two looks whether the visitor is still there
HALF_LIFE = 120.0  # seconds: half of a turn is forgotten by then
DRAW_SECONDS = 0.1  # for which a page that is drawn holds up others; most are done by then

Report = Callable[[float, str], object]  # the share that is done, and what is done now

_turns = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))


@contextmanager
def pages_take_turns() -> Iterator[None]:
    """Around each pass of a model: those of pages take at most half the cores at a time.

    What a page computes ends here where its visitor has left or clicked. Others, such as the
    pointer's, go on at once.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        yield
        return
    _stop_if_left()
    with _turns:
        yield


def _stop_if_left(*_report: object) -> None:
    """End the script where its visitor has left or clicked."""
    "visitor" in st.session_state  # noqa: B015 (whoever looks is told whether to go on)


@contextmanager
def working(doing: str, *, stop: bool = False, stop_help: str | None = None) -> Iterator[Report]:
    """A bar that is there while the page works; what it gives moves it.

    stop: beside it a button Stop. Any click ends the script, at the next report at the latest.
    """
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, doing)
        if stop:
            st.button("Stop", icon=":material/stop:", help=stop_help)
    try:
        yield bar.progress
    finally:
        place.empty()


@contextmanager
def heavy_work(report: Report = _stop_if_left, kind: str = "heavy") -> Iterator[None]:
    """One core's work for many seconds: one of a kind at a time, whoever asks whichever server.

    Waits for another visitor's to end, and reports it; a click on the page ends the wait. Of those
    who wait at this server, it is the turn of whose address had least of late, and there of who had
    least themselves; but each second that one waits makes up for one of those that one had, or who
    comes with a new name each time would always go first.
    """
    turn, line, whose = FileLock(shared_folder() / kind), _lines[kind], _whose()
    with line.waiting(whose) as is_next:
        while not turn.is_locked:
            if is_next(WAIT_SECONDS):
                with suppress(Timeout):
                    turn.acquire(timeout=WAIT_SECONDS)
                if turn.is_locked and not is_next(0.0):  # who had less has come meanwhile
                    turn.release()
            if not turn.is_locked:
                report(0.0, "Waiting for another visitor's computation…")
    started = time.monotonic()
    try:
        yield
    finally:
        line.note(whose, time.monotonic() - started)
        turn.release()


class Part(IntEnum):
    """Of a page, what is drawn first: the lower, the sooner for all."""

    HEADING = 0
    FRAME = 1
    PAGE = 2


class Turns:
    """Turns at what can be done once at a time: parts of pages, the first parts of all first.

    Python computes one thing at a time. Thirty pages that are drawn at once would all be done at
    the end, and what they send would wait for them: drawn one after another, half are done at half
    the time. A turn holds up others for `seconds` at most, then it goes on beside the next: one
    that waits for a model or a file is in nobody's way.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._came = itertools.count()
        self._line: list[tuple[Part, int, threading.Condition]] = []  # the next one first
        self._turn: threading.Condition | None = None  # whose it is
        self._until = 0.0  # when it no longer holds up others

    @contextmanager
    def turn(self, part: Part) -> Iterator[None]:
        """Wait for a turn at this part, and have it."""
        with self._lock:
            mine = threading.Condition(self._lock)
            place = (part, next(self._came), mine)
            insort(self._line, place)
            try:
                while (wait := self._wait(mine)) > 0:
                    mine.wait(None if math.isinf(wait) else wait)
                self._turn, self._until = mine, time.monotonic() + self._seconds
            finally:
                self._line.remove(place)
                self._call_next()  # from now on that one knows how long to wait at most
        try:
            yield
        finally:
            with self._lock:
                if self._turn is mine:
                    self._turn, self._until = None, 0.0
                    self._call_next()

    def _wait(self, mine: threading.Condition) -> float:
        """Seconds until this turn comes, as far as that is known."""
        return self._until - time.monotonic() if self._line[0][2] is mine else math.inf

    def _call_next(self) -> None:
        if self._line:
            self._line[0][2].notify()


drawing = Turns(DRAW_SECONDS)  # of this server's pages


@dataclass(eq=False)
class Whose:
    """Whose turn one is, and since when they wait for it."""

    address: str
    visitor: str
    since: float = field(default_factory=time.monotonic)


class Line:
    """Who waits for a turn, and how long the turns of each address and each visitor were lately."""

    def __init__(self) -> None:
        self._waiting: list[Whose] = []  # in the order in which they came
        self._accounts: OrderedDict[str, tuple[float, float]] = OrderedDict()  # seconds, and when
        self._changed = threading.Condition()

    @contextmanager
    def waiting(self, whose: Whose) -> Iterator[Callable[[float], bool]]:
        """Wait in the line; what it gives says, within so many seconds, whether they are next."""
        with self._changed:
            self._waiting.append(whose)
            self._changed.notify_all()

        def is_next(seconds: float) -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: self._next() is whose, seconds)

        try:
            yield is_next
        finally:
            with self._changed:
                self._waiting.remove(whose)
                self._changed.notify_all()

    def note(self, whose: Whose, seconds: float) -> None:
        """A turn of theirs has lasted so long."""
        now = time.monotonic()
        with self._changed:
            for account in (whose.address, whose.visitor):
                self._accounts[account] = self._spent(account, now) + seconds, now
                self._accounts.move_to_end(account)
            while len(self._accounts) > ACCOUNTS:
                self._accounts.popitem(last=False)

    def _next(self) -> Whose:
        now = time.monotonic()

        def account(whose: Whose) -> tuple[float, float]:
            waited = now - whose.since
            return self._spent(whose.address, now), self._spent(whose.visitor, now) - waited

        return min(self._waiting, key=account)

    def _spent(self, account: str, now: float) -> float:
        seconds, when = self._accounts.get(account, (0.0, now))
        return seconds * float(0.5 ** ((now - when) / HALF_LIFE))


def _whose() -> Whose:
    in_session = get_script_run_ctx(suppress_warning=True) is not None
    return Whose(address(), visitor()) if in_session else Whose("", "")


_lines: defaultdict[str, Line] = defaultdict(Line)
