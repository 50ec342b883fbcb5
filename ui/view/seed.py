"""The seed of a page's random draws, in the address so that a link shows the same."""

from __future__ import annotations

import secrets

import streamlit as st

from ui.components.address import number_from_link
from ui.widgets import clicked

MAX_SEED = 999_999_999


def seed_in_view() -> int:
    return number_from_link("seed", 0, MAX_SEED, default=0)


def offer_new(draws: str) -> None:
    """A button that takes another seed; draws: what is drawn by it, as the button says."""
    if clicked(f"New {draws}", icon=":material/casino:"):
        st.session_state["seed"] = secrets.randbelow(100_000)
