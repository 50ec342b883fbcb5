"""The divergences that the two Gaussians show, against torch.distributions and quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ui.components.two_gaussians import is_gaussian

Call = Callable[..., Any]
PAIRS = [((1.5, 0.6), (0.0, 1.0)), ((0.0, 0.2), (0.0, 4.0)), ((-4.0, 4.0), (4.0, 0.3))]


@pytest.mark.parametrize(("q", "p"), PAIRS)
def test_the_figure_is_the_divergence_and_the_area_is_the_figure(
    call: Call, q: tuple[float, float], p: tuple[float, float]
) -> None:
    a, b = ({"mu": mu, "sigma": sigma} for mu, sigma in (q, p))
    expected = float(kl_divergence(Normal(*map(torch.tensor, q)), Normal(*map(torch.tensor, p))))
    told = call("two_gaussians/kl.js", "({ divergence }, a, b) => divergence(a, b)", a, b)
    assert told == pytest.approx(expected, rel=1e-5)
    x = np.linspace(-40, 40, 8_001)
    values = call(
        "two_gaussians/kl.js",
        "({ integrand }, a, b, x) => x.map((at) => integrand(a, b, at))",
        *(a, b, x.tolist()),
    )
    assert np.trapezoid(values, x) == pytest.approx(expected, rel=1e-4)


def test_alike_is_zero_and_the_density_is_the_normal_one(call: Call) -> None:
    one = {"mu": -1.0, "sigma": 0.4}
    assert call("two_gaussians/kl.js", "({ divergence }, a) => divergence(a, a)", one) == 0
    told = call("two_gaussians/kl.js", "({ logDensity }, a) => logDensity(a, 0.3)", one)
    assert told == pytest.approx(float(Normal(-1.0, 0.4).log_prob(torch.tensor(0.3))), abs=1e-6)


@pytest.mark.parametrize(
    ("given", "sound"),
    [
        ([0, 1], True),
        ((-4.0, 0.2), True),
        ([0, 0.1], False),
        ([5, 1], False),
        ([float("nan"), 1], False),
        ([0, 1, 2], False),
        (["0", 1], False),
        (None, False),
    ],
)
def test_what_the_browser_or_a_link_gives_is_looked_at(given: object, sound: bool) -> None:
    assert is_gaussian(given) is sound
