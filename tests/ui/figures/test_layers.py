"""The numbers that a visitor writes for the worked example."""

import pytest

from ui.figures.layers import whole_numbers


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
