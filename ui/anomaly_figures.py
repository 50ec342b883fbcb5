"""The panels of the page Anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.components.curves import Line, Panel
from ui.palette import AMBER, GREY, SKY

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.anomaly import Auroc

BINS = 48
SHOWN = 0.5, 99.5  # percent of the scores: a few far ones would squeeze the rest


def score_panel(normal: Tensor, anomalies: Tensor) -> tuple[Panel, tuple[float, float]]:
    """Histograms of both kinds of scores over common bins, and the range of these."""
    kinds = {"normal": (normal, SKY), "anomalies": (anomalies, AMBER)}
    ends = [np.percentile(scores.numpy(), SHOWN) for scores, _ in kinds.values()]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    lines = []
    for name, (scores, colour) in kinds.items():
        counts, _ = np.histogram(scores.numpy(), edges)
        shares = 100 * counts / len(scores)
        # A step for each bin, from zero to zero.
        x, y = edges.repeat(2), np.concatenate([[0], shares.repeat(2), [0]])
        lines.append(Line(name, x.round(4).tolist(), y.round(3).tolist(), colour))
    top = 1.06 * max(max(line.y) for line in lines)
    panel = Panel("Scores, % of the images", lines, "the farther right, the stranger", (0, top))
    return panel, (float(edges[0]), float(edges[-1]))


def roc_panel(found: Auroc) -> Panel:
    """The receiver operating characteristic beside that of a guess."""
    return Panel(
        "ROC: share of anomalies found",
        [
            Line(
                "score",
                found.false_positive_rate.numpy().round(5).tolist(),
                found.true_positive_rate.numpy().round(5).tolist(),
                AMBER,
            ),
            Line("guess", [0, 1], [0, 1], GREY, dashed=True),
        ],
        f"AUROC {found.area:.3f} ± {found.standard_error:.3f}",
        (0, 1),
    )
