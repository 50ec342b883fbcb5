"""What a terminal is told while something takes long, and how Ctrl-C is heard there."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WIDTH = 24


def draw_bar(share: float, text: str = "") -> None:
    """A bar of the share done, and `text` after it, on stderr; nothing where that is no terminal.

    The line ends when all is done.
    """
    if sys.stderr.isatty():
        bar = ("█" * round(WIDTH * share)).ljust(WIDTH, "░")
        end = "\n" if share >= 1 else ""
        print(f"\r{bar} {share:4.0%}{text}\033[K", end=end, file=sys.stderr, flush=True)


def clear_line() -> None:
    """Take away a bar that stays short of all."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def end_line() -> None:
    """End the line of a bar that stays short of all."""
    if sys.stderr.isatty():
        print(file=sys.stderr)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or SIGTERM has come meanwhile; a second Ctrl-C is final."""
    asked = told = False

    def ask(_signal: int, _frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def heard() -> bool:
        nonlocal told
        if asked and not told:
            told = True
            print("\nzscape: stopping to evaluate and keep; Ctrl-C aborts.", file=sys.stderr)
        return asked

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
