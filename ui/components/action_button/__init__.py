"""A button like Streamlit's own that can carry a `data-testid`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
    """Show the button; True in the first run of the script that gets here after a click.

    Streamlit forgets a click when the run that it caused is cut short by another, and may tell one
    twice when a fragment's timer takes it along: here each click counts once.

    key: names this button in the session. icon: the name of a Material symbol, such as "stop".
    """
    told, done = f"{key}:told", f"{key}:done"
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
        on_clicked_change=lambda: st.session_state.update({told: st.session_state[key]["clicked"]}),
    )
    clicked = st.session_state.get(told)
    new = clicked != st.session_state.get(done)
    st.session_state[done] = clicked
    return new
