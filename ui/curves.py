"""Curves of training, as Plotly figures in the page's theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

# (light, dark): the split has its colour and its dash, so neither alone has to tell them apart.
SPLIT_STYLE = {
    "train": (("#0072B2", "#56B4E9"), "dot"),
    "test": (("#D55E00", "#F0924C"), "solid"),
}


def training_curves(
    events: Sequence[dict[str, Any]],
    *,
    epochs: int,
    beta: float,
    reconstruction_name: str,
    height: int = 280,
) -> go.Figure:
    """-reconstruction, KL and their weighted sum on train and test images, in nats, by epoch.

    events: as in a run's events.jsonl, the end of each epoch and the last report; may be empty.
    """
    total = "Sum" if beta == 1 else f"Sum with β = {beta:g}"
    titles = (reconstruction_name, "KL", total)
    figure = make_subplots(cols=3, rows=1, subplot_titles=titles, horizontal_spacing=0.07)
    for split, ((light, dark), dash) in SPLIT_STYLE.items():
        reports = [event for event in events if event[split] is not None]
        if split == "test":
            reports = [event for event in reports if event["epoch_ended"]]
        x = [fractional_epoch(event, epochs) for event in reports]
        columns = (
            [-event[split]["reconstruction"] for event in reports],
            [event[split]["kl"] for event in reports],
            [event[split]["loss"] for event in reports],
        )
        for column, y in enumerate(columns, start=1):
            figure.add_scatter(
                x=x,
                y=y,
                name=split,
                legendgroup=split,
                showlegend=column == 1,
                mode="lines" if len(x) > 30 else "lines+markers",
                line={"color": dark if is_dark() else light, "width": 2, "dash": dash},
                marker={"size": 5},
                hovertemplate=f"{split}, epoch %{{x:.3g}}: %{{y:.2f}} nats<extra></extra>",
                row=1,
                col=column,
            )
    figure.update_xaxes(range=[0, epochs], title="epoch", showgrid=False, zeroline=False)
    figure.update_yaxes(zeroline=False, nticks=5)
    figure.update_yaxes(title="nats per image", col=1)
    figure.update_annotations(font_size=14)  # the titles
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 56, "b": 10},
        legend={"orientation": "h", "x": 0, "y": 1.16, "yanchor": "bottom"},
        uirevision="curves",
    )
    return figure


def fractional_epoch(event: dict[str, Any], epochs: int) -> float:
    """Where in the training a report stands, in epochs."""
    return float(epochs * event["step"] / event["total_steps"])


def is_dark() -> bool:
    return st.context.theme.type == "dark"
