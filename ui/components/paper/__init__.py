"""The page on paper: light in the dark theme too, without controls, whole on A4 and Letter."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["suit_paper"]

_FOLDER = Path(__file__).parent
_STYLE = f"<style>{(_FOLDER / 'paper.css').read_text('utf-8')}</style>"
_COMPONENT = st.components.v2.component(
    "zscape.paper", js=(_FOLDER / "paper.js").read_text("utf-8")
)


def suit_paper() -> None:
    """Have the page in view print well; components hide controls of their own."""
    st.html(_STYLE)
    _COMPONENT(key="paper", height=1)
