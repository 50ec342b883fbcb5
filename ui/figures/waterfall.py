"""Quantities that add up, as bars that begin where the last one ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.components.figure import Table, figure
from ui.numbers import decimal

CSS = """
<style>
.waterfall { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0.3rem 0.9rem;
  align-items: center; font-size: 0.95rem; margin: 0.25rem 0 0.5rem; }
.waterfall .track { position: relative; height: 1.35rem; }
.waterfall .track i { position: absolute; top: 0; bottom: 0; border-radius: 2px; }
.waterfall .track s { position: absolute; top: 0; bottom: -0.35rem; width: 0;
  border-left: 1px dashed currentColor; opacity: 0.45; }
.waterfall .value { text-align: right; font-variant-numeric: tabular-nums; }
.waterfall .level { font-weight: 600; }
@media (max-width: 640px) { .waterfall { font-size: 0.8rem; gap: 0.3rem 0.5rem; } }
</style>
"""


@dataclass(frozen=True)
class Level:
    """Where a sum stands: a bar from the axis's cut end to `at`. name: HTML."""

    name: str
    at: float
    colour: str


@dataclass(frozen=True)
class Step:
    """What is added: a bar from `start` to `end`. name: HTML."""

    name: str
    start: float
    end: float
    colour: str


def waterfall(rows: Sequence[Level | Step], *, testid: str, alt: str, unit: str = "nats") -> None:
    """Show the rows below one another on one axis, each with its figure.

    The axis is cut: it begins a little below the lowest value, and the levels' bars fade out there.
    """
    ends = [at for row in rows for at in _span(row)]
    room = max(max(ends) - min(ends), 1e-9)
    low, high = min(ends) - 0.25 * room, max(ends) + 0.02 * room
    cells = "".join(_row(row, low, high) for row in rows)
    names = [re.sub(r"<[^>]*>", "", row.name) for row in rows]
    figure(
        f"{CSS}<div class='waterfall' role='img' data-testid='{testid}' aria-label='{alt}'>"
        f"{cells}</div>",
        key=f"waterfall-{testid}",
        name=testid,
        table=Table(
            ("row", f"from, {unit}", f"to, {unit}"),
            [
                (name, None if isinstance(row, Level) else row.start, _span(row)[1])
                for name, row in zip(names, rows, strict=True)
            ],
        ),
        plot=_plot(names, rows, low, unit),
    )
    st.caption(f"In {unit}. The axis is cut: it begins at {decimal(low)}.")


def _plot(
    names: Sequence[str], rows: Sequence[Level | Step], low: float, unit: str
) -> dict[str, Any]:
    spans = [(low, row.at) if isinstance(row, Level) else (row.start, row.end) for row in rows]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": list(names),
                "base": [start for start, _ in spans],
                "x": [end - start for start, end in spans],
                "marker": {"color": [row.colour for row in rows]},
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": unit}},
            "yaxis": {"autorange": "reversed", "automargin": True},
        },
    }


def _span(row: Level | Step) -> tuple[float, float]:
    return (row.at, row.at) if isinstance(row, Level) else (row.start, row.end)


def _row(row: Level | Step, low: float, high: float) -> str:
    def percent(value: float) -> float:
        return 100 * (value - low) / (high - low)

    start, end = _span(row)
    if isinstance(row, Level):
        left, kind, value = 0.0, "level", decimal(row.at)
        fill = f"linear-gradient(to right, transparent, {row.colour} 12%)"
    else:
        left, kind, fill = percent(min(start, end)), "step", row.colour
        value = f"{'+' if end >= start else '−'} {abs(end - start):.2f}"
    width = max(percent(max(start, end)) - left, 0.15)
    return (
        f"<span class='{kind}'>{row.name}</span>"
        f"<span class='track'><i style='left:{left:.2f}%;width:{width:.2f}%;background:{fill}'></i>"
        f"<s style='left:{percent(end):.2f}%'></s></span>"
        f"<span class='value {kind}'>{value}</span>"
    )
