"""Work that a page does itself while the visitor waits, under a bar that tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from filelock import FileLock, Timeout

from live.servers import shared_folder

Report = Callable[[float, str], object]  # the share that is done, and what is done now


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
def heavy_work(report: Report, kind: str = "heavy") -> Iterator[None]:
    """One core's work for many seconds: one of a kind at a time, whoever asks whichever server.

    Waits for another visitor's to end, and says so; a click on the page ends the wait.
    """
    turn = FileLock(shared_folder() / kind)
    while not turn.is_locked:
        try:
            turn.acquire(timeout=0.5)
        except Timeout:
            report(0.0, "Waiting for another visitor's computation…")
    try:
        yield
    finally:
        turn.release()
