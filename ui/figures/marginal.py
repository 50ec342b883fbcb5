"""The panels of the page Marginal p(x), and the graphical model behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ui.components.curves import Line, Panel
from ui.components.figure import figure
from ui.figures.svg import svg_drawing, svg_text
from ui.palette import GREY, SKY, SYMBOL_COLOURS, VIOLET
from vae_core.measures.likelihood.monte_carlo import draws_until_settled, running_log_mean

if TYPE_CHECKING:
    from torch import Tensor

POINTS = 120  # of a line
DEEPEST = 100.0  # nats below log p(x) that are shown
WIDTH, HEIGHT = 330, 250


def settled_text(log_weights: Tensor, log_px: float) -> str:
    """After how many draws the middle one of the runs (runs, K) has settled, in words."""
    estimates, n = running_log_mean(log_weights), log_weights.shape[1]
    counts = sorted(draws_until_settled(run, log_px) or n + 1 for run in estimates)
    middle = counts[(len(counts) - 1) // 2]
    if middle > n:
        return f"after more than {n:,} draws"
    return f"after {middle:,} draws" if middle > 1 else "with the first draw"


def running_panel(title: str, log_weights: Tensor, log_px: float, name: str, low: float) -> Panel:
    """log of the mean weight over the draws so far of every run (runs, K), beside log p(x).

    name: of log p(x). low: where the panel begins, in nats, see `lowest`.
    """
    estimates = running_log_mean(log_weights)
    kept = (
        torch.logspace(0, 1, POINTS, base=log_weights.shape[1]).round().long().unique() - 1
    ).tolist()
    draws = [k + 1 for k in kept]
    shown = estimates[:, kept].clamp_min(low - DEEPEST)  # −∞ is no place on a screen
    middle, edges = shown.median(0).values, (shown.amin(0), shown.amax(0))
    return Panel(
        title,
        [
            *(Line("lowest and highest run", draws, e.tolist(), SKY, faint=True) for e in edges),
            Line("middle run", draws, middle.tolist(), SKY),
            Line(name, [1, draws[-1]], [log_px, log_px], VIOLET, dashed=True),
        ],
        f"settles {settled_text(log_weights, log_px)}",
        y_range=(low, log_px + 0.08 * (log_px - low)),
    )


def lowest(log_weights: Tensor, log_px: float) -> float:
    """Where both panels begin: what one draw in ten of the prior's runs gives, and no deeper."""
    start = float(running_log_mean(log_weights)[:, :10].median())
    return max(min(start, log_px - 5), log_px - DEEPEST)


def show_graphical_model() -> None:
    """The directed graphical model of a VAE (Kingma & Welling 2014, figure 1)."""
    words = (
        "z with an arrow to x, solid: p(z) p(x given z), with theta; an arrow from x to z, dashed: "
        "q(z given x), with phi; a plate around both, N times."
    )
    figure(
        graphical_model_svg(words),
        key="graphical-model",
        name="graphical-model",
    )


def graphical_model_svg(words: str) -> str:
    """An SVG in the page's ink: solid what generates, dashed what infers, a plate around both.

    words: what it shows.
    """
    z, x = (165, 66), (165, 176)
    sigma = SYMBOL_COLOURS["sigma"]
    parts = [
        "<defs>",
        *(
            f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
            for name, colour in (("solid", "currentColor"), ("inferred", sigma))
        ),
        "</defs>",
        '<rect x="85" y="22" width="160" height="216" rx="10" fill="none" stroke="currentColor" '
        'stroke-opacity="0.6"/>',
        svg_text(231, 228, "N", 15, 600),
        _node(*z, "z", SYMBOL_COLOURS["z"]),
        _node(*x, "x", GREY),
        svg_text(34, 71, "φ", 18, 600, sigma),
        svg_text(296, 126, "θ", 18, 600),
        _way(f"M{z[0] + 7} {z[1] + 23} L{x[0] + 7} {x[1] - 24}"),
        _way(f"M{x[0] - 17} {x[1] - 16} C118 140 118 102 {z[0] - 18} {z[1] + 16}", inferred=True),
        _way(f"M46 67 L{z[0] - 24} {z[1]}", inferred=True),
        _way(f"M286 124 L{x[0] + 22} {x[1] - 10}"),
        _way(f"M286 116 L{z[0] + 22} {z[1] + 9}"),
        svg_text(182, 126, "p(x|z)", 13, 500, anchor="start"),
        svg_text(124, 126, "q(z|x)", 13, 500, sigma, anchor="end"),
        svg_text(165, 38, "p(z)", 13, 500),
    ]
    return svg_drawing(parts, WIDTH, HEIGHT, label=words, type=13)


def _node(x: float, y: float, symbol: str, colour: str) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="22" fill="{colour}"/>'
        f"{svg_text(x, y + 6, symbol, 18, 700, '#ffffff')}"
    )


def _way(path: str, *, inferred: bool = False) -> str:
    name, colour = ("inferred", SYMBOL_COLOURS["sigma"]) if inferred else ("solid", "currentColor")
    dash = ' stroke-dasharray="6 4"' if inferred else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash} '
        f'marker-end="url(#{name})"/>'
    )
