"""Of a page with several parts the one in view; the address says which."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ui.components.address import choice_from_link, show_in_address


def choose_part(parts: Mapping[str, str], first: str) -> str:
    """Which of `parts` is chosen: their labels, by the name that the address gives them.

    first: the one with which a page begins whose link names none.
    """
    part = choice_from_link("part", list(parts), first)
    st.segmented_control(
        "Show",
        list(parts),
        format_func=parts.__getitem__,
        required=True,
        key="part",
        persist_state="session",
    )
    show_in_address("part", part=part)
    return part
