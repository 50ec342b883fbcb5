"""Figures of HTML and SVG, and what all figures share: the menu that saves them, and Plotly.

    figure("<svg …>", key="network", name="network", table=Table(("layer", "units"), rows))

A component whose module exports `saved` has the same menu, see `assets/menu.js`: files are made in
the browser of what stands there, in the theme that is on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.modules import module_component

__all__ = ["Table", "figure"]

_ASSETS, _SCRIPT = module_component(Path(__file__).parent / "assets", "markup_figure.js")
_COMPONENT = st.components.v2.component(
    "zscape.figure", html='<div class="root"></div>', js=_SCRIPT
)


@dataclass(frozen=True)
class Table:
    """What a figure draws, for its CSV: names of the columns, and rows as long."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]


def figure(
    html: str,
    *,
    key: str,
    name: str,
    table: Table | None = None,
    plot: dict[str, Any] | None = None,
) -> None:
    """Show `html`, the page's own, in which what others wrote is escaped.

    key: names the figure in the session; name: of its files; plot: {"data", "layout"} as Plotly
    takes them.
    """
    rows = None if table is None else {"columns": table.columns, "rows": table.rows}
    data = {"assets": _ASSETS, "html": html, "name": name, "table": rows, "plot": plot}
    _COMPONENT(key=key, data=[data])
