"""What the page Marginal p(x) says of its runs."""

import math

import pytest
import torch

from ui.figures.marginal import graphical_model_svg, lowest, running_panel, settled_text


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([[-1.0] * 4] * 3, "with the first draw"),
        ([[-9.0, -9.0, -9.0, 0.4]] * 3, "after 4 draws"),
        ([[-9.0] * 4, [-1.0] * 4, [-9.0] * 4], "not within 4 draws"),
    ],
)
def test_the_middle_run_says_when_it_has_settled(runs: list[list[float]], expected: str) -> None:
    assert settled_text(torch.tensor(runs).double(), -1.0) == expected


def test_a_panel_shows_the_runs_however_low_they_begin() -> None:
    weights = torch.tensor([[-math.inf, -3_000.0, -50.0, -50.0], [-60.0, -50.0, -50.0, -50.0]])
    low = lowest(weights.double(), -50.0)
    assert -150 <= low < -50
    panel = running_panel("prior", weights.double(), -50.0, "log p(x)", low)
    values = [y for line in panel.lines for y in line.y]
    assert all(map(math.isfinite, values)) and panel.y_range is not None
    assert panel.y_range[0] == low and panel.y_range[1] > -50
    middle = next(line for line in panel.lines if line.name == "middle run")
    assert middle.x == [1, 2, 3, 4] and middle.y[-1] == pytest.approx(-50.5, abs=0.5)


def test_the_graphical_model_has_both_kinds_of_arrows() -> None:
    drawn = graphical_model_svg("z to x")
    assert drawn.count('marker-end="url(#solid)"') == 3  # z to x, θ to z and to x
    assert drawn.count('marker-end="url(#inferred)"') == 2  # x to z, φ to z
    assert drawn.count("stroke-dasharray") == 2
