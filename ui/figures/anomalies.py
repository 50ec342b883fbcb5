"""The panels of the page Anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.components.curves import Line, Panel
from ui.palette import AMBER, GREY, SKY

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.measures.anomaly import Auroc

BINS = 48
FENCE = 3  # times the middle half's width beyond it: what is farther would squeeze the rest


def score_panel(normal: Tensor, anomalies: Tensor) -> tuple[Panel, tuple[float, float]]:
    """Histograms of both kinds of scores over common bins, and the range of these.

    It reaches to the outer fences (Tukey 1977); how many scores lie beyond is told.
    """
    kinds = {"normal": (normal, SKY), "anomalies": (anomalies, AMBER)}
    ends = [fences(scores.numpy()) for scores, _ in kinds.values()]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    lines, beyond = [], 0
    for name, (scores, colour) in kinds.items():
        counts, _ = np.histogram(scores.numpy(), edges)
        beyond += len(scores) - int(counts.sum())
        shares = 100 * counts / len(scores)
        # A step for each bin, from zero to zero.
        x, y = edges.repeat(2), np.concatenate([[0], shares.repeat(2), [0]])
        lines.append(Line(name, x.round(4).tolist(), y.round(3).tolist(), colour))
    top = 1.06 * max(max(line.y) for line in lines)
    note = f"right: stranger; {beyond} farther out" if beyond else "right: stranger"
    panel = Panel("Scores, % of the images", lines, note, (0, top))
    return panel, (float(edges[0]), float(edges[-1]))


def fences(scores: np.ndarray) -> tuple[float, float]:
    """The least and the largest score that is drawn."""
    low, lower, upper, high = np.percentile(scores, (0, 25, 75, 100))
    reach = FENCE * (upper - lower)
    return max(low, lower - reach), min(high, upper + reach)


def roc_panel(found: Auroc) -> Panel:
    """The receiver operating characteristic beside that of a guess."""
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
        f"AUROC {found.area:.3f} ± {found.standard_error:.3f}",
        (0, 104),
    )
