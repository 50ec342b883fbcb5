"""Work that a page does itself while the visitor waits, under a bar that tells how far it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from filelock import FileLock, Timeout
from streamlit.runtime.scriptrunner import get_script_run_ctx

from live.servers import shared_folder

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

    Waits for another visitor's to end, and reports it; a click on the page ends the wait.
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
