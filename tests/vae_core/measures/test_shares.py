"""The interval of a share, the margin of a mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vae_core.measures.shares import (
    errors_over_parts,
    margin,
    no_margin,
    share_in_words,
    share_interval,
)


@pytest.mark.parametrize(("k", "n"), [(0, 20), (20, 20), (270, 360), (1, 1)])
def test_the_interval_is_wilsons_and_has_a_width_at_0_and_1_too(k: int, n: int) -> None:
    p, z = k / n, 1.959963984540054  # his formula
    middle, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    ends = [(middle + sign * half) / (1 + z**2 / n) for sign in (-1, 1)]
    low, high = share_interval(p, n)
    assert (low, high) == pytest.approx(ends, abs=1e-9)
    assert 0 <= low < high <= 1


def test_a_perfect_share_is_told_as_no_certainty() -> None:
    assert share_in_words(1.0, 20) == "1.000 (0.839 to 1.000)"
    assert share_in_words(0.0, 20) == "0.000 (0.000 to 0.161)"


def test_an_error_from_elsewhere_counts_as_fewer_images() -> None:
    p, n = 0.2, 400
    assert share_interval(p, n, error=math.nan) == share_interval(p, n)
    assert share_interval(0.0, n, error=0.0) == share_interval(0.0, n)
    as_much_again = math.sqrt(p * (1 - p) / n)
    assert share_interval(p, n, as_much_again) == pytest.approx(share_interval(p, n / 2))


def test_where_there_is_no_standard_error_no_margin_is_told() -> None:
    assert margin(0.123) == " ± 0.12"
    assert margin(None) == margin(math.nan) == margin(0.0) == ""
    assert "all alike" in no_margin(1e-9) and not no_margin(0.1) and not no_margin(None)


def test_errors_over_parts_are_those_of_other_rows() -> None:
    """Of a mean 1 / sqrt(n), of a deviation 1 / sqrt(2 n); the parts share no row."""
    found = {"mean": [], "deviation": []}
    for seed in range(200):
        values = np.random.default_rng(seed).standard_normal(400)
        errors = errors_over_parts(
            lambda rows, v=values: {"mean": v[rows].mean(), "deviation": v[rows].std()}, 400
        )
        for name, error in errors.items():
            found[name].append(error**2)
    assert np.sqrt(np.mean(found["mean"])) == pytest.approx(0.05, rel=0.15)
    assert np.sqrt(np.mean(found["deviation"])) == pytest.approx(0.05 / 2**0.5, rel=0.15)
    seen: list[int] = []
    errors_over_parts(lambda rows: seen.extend(rows) or {"": 0.0}, 11)
    assert sorted(seen) == list(range(11))
