"""Text in the figures that are drawn as SVG."""

from __future__ import annotations

from html import escape


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
