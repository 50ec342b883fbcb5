"""Ends of a way, as they are typed."""

from __future__ import annotations

import pytest

from live.models import open_model
from ui.view.ends import parse_typed_end


@pytest.mark.parametrize(
    ("text", "z"),
    [
        ("0.5,-1.2", (0.5, -1.2)),
        ("0.5, -1.2", (0.5, -1.2)),
        ("1,2", (1, 2)),
        ("0,5; -1,2", (0.5, -1.2)),
        ("z = (0,5 −1,2)", (0.5, -1.2)),
        ("1; 2", (1, 2)),
    ],
)
def test_a_typed_z_may_have_decimal_commas_where_something_else_parts_its_numbers(
    text: str, z: tuple[float, float]
) -> None:
    end = parse_typed_end(open_model("digits-2d"), text)
    assert end is not None
    assert end.z == z


def test_blanks_do_not_make_four_numbers_of_two_with_decimal_commas() -> None:
    assert parse_typed_end(open_model("sprites-6d"), "0,5 1,5 2,5") is None
