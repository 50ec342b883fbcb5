"""The page's address: it says what is in view, so that a copied link opens the same view.

The script reads the address once, when a visitor arrives; from then on the session knows better.
Writing goes through the browser's `history.replaceState`: `st.query_params` would make an entry of
the browser's history of every step, and the way back would lead nowhere.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["linked", "show_in_address"]

_COMPONENT = st.components.v2.component(
    "zscape.address", js=(Path(__file__).parent / "address.js").read_text("utf-8")
)


def linked(name: str) -> str:
    """What the link that the visitor came by says of `name`; empty when it says nothing."""
    if "linked" not in st.session_state:
        st.session_state["linked"] = st.query_params.to_dict()
    return str(st.session_state["linked"].get(name, ""))


def show_in_address(key: str, **values: str | None) -> None:
    """Let the address say these values; None takes a name out of it.

    key: names this call's place in the page, as a component's.
    """
    _COMPONENT(key=f"address-{key}", data=values, height=1)
