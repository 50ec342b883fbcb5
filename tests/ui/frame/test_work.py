"""Work that a page does itself: a bar while it lasts, and heavy work one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from ui.frame import work
from ui.frame.work import Line, Part, Turns, Whose, heavy_work
from vae_core.latent.decoded import decoded
from vae_core.models import latent_model
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import surround_passes


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

    app = AppTest.from_function(page, default_timeout=60).run()
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
        assert waits.wait(120) and not ends.is_set()
    assert ends.wait(120)
    thread.join()
    assert set(told) == {"Waiting for another visitor's computation…"}


@pytest.mark.parametrize("waited", [30.0, 90.0])
def test_who_comes_with_a_new_name_each_time_does_not_always_go_first(waited: float) -> None:
    line, now = Line(), time.monotonic()
    line.note(Whose("school", "stays"), 60.0)
    stays, new = Whose("school", "stays", since=now - waited), Whose("school", "new", since=now)
    with line.waiting(new), line.waiting(stays) as is_next:
        assert is_next(0.0) is (waited > 60)


def test_it_is_the_turn_of_who_had_least_and_of_who_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, order = Line(), []
    monkeypatch.setitem(work._lines, "fair", line)

    def turn(address: str, visitor: str) -> None:
        monkeypatch.setattr(work, "_whose", lambda: Whose(address, visitor))
        with heavy_work(lambda *_: None, "fair"):
            order.append(visitor)

    line.note(Whose("school", "stays"), 60.0)
    started = []
    with heavy_work(lambda *_: None, "fair"):
        for of in (("school", "stays"), ("school", "mate"), ("home", "ann"), ("home", "bob")):
            started.append(threading.Thread(target=turn, args=of))
            started[-1].start()
            with line._changed:
                assert line._changed.wait_for(lambda: len(line._waiting) == len(started), 120)
    for each in started:
        each.join(120)
    assert order == ["ann", "bob", "mate", "stays"]


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


def test_the_wait_for_heavy_work_ends_with_its_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work.st, "session_state", Gone())
    with heavy_work(), pytest.raises(InterruptedError), heavy_work():
        pytest.fail("Two did it at once.")
    with heavy_work():
        pass


class Gone:
    """A session's state after its visitor has left: whoever looks is stopped."""

    def __contains__(self, _key: str) -> bool:
        raise InterruptedError


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each pass of a model whether another page's could have been made beside it."""
    found: list[bool] = []

    def seen(*_: object) -> None:
        if beside := work._turns.acquire(blocking=False):
            work._turns.release()
        found.append(beside)

    monkeypatch.setattr(work, "_turns", threading.BoundedSemaphore(1))
    surround_passes(work.pages_take_turns)
    torch.manual_seed(0)
    model = build_model(ModelConfig((1, 4, 4), hidden=(4,))).eval().requires_grad_(False)
    model.decoder.register_forward_hook(seen)
    monkeypatch.setattr(latent_model, "AT_ONCE", {"cpu": 2 * model.cost.widest})
    monkeypatch.setattr(work, "decode", lambda: decoded(model, torch.zeros(6, 2)), raising=False)
    yield found
    surround_passes(nullcontext)


def test_the_passes_of_pages_take_turns(
    passes: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "get_script_run_ctx", lambda **_: object())
    work.decode()
    assert passes == [False] * 3


def test_the_passes_of_others_wait_for_no_page(passes: list[bool]) -> None:
    with work._turns:
        work.decode()
    assert passes == [False] * 3


def test_what_a_page_computes_ends_with_its_visitor(
    passes: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "get_script_run_ctx", lambda **_: object())
    monkeypatch.setattr(work.st, "session_state", Gone())
    with pytest.raises(InterruptedError):
        work.decode()
    assert passes == []


def test_of_pages_drawn_at_once_all_have_their_headings_before_one_is_whole() -> None:
    turns, drawn = Turns(60.0), []
    began, here = threading.Event(), threading.Barrier(4)

    def draw() -> None:
        here.wait(10)
        for part in Part:
            with turns.turn(part):
                drawn.append(part)

    def first() -> None:
        with turns.turn(Part.PAGE):
            began.set()
            here.wait(10)
            while len(turns._line) < 3:  # all three wait for this one
                time.sleep(0.001)

    threads = [threading.Thread(target=draw) for _ in range(3)]
    threads.append(threading.Thread(target=first))
    for thread in reversed(threads):
        thread.start()
    for thread in threads:
        thread.join(10)
    assert began.is_set() and drawn == sorted([*Part] * 3)


def test_a_turn_that_lasts_holds_nobody_up_for_long_and_one_that_fails_is_given_back() -> None:
    turns, after = Turns(0.01), []

    def next_one() -> None:
        with turns.turn(Part.PAGE):
            after.append("beside it")

    with turns.turn(Part.HEADING):
        threads = [threading.Thread(target=next_one) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert after == ["beside it"] * 3

    patient = Turns(3600.0)
    with pytest.raises(ZeroDivisionError), patient.turn(Part.PAGE):
        raise ZeroDivisionError
    thread = threading.Thread(target=lambda: patient.turn(Part.PAGE).__enter__())
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
