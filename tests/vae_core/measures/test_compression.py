"""Bits and quality of quantised codes, on codes and images whose answers are known."""

import math

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from tests.vae_core.arrays import normal
from vae_core.errors import ConfigError, DataError
from vae_core.latent.projections import principal_components
from vae_core.measures.compression import (
    coded,
    entropy_bits,
    jpeg,
    nearest_in_bits,
    png_bits,
    prior_bits,
    quantise,
    steps,
)


def smooth_images(n: int, channels: int = 1, height: int = 12, width: int = 20) -> torch.Tensor:
    """Gradients, which JPEG likes."""
    slope = torch.linspace(0, 1, width).expand(n, channels, height, width).clone()
    return slope * torch.linspace(0.2, 1, n)[:, None, None, None]


def test_equal_symbols_have_the_entropy_of_their_number() -> None:
    symbols = torch.stack([torch.arange(64) % 8, torch.zeros(64).long(), torch.arange(64)], 1)
    assert entropy_bits(symbols).tolist() == pytest.approx([3, 0, 6])


def test_the_entropy_of_finely_quantised_normals_is_theirs_less_log_step() -> None:
    """H(round(z / step)) -> h(z) - log2 step (Cover & Thomas 2006, theorem 8.3.1)."""
    z, step = normal(200_000, 1), 0.25
    differential = scipy.stats.norm.entropy() / math.log(2)
    bits = entropy_bits(quantise(z, step)).item()
    assert bits == pytest.approx(differential - math.log2(step), abs=0.01)
    assert prior_bits(quantise(z, step), step).item() == pytest.approx(bits, abs=0.01)


def test_codes_unlike_the_prior_cost_what_scipy_says() -> None:
    symbols, step = torch.tensor([[0], [3], [-7], [40]]), 0.5
    z = step * symbols.double().abs().numpy()
    mass = scipy.stats.norm.sf(z - step / 2) - scipy.stats.norm.sf(z + step / 2)
    expected = -torch.from_numpy(mass).log2().mean().item()
    assert prior_bits(symbols, step).item() == pytest.approx(expected, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 3), st.floats(-1, 1), st.floats(0.2, 2))
def test_under_the_prior_codes_never_cost_less_than_their_entropy(
    step: float, shift: float, scale: float
) -> None:
    symbols = quantise(shift + scale * normal(500, 2), step)
    assert bool((prior_bits(symbols, step) >= entropy_bits(symbols) - 1e-9).all())


@given(st.floats(0.01, 5))
def test_rounding_moves_a_code_by_half_a_step_at_most(step: float) -> None:
    z = normal(50, 3).double()
    assert float((step * quantise(z, step) - z).abs().max()) <= step / 2 * (1 + 1e-9)


def test_what_decodes_exactly_is_judged_so() -> None:
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    codes = torch.arange(6.0)[:, None]
    exact = coded(codes, lambda z: images[z[:, 0].long()], images, 1.0)
    assert (exact.psnr, exact.ssim) == (math.inf, pytest.approx(1))
    assert exact.bits == pytest.approx(math.log2(6))
    coarse = coded(codes, lambda z: images[z[:, 0].long().clamp_max(5)], images, 4.0)
    assert coarse.bits < exact.bits
    assert coarse.psnr < 30


def test_the_components_are_scikit_learns_and_all_of_them_lose_nothing() -> None:
    x = torch.rand(40, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    found = principal_components(x, 64)
    assert found.axes.shape == (12, 12)
    torch.testing.assert_close(found.decode(found.encode(x), (1, 3, 4)), x, atol=1e-5, rtol=0)
    fit = PCA(3).fit(x.flatten(1).numpy())
    theirs = fit.transform(x.flatten(1).numpy())
    leading = fit.inverse_transform(theirs).clip(0, 1).reshape(x.shape)
    again = found.decode(found.encode(x)[:, :3], (1, 3, 4))
    torch.testing.assert_close(again, torch.from_numpy(leading).float(), atol=1e-5, rtol=0)
    ours = principal_components(x, 3).encode(x)
    torch.testing.assert_close(ours.abs(), torch.from_numpy(theirs).abs(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_gives_each_image_back_in_its_place(channels: int) -> None:
    images = smooth_images(11, channels)
    fine, rough = jpeg(images, 95), jpeg(images, 5)
    assert fine.images.shape == images[:10].shape
    assert fine.psnr > 35 > rough.psnr
    assert fine.bits > rough.bits
    assert float((fine.images - images[:10]).abs().max()) < 0.06


def test_an_image_costs_as_much_among_few_as_among_many() -> None:
    one = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(4))
    bits = [jpeg(one.expand(n, -1, -1, -1), 75).bits for n in (60, 61, 71)]
    assert bits == pytest.approx([bits[0]] * 3, rel=0.01)


@pytest.mark.parametrize("side", [24, 32])
def test_no_image_shows_in_its_neighbour(side: int) -> None:
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(6, 3, side, side, generator=generator)
    others = torch.cat([images[:1], torch.rand(5, 3, side, side, generator=generator)])
    assert torch.equal(jpeg(images, 75).images[0], jpeg(others, 75).images[0])


def test_more_images_than_a_sheet_holds_come_back_in_their_places() -> None:
    images = smooth_images(1_100, height=64, width=8)
    both = [jpeg(part, 95) for part in (images, images[1_023:])]
    assert both[0].psnr > 35
    assert both[0].bits == pytest.approx(both[1].bits, rel=0.2)


def test_png_needs_next_to_nothing_for_a_constant_and_all_for_noise() -> None:
    noise = torch.rand(50, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    assert png_bits(torch.full((50, 1, 16, 16), 0.5)) < 40
    assert png_bits(noise) > 16 * 16 * 7.9


def test_steps_follow_the_largest_deviation() -> None:
    codes = torch.cat([4 * normal(5_000, 1), 0.1 * normal(5_000, 1, seed=1)], 1)
    found = steps(codes, finest=-1, coarsest=1)
    assert found == sorted(found)
    assert found[2] == pytest.approx(4, rel=0.05)
    assert found[-1] / found[0] == pytest.approx(4, rel=0.1)


def test_nearest_in_bits_goes_by_the_ratio() -> None:
    results = [jpeg(smooth_images(4), quality) for quality in (5, 50, 95)]
    assert nearest_in_bits(results, results[1].bits * 1.01) is results[1]
    assert nearest_in_bits(results, 0) is min(results, key=lambda result: result.bits)


def test_what_cannot_be_quantised_is_refused() -> None:
    with pytest.raises(ConfigError, match="step"):
        quantise(torch.zeros(2, 1), 0.0)
    with pytest.raises(DataError, match="the same"):
        steps(torch.ones(9, 2))
