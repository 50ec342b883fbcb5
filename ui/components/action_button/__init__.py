"""A button like Streamlit's own that can carry a `data-testid`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import streamlit as st

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
) -> bool:
    """Show the button; True in the one run of the script that a click caused.

    key: names this button in the session. icon: the name of a Material symbol, such as "stop".
    """
    state: Any = _COMPONENT(
        key=key,
        data={
            "label": label,
            "testid": testid,
            "icon": icon,
            "kind": kind,
            "disabled": disabled,
        },
        width=width,
        on_clicked_change=lambda: None,
    )
    return bool(state.get("clicked"))
