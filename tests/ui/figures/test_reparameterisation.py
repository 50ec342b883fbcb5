"""The graph of one draw."""

import re

from ui.figures.reparameterisation import TYPE, WIDTH, Draw, draw_svg

LINE = r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" class="forwards"'
WIDE = 0.46 * TYPE  # of a character, on average


def test_the_gradient_of_log_variance_stands_clear_of_the_way_from_epsilon() -> None:
    two = (-1.25, -0.75)
    draw = Draw(
        mu=two, sigma=two, eps=two, z=two, log_px_z=-170.0, dz=two, dmu=two, dlogvar=(-12.3, -10.4)
    )
    drawn = draw_svg(draw, label="a draw", dark=False)
    ((x, y, words),) = re.findall(r'x="([\d.]+)" y="([\d.]+)"[^>]*>(∂/∂log σ² [^<]*)<', drawn)
    lines = [tuple(map(float, line)) for line in re.findall(LINE, drawn)]
    x0, y0, x1, y1 = max(lines, key=lambda line: line[1])  # begins lowest: at ε
    there = x0 + (float(y) + 4 - y0) / (y1 - y0) * (x1 - x0)
    assert float(x) + len(words) * WIDE / 2 < there - TYPE / 2


def test_beside_a_lesson_on_a_projector_the_whole_graph_is_seen() -> None:
    """At 1024 pixels the page is 672 wide there, and no type is smaller than 12."""
    assert WIDTH * 12 / TYPE <= 672
