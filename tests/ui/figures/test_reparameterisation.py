"""The graph of one draw, in little room."""

import re

from ui.figures.reparameterisation import Draw, draw_svg

ROOM = 672  # pixels of a page beside a lesson, on a screen of 1024


def test_on_a_projector_the_graph_is_whole_beside_a_lesson() -> None:
    two = (0.0, 0.0)
    drawn = draw_svg(Draw(two, two, two, two, -21.5, two, two, two), label="a draw", dark=False)
    least = re.search(r"min-width:([\d.]+)rem", drawn)
    assert least is not None and 16 * float(least[1]) <= ROOM
