"""Decimal commas in the page's number fields: 0,5 is 0.5, or the field says that it takes none.

Such a field takes a point alone, except in a browser whose own language has commas, and leaves out
what it does not take: 0,5 would be 5. A whole number's field would cut 0.5 to 0.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

__all__ = ["decimals", "read_decimal_commas"]

_COMPONENT = st.components.v2.component(
    "zscape.decimal_comma", js=(Path(__file__).parent / "comma.js").read_text("utf-8")
)


def read_decimal_commas() -> None:
    """Have the browser read the commas, on whatever page is shown."""
    _COMPONENT(key="decimal-comma", height=1)


def decimals(key: str) -> DeltaGenerator:
    """A place for a number that has decimals though its steps may be whole."""
    return st.container(key=f"decimals-{key}")
