"""A button like Streamlit's own whose clicks count once each, and that carries a `data-testid`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from ui.widgets import said_by

__all__ = ["action_button"]

_FOLDER = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "zscape.action_button",
    html="<button><span class='icon' aria-hidden='true'></span><span></span></button>",
    css=(_FOLDER / "button.css").read_text("utf-8"),
    js=(_FOLDER / "button.js").read_text("utf-8"),
)


def action_button(
    label: str,
    *,
    key: str,
    testid: str,
    icon: str = "",
    kind: Literal["primary", "secondary"] = "secondary",
    disabled: bool = False,
    width: Literal["content", "stretch"] = "content",
    on_click: Callable[[], None] | None = None,
) -> bool:
    """Show the button; True in the first run of the script that gets here after a click.

    Streamlit forgets a click when the run that it caused is cut short by another, and may tell one
    twice when a fragment's timer takes it along: here each click counts once.

    key: names this button in the session. icon: the name of a Material symbol, such as "stop".
    on_click: called before that run, once as well.
    """
    clicks: dict[str, Any] = st.session_state.setdefault(f"{key}:clicks", {})

    def hear() -> None:
        clicked = said_by(key).get("clicked")
        if clicked is None:
            return
        clicks["told"] = clicked
        if on_click is not None and clicked != clicks.get("acted"):
            clicks["acted"] = clicked  # first: what is done twice is not undone
            on_click()

    _COMPONENT(
        key=key,
        data={
            "label": label,
            "testid": testid,
            "icon": icon,
            "kind": kind,
            "disabled": disabled,
        },
        width=width,
        on_clicked_change=hear,
    )
    new = clicks.get("told") != clicks.get("done")
    clicks["done"] = clicks.get("told")
    return new
