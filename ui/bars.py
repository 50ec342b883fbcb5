"""Small bar charts drawn at once: no chart library to load, the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st


def bars(values: Sequence[float], *, title: str, colour: str, note: str) -> None:
    """A bar for each value, all from zero; under the pointer it tells its value."""
    top = max(values) or 1.0
    drawn = "".join(
        f'<div title="{k} → {k + 1}: {value:.3f}" style="flex:1;height:100%;display:flex;'
        f'align-items:flex-end"><div style="width:100%;height:{100 * value / top:.2f}%;'
        f'background:{colour}"></div></div>'
        for k, value in enumerate(values, start=1)
    )
    st.html(
        '<figure style="margin:0"><figcaption style="display:flex;justify-content:space-between;'
        f'gap:1rem;font-size:0.875rem"><b>{escape(title)}</b>'
        f'<span style="opacity:0.75;text-align:right">{escape(note)}</span></figcaption>'
        f'<div role="img" aria-label="{escape(title)}: {escape(note)}" style="display:flex;gap:2px;'
        f'height:3.5rem;margin-top:0.375rem;border-bottom:1px solid currentColor">{drawn}</div>'
        "</figure>"
    )
