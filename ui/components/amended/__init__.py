"""What Streamlit's own parts of a page lack, on whatever page is shown.

Decimal commas in number fields: 0,5 is 0.5, or the field says that it takes none. Such a field
takes a point alone, except in a browser whose own language has commas, and leaves out what it does
not take: 0,5 would be 5. A whole number's field would cut 0.5 to 0.

A true minus sign at sliders, as all other figures have it. Wide formulas, programs and tables that
the keyboard can scroll. A menu on narrow screens whose list, as it is nested, is none to a screen
reader.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

__all__ = ["amend", "decimals"]

_FOLDER = Path(__file__).parent
_COMPONENTS = {
    name: st.components.v2.component(
        f"zscape.{name}", js=(_FOLDER / f"{name}.js").read_text("utf-8")
    )
    for name in ("comma", "amend")
}


def amend() -> None:
    """Have the browser do it."""
    for name, component in _COMPONENTS.items():
        component(key=name, height=1)


def decimals(key: str) -> DeltaGenerator:
    """A place for a number that has decimals though its steps may be whole."""
    return st.container(key=f"decimals-{key}")
