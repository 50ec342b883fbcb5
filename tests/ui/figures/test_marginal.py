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
        ([[-9.0] * 4, [-1.0] * 4, [-9.0] * 4], "after more than 4 draws"),
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


@pytest.mark.parametrize("log_px", [-90.0, 3_600.0])
def test_runs_stand_at_their_own_height_whatever_the_sign(log_px: float) -> None:
    """Of grey pixels p(x) is a density: its logarithm may be thousands above 0."""
    weights = log_px + torch.tensor([[-math.inf, -20.0, -4.0, 0.0]] * 3).double()
    panel = running_panel("q", weights, log_px, "log p(x)", lowest(weights, log_px))
    middle = next(line for line in panel.lines if line.name == "middle run")
    assert panel.y_range is not None and middle.y[0] < panel.y_range[0]  # below its foot
    assert middle.y[1] == pytest.approx(log_px - 20 - math.log(2))
    assert middle.y[-1] == pytest.approx(log_px - math.log(4), abs=0.1)


def test_the_graphical_model_has_both_kinds_of_arrows() -> None:
    drawn = graphical_model_svg("z to x")
    assert drawn.count('marker-end="url(#solid)"') == 3  # z to x, θ to z and to x
    assert drawn.count('marker-end="url(#inferred)"') == 2  # x to z, φ to z
    assert drawn.count("stroke-dasharray") == 2
