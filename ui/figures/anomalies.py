"""The panels of the page Anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.components.curves import Line, Panel
from ui.palette import AMBER, GREY, SKY
from vae_core.measures.anomaly import score_histogram

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.measures.anomaly import Auroc

BINS = 48


def score_panel(normal: Tensor, anomalies: Tensor) -> tuple[Panel, tuple[float, float]]:
    """Histograms of both kinds of scores over common bins, and the range of these.

    How many scores lie beyond is told.
    """
    found = score_histogram(normal, anomalies, BINS)
    edges, lines = found.edges.numpy(), []
    for name, shares, colour in (
        ("normal", found.normal, SKY),
        ("anomalies", found.anomalies, AMBER),
    ):
        # A step for each bin, from zero to zero.
        x, y = edges.repeat(2), np.concatenate([[0], 100 * shares.numpy().repeat(2), [0]])
        lines.append(Line(name, x.round(4).tolist(), y.round(3).tolist(), colour))
    top = 1.06 * max(max(line.y) for line in lines)
    note = f"right: stranger; {found.beyond} farther out" if found.beyond else "right: stranger"
    panel = Panel("Scores, % of the images", lines, note, (0, top))
    return panel, (float(edges[0]), float(edges[-1]))


def roc_panel(found: Auroc) -> Panel:
    """The receiver operating characteristic beside that of a guess."""
    low, high = found.interval
    return Panel(
        "ROC: anomalies found, %",
        [
            Line(
                "score",
                (100 * found.false_positive_rate).numpy().round(3).tolist(),
                (100 * found.true_positive_rate).numpy().round(3).tolist(),
                AMBER,
            ),
            Line("guess", [0, 100], [0, 100], GREY, dashed=True),
        ],
        f"AUROC {found.area:.3f} ({low:.3f} to {high:.3f})",
        (0, 104),
    )
