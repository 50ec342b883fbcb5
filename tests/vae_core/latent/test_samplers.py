"""Densities fitted to codes: against SciPy, numerical Jacobians, quadrature, known entropies."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor

from vae_core.errors import ConfigError, DataError
from vae_core.latent.flows import Flow, fit_flow
from vae_core.latent.latents import Latents
from vae_core.latent.samplers import Mixture, NormalSampler, aggregate_draws, fit_mixture, parted
from vae_core.measures.codes.aggregate_density import held_out_density


def two_moons(n: int, seed: int) -> Tensor:
    """Codes on two arcs, which no Gaussian fits."""
    from sklearn.datasets import make_moons

    return torch.from_numpy(make_moons(n, noise=0.08, random_state=seed)[0]).float()


@pytest.fixture(scope="module")
def moons() -> Tensor:
    return two_moons(4_000, seed=0)


@pytest.fixture(scope="module")
def flow(moons: Tensor) -> Flow:
    return fit_flow(moons, steps=300, couplings=6, width=32)


@pytest.fixture(scope="module")
def mixture(moons: Tensor) -> Mixture:
    return fit_mixture(moons, components=6)


def test_a_mixtures_density_is_the_weighed_sum_of_scipys(mixture: Mixture, moons: Tensor) -> None:
    z = moons[:50].double()
    density = sum(
        float(w) * multivariate_normal(m.numpy(), (f @ f.T).numpy()).pdf(z.numpy())
        for w, m, f in zip(mixture.weights, mixture.means, mixture.factors, strict=True)
    )
    assert np.allclose(mixture.log_prob(z), np.log(density))
    assert float(mixture.weights.sum()) == pytest.approx(1)


def test_a_mixture_finds_the_gaussians_that_made_the_codes() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[-4.0, 0.0, 1.0], [4.0, 1.0, -1.0]])
    z = centres.repeat(2_000, 1) + 0.5 * torch.randn(4_000, 3, generator=generator)
    fit = fit_mixture(z, components=2)
    order = fit.means[:, 0].argsort()
    assert torch.allclose(fit.means[order].float(), centres, atol=0.05)
    covariances = fit.factors @ fit.factors.transpose(1, 2)
    assert torch.allclose(covariances.float(), 0.25 * torch.eye(3).expand(2, 3, 3), atol=0.03)
    draws = fit.sample(20_000, seed=1)
    assert torch.allclose(draws.mean(0), z.mean(0), atol=0.08)
    assert torch.allclose(torch.cov(draws.T), torch.cov(z.T), atol=0.25)


def test_a_flows_log_density_is_the_change_of_variables(flow: Flow, moons: Tensor) -> None:
    for z in moons[:5]:
        jacobian = torch.autograd.functional.jacobian(lambda each: flow(each[None])[0][0], z)
        u, log_det = flow(z[None])
        assert float(log_det) == pytest.approx(float(jacobian.det().abs().log()), abs=1e-4)
        normal = multivariate_normal(np.zeros(2)).logpdf(u[0].numpy())
        assert float(flow.log_prob(z[None])) == pytest.approx(normal + float(log_det), abs=1e-4)


def test_a_flow_backwards_is_its_inverse(flow: Flow, moons: Tensor) -> None:
    assert torch.allclose(flow.inverse(flow(moons[:200])[0]), moons[:200], atol=1e-4)


@pytest.mark.parametrize("kind", ["mixture", "flow", "normal"])
def test_densities_integrate_to_1(kind: str, mixture: Mixture, flow: Flow) -> None:
    sampler = {"mixture": mixture, "flow": flow, "normal": NormalSampler(2)}[kind]
    side = torch.arange(-6, 6, 0.02) + 0.01
    grid = torch.cartesian_prod(side, side)
    total = torch.cat([sampler.log_prob(part).double().exp() for part in grid.split(50_000)]).sum()
    assert float(total) * 0.02**2 == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("kind", ["mixture", "flow", "normal"])
def test_draws_have_the_density_that_is_told(kind: str, mixture: Mixture, flow: Flow) -> None:
    """The share of draws in a box is the integral of the density over it."""
    sampler = {"mixture": mixture, "flow": flow, "normal": NormalSampler(2)}[kind]
    z = sampler.sample(40_000, seed=3)
    assert torch.equal(z, sampler.sample(40_000, seed=3))
    assert not torch.equal(z, sampler.sample(40_000, seed=4))
    inside = ((z[:, 0] > 0) & (z[:, 0] < 1) & (z[:, 1] > 0.2) & (z[:, 1] < 1.5)).float().mean()
    across, up = torch.arange(0, 1, 0.01) + 0.005, torch.arange(0.2, 1.5, 0.01) + 0.005
    grid = torch.cartesian_prod(across, up)
    expected = float(sampler.log_prob(grid).double().exp().sum()) * 0.01**2
    assert float(inside) == pytest.approx(expected, abs=5 * math.sqrt(0.25 / 40_000))


def test_what_fits_better_has_the_higher_held_out_density(flow: Flow, mixture: Mixture) -> None:
    held_out = two_moons(2_000, seed=1)
    found = [held_out_density(each, held_out) for each in (NormalSampler(2), mixture, flow)]
    densities = [density for density, _ in found]
    assert densities[0] + 0.5 < densities[1] and densities[0] + 0.5 < densities[2]
    assert all(0 < error < 0.2 for _, error in found)


def test_held_out_density_of_the_truth_is_minus_its_entropy() -> None:
    z = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    density, error = held_out_density(NormalSampler(3), z)
    assert abs(density + 1.5 * math.log(2 * math.pi * math.e)) < 4 * error


def test_a_fit_is_the_same_by_the_same_seed(moons: Tensor) -> None:
    state = torch.get_rng_state()
    for fit in (
        lambda seed: fit_flow(moons, steps=3, seed=seed),
        lambda seed: fit_mixture(moons[:200], 8, seed=seed),
    ):
        assert torch.equal(fit(0).sample(9, seed=0), fit(0).sample(9, seed=0))
        assert not torch.equal(fit(0).sample(9, seed=0), fit(1).sample(9, seed=0))
    assert torch.equal(torch.get_rng_state(), state)


def latents(sigma: float, n: int = 6_000) -> Latents:
    mu = torch.randn(n, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 0.5])
    logvar = torch.full((n, 2), 2 * math.log(sigma) if sigma else -math.inf)
    return Latents(mu, logvar, torch.arange(n), torch.zeros(n))


def test_draws_of_the_aggregate_posterior_spread_by_mu_and_sigma() -> None:
    z = aggregate_draws(latents(sigma=0.6), seed=0)
    assert torch.allclose(z.var(0), torch.tensor([4.36, 0.61]), rtol=0.06)
    assert len(aggregate_draws(latents(sigma=0.6), most=100)) == 100
    codes = latents(sigma=0.0)
    drawn = aggregate_draws(codes)
    assert torch.equal(drawn.sort(0).values, codes.mu.sort(0).values)


def test_held_out_draws_take_no_part_in_the_fit() -> None:
    z = torch.arange(100.0)[:, None]
    fitted, held_out = parted(z)
    assert (len(fitted), len(held_out)) == (90, 10)
    assert torch.equal(torch.cat([fitted, held_out]).sort(0).values, z)


def test_progress_of_a_flow_runs_to_1() -> None:
    heard: list[float] = []
    fit_flow(two_moons(100, 0), steps=50, on_progress=heard.append)
    assert heard == pytest.approx([0.4, 0.8, 1.0])


def test_too_little_to_fit_is_said() -> None:
    with pytest.raises(ConfigError, match="two dimensions"):
        fit_flow(torch.zeros(9, 1))
    with pytest.raises(ConfigError, match="9 codes"):
        fit_mixture(torch.zeros(9, 1), components=10)


def test_codes_that_are_not_finite_have_no_mixture(moons: Tensor) -> None:
    with pytest.raises(DataError, match="not finite"):
        fit_mixture(moons / torch.tensor([0.0, 1.0]), 2)
    with pytest.raises(ConfigError, match=r"components=1\.5"):
        fit_mixture(moons, 1.5)


def test_codes_on_a_line_beyond_precision_have_no_mixture() -> None:
    line = torch.linspace(0, 1e6, 200).double()[:, None] * torch.tensor([1.0, 1.0]).double()
    with pytest.raises(DataError, match="No mixture of 2 Gaussians"):
        fit_mixture(1e9 * line, 2)


def test_one_code_has_no_mixture() -> None:
    with pytest.raises(ConfigError, match="two codes"):
        fit_mixture(torch.zeros(1, 2), 1)


@pytest.mark.parametrize("n", [1, 6])
def test_of_one_distinct_code_there_is_no_error(n: int) -> None:
    density, error = held_out_density(NormalSampler(2), torch.ones(n, 2))
    assert density == pytest.approx(-1 - math.log(2 * math.pi)) and math.isnan(error)


def test_few_codes_of_many_dimensions_are_not_learned_by_heart() -> None:
    """Seventy codes of N(0, I) in 16 dimensions: no fit may fall far behind the truth on others."""
    generator = torch.Generator().manual_seed(0)
    z, held_out = torch.randn(570, 16, generator=generator).split([70, 500])
    truth, _ = held_out_density(NormalSampler(16), held_out)
    for fit in (fit_mixture(z, 10), fit_mixture(z, 60), fit_flow(z)):
        density, error = held_out_density(fit, held_out)
        assert truth - 8 < density < truth + 4 * error


def test_a_mixture_of_three_codes_is_still_one() -> None:
    fit = fit_mixture(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 3)
    assert bool(fit.log_prob(torch.rand(20, 2)).isfinite().all())
