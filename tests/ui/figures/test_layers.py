"""The numbers that a visitor writes for the worked example."""

import numpy as np
import pytest

from ui.figures.layers import matrix, whole_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2; 3 4", [1, 2, 3, 4]),
        ("−1,0,\t-99;7 ", [-1, 0, -99, 7]),
        ("", []),
        ("1.5 2", []),
        ("1 x", []),
        ("100", []),
        ("٣", []),
        ("1;;2", [1, 2]),
    ],
)
def test_numbers_are_whole_and_small(text: str, expected: list[int]) -> None:
    assert whole_numbers(text) == expected


def test_long_numbers_do_not_touch() -> None:
    short, long = (matrix(np.array([[value, 1]]), title="x", side=30).html for value in (1, -1706))
    assert "repeat(2,30px)" in short
    assert "repeat(2,46px)" in long  # six pixels more than five characters
