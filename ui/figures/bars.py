"""Small bar charts drawn at once: no chart library to load, the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ui.components.figure import Table, figure

MOST_LABELS = 16  # below that many bars there is room for a name and a figure


def bars(
    values: Sequence[float], *, title: str, colour: str, note: str, names: Sequence[str] = ()
) -> None:
    """A bar for each value, all from zero; under the pointer it tells its value.

    names: of the values, by default the steps 1 → 2, 2 → 3, …; a few named bars show name and value
    below.
    """
    top = max(values) or 1.0
    called = names or [f"{k} → {k + 1}" for k in range(1, len(values) + 1)]
    drawn = "".join(
        f'<div title="{escape(name)}: {value:.3f}" style="flex:1;height:100%;display:flex;'
        f'align-items:flex-end"><div style="width:100%;height:{100 * value / top:.2f}%;'
        f'background:{colour}"></div></div>'
        for name, value in zip(called, values, strict=True)
    )
    labels = "".join(
        f'<div style="flex:1;min-width:0">{escape(name)}<br>{value:.2f}</div>'
        for name, value in zip(names, values, strict=False)
        if len(names) <= MOST_LABELS
    )
    figure(
        '<figure style="margin:0"><figcaption style="display:flex;justify-content:space-between;'
        f'gap:1rem;font-size:0.875rem"><b>{escape(title)}</b>'
        f'<span style="opacity:0.75;text-align:right">{escape(note)}</span></figcaption>'
        f'<div role="img" aria-label="{escape(title)}: {escape(note)}" style="display:flex;gap:2px;'
        f'height:3.5rem;margin-top:0.375rem;border-bottom:1px solid currentColor">{drawn}</div>'
        f'<div style="display:flex;gap:2px;text-align:center;font-size:0.75rem">{labels}</div>'
        "</figure>",
        key=f"bars-{title}",
        name=title,
        table=Table(("bar", title), list(zip(called, map(float, values), strict=True))),
        plot={
            "data": [
                {
                    "type": "bar",
                    "x": list(called),
                    "y": [float(value) for value in values],
                    "marker": {"color": colour},
                }
            ],
            "layout": {"yaxis": {"title": {"text": title}}},
        },
    )
