"""The panels of the page Few labels."""

from __future__ import annotations

from collections.abc import Mapping

from ui.components.curves import Line, Panel
from ui.palette import AMBER, GREY, SYMBOL_COLOURS, VIOLET
from vae_core.measures.codes.few_labels import LabelErrors
from vae_core.measures.codes.label_curves import CLASSIFIERS, MU, PCA, PIXELS

COLOURS = {MU: SYMBOL_COLOURS["mu"], PCA: AMBER, PIXELS: GREY}

# by classifier and code, from the fewest labels to the most
Curves = dict[tuple[str, str], list[LabelErrors]]


def label_panels(found: Curves, by_m2: Mapping[int, float]) -> list[Panel]:
    """The errors in percent by number of labels: a panel a classifier, a line a code.

    by_m2: the errors of M2's own classifier, in percent, by the labels that it learned from.
    """
    highest = [100 * e.interval[1] for errors in found.values() for e in errors]
    panels, most = [], 1.05 * max(1.0, *highest, *by_m2.values())
    for name in CLASSIFIERS:
        lines = [
            Line(
                code,
                [errors.labels for errors in found[name, code]],
                [100 * errors.mean for errors in found[name, code]],
                colour,
                bars=[_percent(errors.interval) for errors in found[name, code]],
            )
            for code, colour in COLOURS.items()
            if (name, code) in found
        ]
        if by_m2:
            lines.append(Line("M2", list(by_m2), list(by_m2.values()), VIOLET))
        panels.append(Panel(name.capitalize(), lines, _note(lines), (0.0, most)))
    return panels


def _percent(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    return 100 * low, 100 * high


def _note(lines: list[Line]) -> str:
    """The error on mu with the most labels."""
    last = [f"μ {line.y[-1]:.1f}%" for line in lines if line.name == MU]
    return last[0] if last else ""
