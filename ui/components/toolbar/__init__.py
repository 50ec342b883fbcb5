"""What can be done with any page, beside its title: share its address, show it to a class.

Presentation mode, by the button or the key P, is the browser's alone: the address says `present`,
and a page in it has no sidebar and larger type. Whatever is sized by `rem` follows; a canvas asks
for the size of its own text.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["show_toolbar"]

_FOLDER = Path(__file__).parent
_PROJECTED = f"<style>{(_FOLDER / 'projected.css').read_text('utf-8')}</style>"
_COMPONENT = st.components.v2.component(
    "zscape.toolbar",
    html=(_FOLDER / "toolbar.html").read_text("utf-8"),
    css=(_FOLDER / "toolbar.css").read_text("utf-8"),
    js=(_FOLDER / "toolbar.js").read_text("utf-8"),
)


def show_toolbar(page: str) -> None:
    """The buttons, and what the page with this path looks like when it is presented."""
    st.html(_PROJECTED)
    _COMPONENT(key="toolbar", data=[page], width="content")  # each page has an address of its own
