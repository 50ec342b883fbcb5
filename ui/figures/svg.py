"""The figures that are drawn as SVG, and their text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LEAST = 12  # pixels of type on the screen, where the page's own has 16


def svg_drawing(
    parts: Sequence[str],
    width: float,
    height: float,
    *,
    label: str,
    type: int,
    left: float = 0,
) -> str:
    """The parts on a drawing of so many units, which are pixels where the page's type has 16.

    type: units of its smallest type. In little room the drawing shrinks until that has LEAST
    pixels, then it scrolls. label: the drawing in words, HTML; left: where it begins.
    """
    least = width * min(1.0, LEAST / type)
    return (
        f'<div role="img" aria-label="{label}" style="overflow-x:auto">'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} 0 {width:.0f} {height:.0f}" '
        f'style="width:{width / 16:.3f}rem;min-width:{least / 16:.3f}rem">{"".join(parts)}</svg>'
        "</div>"
    )


def svg_text(
    x: float,
    y: float,
    text: str,
    size: int,
    weight: int,
    colour: str = "currentColor",
    anchor: str = "middle",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )
