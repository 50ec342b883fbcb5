"""The bar of a room, and what takes part in it: the address in view is told to all who follow.

    room("K7QXBC", secret=secret, key="room", on_over=forget)

The browser speaks with `live.rooms`; Python hears when there is no more room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ui.components.modules import module_component

__all__ = ["room", "tell_answer"]

_FOLDER = Path(__file__).parent
_ASSETS, _SCRIPT = module_component(_FOLDER / "assets", "room.js")
_COMPONENT = st.components.v2.component(
    "zscape.room",
    html='<div class="root"></div>',
    css=(_FOLDER / "room.css").read_text("utf-8"),
    js=_SCRIPT,
)
_ANSWER = st.components.v2.component("zscape.answer", js=(_FOLDER / "answer.js").read_text("utf-8"))


def room(
    code: str,
    *,
    key: str,
    secret: str = "",
    opened: bool = False,
    models: Sequence[str] = (),
    begun: tuple[int, str, str] = (0, "", ""),
    on_over: Callable[[], None],
) -> None:
    """Take part in the room of this code: lead it by its secret, or follow.

    opened: in this very session, which then leads it; of other sessions, that of the tab that did.
    models: those that the leader may choose by their names, which are their ids.
    begun: of a follower, from which address the session has begun last: the how manieth time that
    was, the page's url path and its query.
    on_over: called when the visitor has seen that the room has ended.
    """
    data = {
        "assets": _ASSETS,
        "code": code,
        "secret": secret,
        "opened": opened,
        "models": list(models),
        "begun": begun,
    }
    _COMPONENT(key=key, data=[data], height=1, on_over_change=on_over)


def tell_answer(lesson: str, step: int, choice: str) -> None:
    """What this visitor chose at a step of a lesson, for who leads the room that they follow."""
    _ANSWER(key="answer", data=[{"lesson": lesson, "step": step, "choice": choice}], height=1)
