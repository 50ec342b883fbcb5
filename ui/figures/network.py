"""The picture of a network: data, encoder, latent plane, decoder, image."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ui.components.figure import figure
from ui.figures.svg import svg_drawing, svg_text
from ui.palette import GREY, SYMBOL_COLOURS
from vae_core.models.architecture import Architecture
from vae_core.models.cost import Shape

BAR, GAP, HEIGHT = 16, 48, 172
MIDDLE = 76
BESIDE = '<div style="display:flex;flex-wrap:wrap;row-gap:0.75rem">{}</div>'

Column = tuple[Shape, str, str, str]  # its shape, its symbol, what it is called, its colour


def show_network(network: Architecture, *, variational: bool) -> None:
    """Draw the network in the page."""
    drawn = network_svg(network, variational=variational)
    figure(
        drawn,
        key="network",
        name="network",
    )


def network_svg(network: Architecture, *, variational: bool) -> str:
    """SVG in the page's ink and letters; bars are layers, as high as the logarithm of units.

    The encoder is a drawing of its own, beside the decoder's or, on a phone, above it.
    """
    code = "μ, σ" if variational else "μ"
    latent: Shape = (network.latent_dim,)
    decoder: list[Column] = [
        (latent, "z", "latent", SYMBOL_COLOURS["z"]),
        *((shape, "", "", GREY) for shape in network.decoder[:-1]),
        (network.image_shape, "x̂", "image", GREY),
    ]
    if network.encoder is None:
        return _half(decoder, "generator", _widest(decoder))
    encoder: list[Column] = [
        (network.image_shape, "x", "data", GREY),
        *((shape, "", "", GREY) for shape in network.encoder),
        (latent, code, "", SYMBOL_COLOURS["mu"]),
    ]
    widest = _widest([*encoder, *decoder])
    halves = (
        _half(encoder, "encoder", widest, after=True),
        _half(decoder, "decoder", widest, before=True),
    )
    return BESIDE.format("".join(halves))


def _widest(columns: Sequence[Column]) -> float:
    return math.log1p(max(math.prod(shape) for shape, *_ in columns))


def _half(
    columns: Sequence[Column],
    name: str,
    widest: float,
    *,
    before: bool = False,
    after: bool = False,
) -> str:
    """One way through the network. before, after: whether another half is joined to it there."""
    parts, x = [], GAP / 2
    left, left_half = (0.0, _half_height(columns[0], widest)) if before else (x, 0.0)
    for k, column in enumerate(columns):
        shape, symbol, caption, colour = column
        half = _half_height(column, widest)
        if k or before:
            parts.append(_between(left, left_half, x, half))
        parts.append(
            f'<rect x="{x:.0f}" y="{MIDDLE - half:.1f}" width="{BAR}" height="{2 * half:.1f}" '
            f'rx="3" fill="{colour}"/>'
        )
        centre = x + BAR / 2
        parts.append(svg_text(centre, MIDDLE - half - 7, symbol, 14, 600))
        parts.append(svg_text(centre, MIDDLE + half + 15, _size(shape), 12, 400))
        parts.append(svg_text(centre, HEIGHT - 4, caption, 12, 400))
        left, left_half = x + BAR, half
        x += BAR + GAP
    width = x - GAP / 2
    if after:
        parts.append(_between(left, left_half, width, left_half))
    parts.append(svg_text(width / 2, HEIGHT - 4, name, 12, 600))
    words = " → ".join(f"{symbol} {_size(shape)}".strip() for shape, symbol, *_ in columns)
    return svg_drawing(parts, width, HEIGHT, label=f"{name}: {words}", type=12)


def _between(left: float, left_half: float, right: float, right_half: float) -> str:
    """What joins a layer to the next."""
    return (
        f'<polygon points="{left:.0f},{MIDDLE - left_half:.1f} {right:.0f},'
        f"{MIDDLE - right_half:.1f} {right:.0f},{MIDDLE + right_half:.1f} "
        f'{left:.0f},{MIDDLE + left_half:.1f}" fill="currentColor" opacity="0.07"/>'
    )


def _half_height(column: Column, widest: float) -> float:
    return max(5.0, 52 * math.log1p(math.prod(column[0])) / widest)


def _size(shape: Shape) -> str:
    if len(shape) == 1:
        return str(shape[0])
    channels, height, width = shape
    return f"{height}×{width}" if channels == 1 else f"{height}×{width}×{channels}"
