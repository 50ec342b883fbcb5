"""The parts of the KL on posteriors whose aggregate is known."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch

from tests.vae_core.arrays import latents_of, normal
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.elbo_surgery import split_kl


def test_the_parts_add_up_to_the_kl() -> None:
    posteriors = latents_of(normal(500, 4), 0.5 * normal(500, 4, seed=1) - 2)
    parts = split_kl(posteriors, samples=500)
    assert parts.kl == pytest.approx(parts.mutual_information + parts.aggregate_kl)
    assert parts.aggregate_kl == pytest.approx(parts.total_correlation + sum(parts.dimension_kl))
    assert abs(parts.kl - posteriors.kl.mean().item()) < 4 * parts.kl_se
    assert (parts.images, parts.samples, len(parts.dimension_kl)) == (500, 500, 4)


def test_of_a_collapsed_model_nothing_is_left() -> None:
    parts = split_kl(latents_of(torch.zeros(300, 3), 0.0))
    for figure in (parts.kl, parts.mutual_information, parts.total_correlation):
        assert figure == pytest.approx(0, abs=1e-5)
    assert parts.dimension_kl == pytest.approx([0, 0, 0], abs=1e-5)


def test_codes_far_apart_tell_which_image_it_was() -> None:
    codes = torch.cartesian_prod(torch.arange(16.0), torch.arange(16.0))
    parts = split_kl(latents_of(codes, -9.0))
    assert parts.mutual_information == pytest.approx(math.log(256), abs=1e-4)
    assert parts.total_correlation == pytest.approx(0, abs=1e-4)  # a full grid is independent


def test_a_duplicated_code_shares_all_it_tells() -> None:
    """z_2 = z_1 on 32 far values: I(z_1; z_2) = log 32, as each alone tells."""
    code = torch.arange(32.0)
    parts = split_kl(latents_of(torch.stack([code, code], 1), -9.0))
    assert parts.mutual_information == pytest.approx(math.log(32), abs=1e-4)
    assert parts.total_correlation == pytest.approx(math.log(32), abs=1e-4)


def test_a_gaussian_aggregate_has_its_closed_form() -> None:
    """q(z) = N(0, C + s^2 I) where the means are drawn from N(0, C)."""
    c, s2 = torch.tensor([[0.8, 0.6], [0.6, 0.9]]), 0.3
    mu = normal(8_000, 2) @ torch.linalg.cholesky(c).T
    parts = split_kl(latents_of(mu, math.log(s2)), samples=2_000)
    full = c + s2 * torch.eye(2)
    correlation = -0.5 * math.log(1 - (full[0, 1] ** 2 / (full[0, 0] * full[1, 1])).item())
    by_dimension = [0.5 * (v - math.log(v) - 1) for v in full.diagonal().tolist()]
    information = 0.5 * (torch.logdet(full) - 2 * math.log(s2)).item()
    assert parts.total_correlation == pytest.approx(correlation, abs=0.03)
    assert parts.dimension_kl == pytest.approx(by_dimension, abs=0.03)
    assert parts.mutual_information == pytest.approx(information, abs=0.06)


def test_a_mixture_of_three_is_scipys_integral() -> None:
    mu = torch.tensor([[0.0, 0.5], [1.0, -1.0], [-1.5, 0.2]])
    logvar = torch.tensor([[-1.0, 0.0], [0.3, -2.0], [-0.5, -0.5]])
    posteriors = latents_of(mu.repeat(1_000, 1), logvar.repeat(1_000, 1))
    parts = split_kl(posteriors, samples=3_000)
    grid = np.linspace(-9, 9, 721)
    by_axis = [
        np.stack(
            [scipy.stats.norm(m, math.exp(v / 2)).pdf(grid) for m, v in zip(*axis, strict=True)]
        )
        for axis in zip(mu.T.tolist(), logvar.T.tolist(), strict=True)
    ]
    joint = np.einsum("na,nb->ab", *by_axis) / 3
    independent = np.outer(by_axis[0].mean(0), by_axis[1].mean(0))
    inner = joint * np.log(joint / independent)
    oracle = scipy.integrate.trapezoid(scipy.integrate.trapezoid(inner, grid), grid)
    assert abs(parts.total_correlation - oracle) < 4 * parts.total_correlation_se
    prior = scipy.stats.norm.pdf(grid)
    for axis, figure, error in zip(by_axis, parts.dimension_kl, parts.dimension_kl_se, strict=True):
        q = axis.mean(0)
        kl = scipy.integrate.trapezoid(q * np.log(q / prior), grid)
        assert abs(figure - kl) < 4 * error


def test_draws_are_of_their_seed_and_their_number() -> None:
    posteriors = latents_of(normal(400, 2), -1.0)
    assert split_kl(posteriors, seed=1) == split_kl(posteriors, seed=1)
    assert split_kl(posteriors, seed=1).kl != split_kl(posteriors, seed=2).kl
    assert split_kl(posteriors, samples=50).samples == 50


def test_what_has_no_kl_is_refused() -> None:
    with pytest.raises(ConfigError, match="no variance"):
        split_kl(latents_of(normal(9, 2), -math.inf))
    with pytest.raises(ConfigError, match="Two samples"):
        split_kl(latents_of(normal(9, 2), 0.0), samples=1)
