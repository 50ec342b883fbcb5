"""A turn at reading own images: one visitor's at a time, told of under a bar, and with an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ui.frame.work import heavy_work, working
from vae_core.errors import DataError

SECONDS = 60.0  # of a core: some MB can be packed so that they take hours


@contextmanager
def reading(text: str) -> Iterator[Callable[[float], object]]:
    """Read images in here; what it gives hears how far that is, 0 to 1, now and then.

    DataError where it takes more than SECONDS.
    """
    # Some MB of a file may be hundreds while they are read.
    with working(text) as report, heavy_work(report, "images"):
        started = time.thread_time()

        def tell(done: float) -> None:
            report(done, text)
            if time.thread_time() - started > SECONDS:
                raise _Endless

        try:
            yield tell
        except _Endless:
            raise DataError(
                f"These images take more than {SECONDS:.0f} seconds of computing to read; bring "
                "fewer, or save them smaller: they are learned so anyway."
            ) from None


class _Endless(Exception):
    """No DataError, which would be said of one image, and the next be read."""
