"""The picture of a network: data, encoder, latent plane, decoder, image."""

from __future__ import annotations

import math

from ui.components.figure import figure
from ui.figures.svg import svg_drawing, svg_text
from ui.palette import GREY, SYMBOL_COLOURS
from vae_core.models.architecture import Architecture
from vae_core.models.cost import Shape

BAR, GAP, HEIGHT = 16, 48, 172
MIDDLE = 76


def show_network(network: Architecture, *, variational: bool) -> None:
    """Draw the network in the page."""
    drawn = network_svg(network, variational=variational)
    figure(
        drawn,
        key="network",
        name="network",
    )


def network_svg(network: Architecture, *, variational: bool) -> str:
    """An SVG in the page's ink and letters; bars are layers, as high as the logarithm of units."""
    code = "μ, σ" if variational else "μ"
    latent: Shape = (network.latent_dim,)
    columns: list[tuple[Shape, str, str, str]] = []
    if network.encoder is not None:
        columns += [
            (network.image_shape, "x", "data", GREY),
            *((shape, "", "", GREY) for shape in network.encoder),
            (latent, code, "", SYMBOL_COLOURS["mu"]),
        ]
    columns += [
        (latent, "z", "latent", SYMBOL_COLOURS["z"]),
        *((shape, "", "", GREY) for shape in network.decoder[:-1]),
        (network.image_shape, "x̂", "image", GREY),
    ]
    widest = math.log1p(max(math.prod(shape) for shape, *_ in columns))
    parts, x = [], GAP / 2
    previous: tuple[float, float] | None = None
    for shape, symbol, caption, colour in columns:
        half = max(5.0, 52 * math.log1p(math.prod(shape)) / widest)
        if previous is not None:
            left, left_half = previous
            parts.append(
                f'<polygon points="{left:.0f},{MIDDLE - left_half:.1f} {x:.0f},{MIDDLE - half:.1f} '
                f'{x:.0f},{MIDDLE + half:.1f} {left:.0f},{MIDDLE + left_half:.1f}" '
                'fill="currentColor" opacity="0.07"/>'
            )
        parts.append(
            f'<rect x="{x:.0f}" y="{MIDDLE - half:.1f}" width="{BAR}" height="{2 * half:.1f}" '
            f'rx="3" fill="{colour}"/>'
        )
        centre = x + BAR / 2
        parts.append(svg_text(centre, MIDDLE - half - 7, symbol, 14, 600))
        parts.append(svg_text(centre, MIDDLE + half + 15, _size(shape), 12, 400))
        parts.append(svg_text(centre, HEIGHT - 4, caption, 12, 400))
        previous = (x + BAR, half)
        x += BAR + GAP
    before = 0 if network.encoder is None else len(network.encoder) + 2  # columns left of z
    places = {"decoder" if before else "generator": before + len(network.decoder) / 2}
    if before:
        places["encoder"] = (before - 1) / 2
    for name, position in places.items():
        parts.append(
            svg_text(GAP / 2 + BAR / 2 + position * (BAR + GAP), HEIGHT - 4, name, 12, 600)
        )
    width = x - GAP / 2
    return svg_drawing(parts, width, HEIGHT, label=describe(network), type=12)


def describe(network: Architecture) -> str:
    """The network in a line, for screen readers and captions."""
    to_image = " → ".join(map(_size, network.decoder))
    from_code = f"z ({network.latent_dim}) → {to_image}"
    if network.encoder is None:
        return from_code
    return f"{' → '.join(map(_size, (network.image_shape, *network.encoder)))} → {from_code}"


def _size(shape: Shape) -> str:
    if len(shape) == 1:
        return str(shape[0])
    channels, height, width = shape
    return f"{height}×{width}" if channels == 1 else f"{height}×{width}×{channels}"
