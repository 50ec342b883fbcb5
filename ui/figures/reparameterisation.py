"""The reparameterisation trick as a graph: one draw forwards, its gradient backwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ui.components.figure import Table, figure
from ui.figures.svg import svg_drawing, svg_text
from ui.numbers import decimal
from ui.palette import GREY, SYMBOL_COLOURS, is_dark

LEFT, WIDTH, HEIGHT = 18, 838, 256  # as wide as a page beside a lesson on a screen of 1024
TYPE = 15  # units of the smallest type
BACKWARDS = "#C2410C"
BACKWARDS_DARK = "#FB923C"
SHOWN = 2  # coordinates


@dataclass(frozen=True)
class Draw:
    """One draw for one image: vectors (d,), and log p(x given z) in nats.

    dz, dmu, dlogvar: the gradient of log p(x given z).
    """

    mu: Sequence[float]
    sigma: Sequence[float]
    eps: Sequence[float]
    z: Sequence[float]
    log_px_z: float
    dz: Sequence[float]
    dmu: Sequence[float]
    dlogvar: Sequence[float]


def show_draw(draw: Draw) -> None:
    """The graph in the page, with the figures of this draw."""
    words = (
        f"Forwards: epsilon {_vector(draw.eps)}, z = mu + sigma times epsilon = {_vector(draw.z)}, "
        f"log p(x given z) = {decimal(draw.log_px_z, '.1f')}. Backwards: gradient in z "
        f"{_vector(draw.dz, 0)}, in mu {_vector(draw.dmu, 0)}, in log sigma squared "
        f"{_vector(draw.dlogvar, 1)}."
    )
    drawn = draw_svg(draw, label=words, dark=is_dark())
    figure(
        drawn,
        key="draw",
        name="reparameterisation",
        table=Table(
            ("dimension", "mu", "sigma", "epsilon", "z", "dz", "dmu", "dlogvar"),
            [
                (k, *map(float, values))
                for k, values in enumerate(
                    zip(
                        draw.mu,
                        draw.sigma,
                        draw.eps,
                        draw.z,
                        draw.dz,
                        draw.dmu,
                        draw.dlogvar,
                        strict=True,
                    ),
                    1,
                )
            ],
        ),
    )


def draw_svg(draw: Draw, *, label: str, dark: bool) -> str:
    """An SVG: grey arrows forwards with values above, orange ones backwards with gradients."""
    back = BACKWARDS_DARK if dark else BACKWARDS
    mu, sigma, eps, z = (SYMBOL_COLOURS[name] for name in ("mu", "sigma", "eps", "z"))
    y_mu, y_z, y_eps = 48, 118, 226
    parts = [
        f"<style>.forwards {{ stroke: {GREY} }} .backwards {{ stroke: {back} }}</style>",
        _marker("forwards", GREY),
        _marker("backwards", back),
        _box(20, y_z, 92, "encoder", GREY),
        _node(210, y_mu, "μ", mu, _vector(draw.mu)),
        _node(210, y_z, "σ", sigma, _vector(draw.sigma)),
        _node(210, y_eps, "ε", eps, f"{_vector(draw.eps)}  drawn from N(0, I)", wide=True),
        _node(470, y_z, "z", z, ""),
        svg_text(560, y_z - 30, f"μ + σ ⊙ ε = {_vector(draw.z)}", TYPE, 400),
        _box(640, y_z, 92, "decoder", GREY),
        svg_text(816, y_z - 30, "log p(x|z)", 15, 600),
        svg_text(816, y_z + 5, decimal(draw.log_px_z, ".1f"), 16, 600),
        svg_text(816, y_z + 24, "nats", TYPE, 400),
        _arrow(112, y_z - 8, 190, y_mu + 6),
        _arrow(112, y_z, 190, y_z),
        _arrow(230, y_mu + 4, 452, y_z - 14),
        _arrow(230, y_z, 450, y_z),
        _arrow(230, y_eps - 4, 464, y_z + 20),
        _arrow(490, y_z, 638, y_z),
        _arrow(732, y_z, 786, y_z),
        _arrow(786, y_z + 14, 734, y_z + 14, back=True),
        _arrow(638, y_z + 14, 494, y_z + 14, back=True),
        _arrow(447, y_z - 26, 236, y_mu - 8, back=True),
        _arrow(448, y_z + 11, 232, y_z + 11, back=True),
        _arrow(190, y_mu + 17, 114, y_z + 3, back=True),
        _arrow(190, y_z + 11, 114, y_z + 12, back=True),
        svg_text(570, y_z + 36, f"∂/∂z = {_vector(draw.dz, 0)}", TYPE, 600, back),
        svg_text(372, y_mu - 12, f"∂/∂μ = ∂/∂z · 1 = {_vector(draw.dmu, 0)}", TYPE, 600, back),
        svg_text(
            312, y_z + 33, f"∂/∂log σ² = ∂/∂z · ½σε = {_vector(draw.dlogvar, 1)}", TYPE, 600, back
        ),
    ]
    return svg_drawing(parts, WIDTH, HEIGHT, label=label, type=TYPE, left=LEFT)


def _vector(values: Sequence[float], digits: int = 2) -> str:
    texts = [decimal(value, f".{digits}f") for value in values[:SHOWN]]
    more = ", …" if len(values) > SHOWN else ""
    return f"({', '.join(texts)}{more})" if len(values) > 1 else texts[0]


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


def _arrow(x0: float, y0: float, x1: float, y1: float, *, back: bool = False) -> str:
    name = "backwards" if back else "forwards"
    dash = ' stroke-dasharray="6 4"' if back else ""
    return (
        f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" class="{name}" stroke-width="2"{dash} '
        f'marker-end="url(#{name})"/>'
    )


def _box(x: float, y: float, width: float, text: str, colour: str) -> str:
    return (
        f'<rect x="{x}" y="{y - 20}" width="{width}" height="40" rx="8" fill="{colour}" '
        f'fill-opacity="0.18" stroke="{colour}"/>{svg_text(x + width / 2, y + 5, text, TYPE, 500)}'
    )


def _node(x: float, y: float, symbol: str, colour: str, value: str, *, wide: bool = False) -> str:
    place = (x + 28, y + 5, "start") if wide else (x, y - 24, "middle")
    return (
        f'<circle cx="{x}" cy="{y}" r="18" fill="{colour}"/>'
        f"{svg_text(x, y + 6, symbol, 17, 700, '#ffffff')}"
        f"{svg_text(place[0], place[1], value, TYPE, 400, anchor=place[2])}"
    )
