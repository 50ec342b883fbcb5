"""How far a drawing leans, on drawings of which that is known."""

from __future__ import annotations

import pytest
import torch

from vae_core.errors import DataError
from vae_core.measures.slant import slant


def bar(shear: float, size: int = 41) -> torch.Tensor:
    """A stroke that goes `shear` columns to the right for each row higher up, (1, size, size)."""
    image = torch.zeros(1, size, size)
    middle = size // 2
    for y in range(5, size - 5):
        x = middle + shear * (middle - y)
        low = int(x)
        image[0, y, low], image[0, y, low + 1] = 1 - (x - low), x - low
    return image


@pytest.mark.parametrize("shear", [-0.8, -0.25, 0.0, 0.5, 0.9])
def test_a_sheared_stroke_leans_by_its_shear(shear: float) -> None:
    assert slant(bar(shear)) == pytest.approx(shear, abs=1e-5)
    assert slant(3 * bar(shear).expand(3, -1, -1)) == pytest.approx(shear, abs=1e-5)
    assert slant(bar(shear).flip(2)) == pytest.approx(-shear, abs=1e-5)


def test_what_has_no_height_does_not_lean() -> None:
    assert slant(torch.zeros(1, 8, 8)) == 0
    row = torch.zeros(1, 8, 8)
    row[0, 3] = 1
    assert slant(row) == 0
    with pytest.raises(DataError, match=r"\(8, 8\)"):
        slant(torch.zeros(8, 8))
