"""Figures in prose."""

from __future__ import annotations

import pytest

from ui.numbers import digits, nats, percent


@pytest.mark.parametrize(
    ("value", "written"),
    [(3.5098, "3.51"), (465.4, "465"), (1224.0, "1,220"), (-2.5, "−2.5"), (0.0012345, "0.00123")],
)
def test_three_digits_are_written_out(value: float, written: str) -> None:
    assert digits(value) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0.0%"), (0.5, "50.0%"), (0.9985, "99.9%"), (0.9996, "more than 99.9%")],
)
def test_a_share_is_never_all(share: float, written: str) -> None:
    assert percent(share) == written


def test_a_mean_without_an_error_says_why():
    assert nats(-77.281, 0.5) == "−77.28 ± 0.50 nats"
    assert nats(-4667.721, 0.5) == "−4,667.72 ± 0.50 nats"
    said = "−77.28 nats (of one distinct code, so without an error)"
    assert nats(-77.281, float("nan")) == said
    assert nats(0.002, 1e-9) == "0.00 nats (all alike, so without an error)"
