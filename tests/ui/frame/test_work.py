"""Work that a page does itself: a bar while it lasts, and heavy work one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from streamlit.testing.v1 import AppTest

from ui.frame.work import heavy_work


def test_the_bar_is_gone_when_the_work_is_done_and_when_it_fails() -> None:
    def page() -> None:
        import streamlit as st

        from ui.frame.work import working

        with working("Working…", stop=True) as report:
            report(0.5, "Half…")
        try:
            with working("Failing…"):
                raise ValueError
        except ValueError:
            st.caption("The rest of the page")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert not app.button and not app.get("progress")
    assert [caption.value for caption in app.caption] == ["The rest of the page"]


def test_heavy_work_waits_for_another_visitor_s_and_says_so() -> None:
    told: list[str] = []
    waits, ends = threading.Event(), threading.Event()

    def report(_share: float, text: str) -> None:
        told.append(text)
        waits.set()

    def second() -> None:
        with heavy_work(report):
            ends.set()

    with heavy_work(report):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10) and not ends.is_set()
    assert ends.wait(10)
    thread.join()
    assert set(told) == {"Waiting for another visitor's computation…"}


HEAVY = """
from ui.frame.work import heavy_work
with heavy_work(lambda share, text: None):
    print("works", flush=True)
    input()
"""


def test_heavy_work_waits_for_another_server_s_too_and_not_for_a_dead_one_s() -> None:
    root = Path(__file__).parents[3]
    told: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", HEAVY], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline()

        def report(_share: float, text: str) -> None:
            told.append(text)
            other.kill()

        with heavy_work(report):
            assert set(told) == {"Waiting for another visitor's computation…"}
