"""How many runs train at once on one machine, and whose turn is next.

    .slots/slot-0                     locked by the run that trains in it
    .slots/waiting/<when>-<token>     a run that waits; the first name is the next to begin

There is no scheduler that could die: each waiting process looks for itself whether anybody before
it still lives, and the operating system gives back the slot of one that ends, however it ends. So
two servers share one folder of runs, too. Imports no torch: waiting costs little memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vae_core.errors import ConfigError
from vae_core.runs.run import Run

MAX_SLOTS = 1_024
LOOK_SECONDS = 0.1  # how often the next one looks for a slot; those behind look less often
MAX_LOOK_SECONDS = 1.0


def slots() -> int:
    """How many runs train at once: $ZSCAPE_SLOTS, else one for each two cores."""
    text = os.environ.get("ZSCAPE_SLOTS", "")
    if not text:
        return max(1, (os.cpu_count() or 1) // 2)
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SLOTS:
        raise ConfigError(
            f"ZSCAPE_SLOTS={text[:40]!r} is not a whole number from 1 to {MAX_SLOTS}; it says how "
            "many runs train at once."
        )
    return int(text)


def run_seconds() -> float:
    """How long a run may train in its slot, in seconds: $ZSCAPE_RUN_HOURS; without, for ever."""
    text = os.environ.get("ZSCAPE_RUN_HOURS", "")
    try:
        hours = float(text or "inf")
    except ValueError:
        hours = 0.0
    if not hours > 0:
        raise ConfigError(
            f"ZSCAPE_RUN_HOURS={text[:40]!r} is not a number of hours above 0; it says how long a "
            "run may train."
        )
    return hours * 3600


class Slot:
    """A run's turn: to be waited for, held, given back and waited for again."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.folder = run.path.parent / ".slots"
        self._lock: FileLock | None = None

    @property
    def held(self) -> bool:
        return self._lock is not None

    def enter(self) -> None:
        """Stand at the end of the queue, unless the run stands in it already."""
        if _entry(self.run) is None:
            queue = _queue(self.run.path.parent)
            queue.mkdir(parents=True, exist_ok=True)
            (queue / f"{time.time_ns():020d}-{self.run.token}").touch()

    def try_take(self) -> bool:
        """Take a slot if one is free and nobody waits before this run."""
        self.enter()
        if any(True for _ in _living_before(self.run)):
            return False
        for number in range(slots()):
            lock = FileLock(self.folder / f"slot-{number}")
            with suppress(Timeout):
                lock.acquire(timeout=0)
                self._lock = lock
                self.leave()
                return True
        return False

    def leave(self) -> None:
        """Leave the queue."""
        entry = _entry(self.run)
        if entry is not None:
            entry.unlink(missing_ok=True)

    def give_back(self) -> None:
        """Let another run train; this one leaves the queue, too."""
        self.leave()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def look_seconds(self) -> float:
        """How long to wait before the next look: those far behind need not look often."""
        entries = _entries(self.run.path.parent)
        before = next((i for i, e in enumerate(entries) if _token(e) == self.run.token), 0)
        return min(MAX_LOOK_SECONDS, LOOK_SECONDS * (1 + before))


def place(run: Run) -> int | None:
    """1 for the run that is the next to begin, 2 for the one after it; None where it waits not."""
    if _entry(run) is None or run.status().state != "waiting":
        return None
    return 1 + sum(1 for _ in _living_before(run))


def waiting(root: Path) -> list[Run]:
    """The runs below `root` that stand in the queue, the next to begin first."""
    return [Run(root / _token(entry)) for entry in _entries(root)]


def _living_before(run: Run) -> Iterator[Run]:
    """Those that wait before `run` and are alive, the nearest first; the dead leave the queue."""
    root = run.path.parent
    before = []
    for entry in _entries(root):
        if _token(entry) == run.token:
            break
        before.append(entry)
    for entry in reversed(before):
        other = Run(root / _token(entry))
        if other.status().state == "waiting":
            yield other
        else:
            entry.unlink(missing_ok=True)


def _queue(root: Path) -> Path:
    return root / ".slots" / "waiting"


def _entries(root: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(entry for entry in _queue(root).iterdir() if "-" in entry.name)
    return []


def _entry(run: Run) -> Path | None:
    return next((e for e in _entries(run.path.parent) if _token(e) == run.token), None)


def _token(entry: Path) -> str:
    return entry.name.partition("-")[2]
