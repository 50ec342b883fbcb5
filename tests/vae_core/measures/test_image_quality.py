"""PSNR and SSIM, beside their definitions and constructed images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal.windows import gaussian
from torch import Tensor

from vae_core.errors import DataError
from vae_core.measures.image_quality import psnr, ssim


@pytest.fixture()
def pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand((3, 3, 17, 14), generator=generator)
    noise = 0.2 * torch.randn(reference.shape, generator=generator)
    return (reference + noise).clamp(0, 1), reference


def ssim_by_loops(x: np.ndarray, y: np.ndarray, side: int) -> float:
    """Equations 13 to 17 of Wang et al. (2004) for one channel, window by window."""
    window = np.outer(gaussian(side, 1.5), gaussian(side, 1.5))
    window /= window.sum()
    found = []
    for top in range(x.shape[0] - side + 1):
        for left in range(x.shape[1] - side + 1):
            a, b = (image[top : top + side, left : left + side] for image in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a = (window * (a - mean_a) ** 2).sum()
            var_b = (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 0.01**2, 0.03**2
            luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            found.append(luminance * (2 * covariance + c2) / (var_a + var_b + c2))
    return float(np.mean(found))


def test_psnr_is_of_the_mean_square(pair: tuple[Tensor, Tensor]) -> None:
    image, reference = (part.double().numpy() for part in pair)
    expected = [
        10 * math.log10(1 / np.mean((a - b) ** 2)) for a, b in zip(image, reference, strict=True)
    ]
    assert psnr(*pair).numpy() == pytest.approx(expected)
    apart = torch.full((1, 1, 4, 4), 0.1)
    assert float(psnr(apart, torch.zeros_like(apart))) == pytest.approx(20)


def test_ssim_is_that_of_the_loop_over_windows(pair: tuple[Tensor, Tensor]) -> None:
    expected = [
        np.mean([ssim_by_loops(a, b, 11) for a, b in zip(image, reference, strict=True)])
        for image, reference in zip(*(part.double().numpy() for part in pair), strict=True)
    ]
    assert ssim(*pair).numpy() == pytest.approx(expected, abs=1e-10)


def test_a_small_image_has_the_largest_window_that_fits(pair: tuple[Tensor, Tensor]) -> None:
    image, reference = (part[:1, :1, :8, :8] for part in pair)
    a, b = (part[0, 0].double().numpy() for part in (image, reference))
    assert float(ssim(image, reference)) == pytest.approx(ssim_by_loops(a, b, 7), abs=1e-10)


def test_an_image_is_its_own_best_match(pair: tuple[Tensor, Tensor]) -> None:
    image, reference = pair
    assert torch.isinf(psnr(reference, reference)).all()
    assert ssim(reference, reference).numpy() == pytest.approx(1)
    assert (ssim(image, reference) < 1).all()
    constant = torch.zeros(1, 1, 20, 20)
    assert float(ssim(constant, constant)) == pytest.approx(1)
    inverted = 1 - reference
    assert (ssim(inverted, reference) < 0).all()


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="cannot be set beside"):
        psnr(torch.zeros(2, 1, 8, 8), torch.zeros(1, 1, 8, 8))
