"""What a terminal is told while something takes long: one line, drawn over itself."""

from __future__ import annotations

import sys

WIDTH = 24


def draw_bar(share: float, text: str = "") -> None:
    """A bar of the share done, and `text` after it, on stderr; nothing where that is no terminal.

    The line ends when all is done.
    """
    if sys.stderr.isatty():
        bar = ("█" * round(WIDTH * share)).ljust(WIDTH, "░")
        end = "\n" if share >= 1 else ""
        print(f"\r{bar} {share:4.0%}{text}\033[K", end=end, file=sys.stderr, flush=True)


def end_line() -> None:
    """End the line of a bar that stays short of all."""
    if sys.stderr.isatty():
        print(file=sys.stderr)
