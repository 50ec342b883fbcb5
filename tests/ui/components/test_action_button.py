"""A click counts once, however often Streamlit tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st

from ui.components import action_button as module
from ui.components.action_button import action_button


def test_a_click_that_is_told_twice_acts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {}
    hear: list[Callable[[], None]] = []
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(
        module, "_COMPONENT", lambda **given: hear.append(given["on_clicked_change"])
    )
    acted: list[str] = []

    def run() -> bool:
        return action_button(
            "Swap", key="swap", testid="swap", on_click=lambda: acted.append("swap")
        )

    assert not run()
    pressed = []
    for moment in (10.5, 10.5, 99.0):  # told, told again by a run that a timer asked for, anew
        state["swap"] = {"clicked": moment}
        hear[-1]()
        pressed.append(run())
    assert pressed == [True, False, True]
    assert acted == ["swap", "swap"]
    del state["swap"]  # the page was turned, and its last word comes late
    hear[-1]()
    assert not run()
    assert acted == ["swap", "swap"]
