"""The list of a long page's parts, with a link to each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def contents(parts: Mapping[str, str]) -> None:
    """Anchors and headings, in the order of the page; `st.header` is given the same two."""
    links = " · ".join(f"[{heading}](#{anchor})" for anchor, heading in parts.items())
    st.markdown(f":small[{links}]")
