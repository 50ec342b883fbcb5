"""Gestures on the page's sliders: what belongs together, though Python hears of it in pieces.

A slider tells Python of each of a held key's steps; for an Undo they are one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["gesture", "watch_gestures"]

_COMPONENT = st.components.v2.component(
    "zscape.gesture", js=(Path(__file__).parent / "gesture.js").read_text("utf-8")
)
_KEY = "gesture"


def watch_gestures() -> None:
    """Have the browser tell of gestures while this page is shown."""
    _COMPONENT(key=_KEY, on_began_change=lambda: None, height=1)


def gesture() -> float | None:
    """Names the latest gesture: another one has another name. None before the first."""
    state: Any = st.session_state.get(_KEY) or {}
    began: float | None = state.get("began")
    return began
