"""What the visitor's link says to hide, as where a page stands inside another."""

from __future__ import annotations

import streamlit as st

from ui.components.address import linked, refuse

HIDEABLE = ("models", "pages", "lessons", "upload", "save", "sidebar", "lead")


def hidden_controls() -> list[str]:
    """Those of HIDEABLE that the visitor's link says to hide, `hide=models,pages`."""
    if "hide" not in st.session_state:
        named = linked("hide").split(",") if linked("hide") else []
        st.session_state["hide"] = [name for name in named if name in HIDEABLE]
        if len(st.session_state["hide"]) < len(named):
            refuse("hide", f"only {', '.join(HIDEABLE)} can be hidden")
    return st.session_state["hide"]  # type: ignore[no-any-return]


def hidden(control: str) -> bool:
    """Whether the visitor's link hides this one of HIDEABLE; a page goes by its file."""
    return control in hidden_controls()
