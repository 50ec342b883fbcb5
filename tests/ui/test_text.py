"""Figures in prose."""

from __future__ import annotations

import pytest

from ui.text import digits


@pytest.mark.parametrize(
    ("value", "written"),
    [(3.5098, "3.51"), (465.4, "465"), (1224.0, "1,220"), (-2.5, "−2.5"), (0.0012345, "0.00123")],
)
def test_three_digits_are_written_out(value: float, written: str) -> None:
    assert digits(value) == written
