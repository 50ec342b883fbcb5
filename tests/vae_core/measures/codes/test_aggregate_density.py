"""Densities of codes and the prior's holes, where they are known."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from tests.vae_core.arrays import latents_of, normal
from vae_core.errors import ConfigError, DataError
from vae_core.latent.aggregate_posterior import AggregatePosterior
from vae_core.latent.samplers import NormalSampler, fit_mixture
from vae_core.measures.codes.aggregate_density import (
    density_line,
    density_map,
    fit_kernel_density,
    log_ratio,
    mixture_of,
    on_plane,
    prior_holes,
)
from vae_core.measures.likelihood.elbo_surgery import split_kl
from vae_core.models.priors import EqualMixture, StandardNormal


def turned(d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two orthonormal axes (2, d) and an origin (d,)."""
    return torch.linalg.qr(normal(d, 2, seed=5))[0].T, normal(d, seed=6)


def test_a_kernel_density_on_a_plane_is_scipys_marginal() -> None:
    found = fit_kernel_density(normal(300, 4))
    there = normal(9, 2, seed=3)
    on_axes = found.on_plane(torch.eye(4)[[1, 3]], torch.zeros(4))
    expected = found.kernel.marginal([1, 3]).logpdf(there.double().numpy().T)
    np.testing.assert_allclose(on_axes.log_prob(there), expected, rtol=1e-9)


def test_a_kernel_densitys_draws_belong_to_their_seed_and_spread_a_little_more() -> None:
    found = fit_kernel_density(normal(2_000, 2))
    assert torch.equal(found.sample(50, 1), found.sample(50, 1))
    factor = 1 + found.kernel.factor**2
    assert float(found.sample(20_000, 0).var(0).mean()) == pytest.approx(factor, abs=0.1)


def test_a_mixture_on_a_plane_is_that_of_its_projected_draws() -> None:
    axes, origin = turned(4)
    mixture = fit_mixture(torch.cat([normal(400, 4), 0.3 * normal(400, 4, seed=1) + 2]), 3)
    seen = on_plane(mixture, axes, origin)
    projected = (mixture.sample(40_000, 0) - origin) @ axes.T
    mean = (seen.weights[:, None] * seen.means).sum(0)
    torch.testing.assert_close(projected.mean(0).double(), mean, atol=0.05, rtol=0)
    inside = (projected - mean).abs().amax(1) < 0.5
    cells, _ = density_map(on_plane(mixture, axes, origin + axes.T.float() @ mean.float()), 0.5, 60)
    assert float(cells.mean()) == pytest.approx(float(inside.double().mean()), abs=0.01)


def test_priors_are_their_mixtures() -> None:
    z = normal(5, 3)
    plain = StandardNormal(3)
    torch.testing.assert_close(mixture_of(plain).log_prob(z), plain.log_prob(z))
    vamp = EqualMixture(normal(8, 3, seed=1), normal(8, 3, seed=2))
    torch.testing.assert_close(mixture_of(vamp).log_prob(z), vamp.log_prob(z))


def test_a_map_has_its_top_first_and_the_mass_that_scipy_says() -> None:
    mixture = on_plane(mixture_of(StandardNormal(2)), torch.eye(2), torch.tensor([0.0, -1.0]))
    cells, extent = density_map(mixture, 2.0, 80)
    assert extent == (-2, 2, -2, 2)
    assert float(cells[:40].sum()) > float(cells[40:].sum())  # the mean is at (0, 1)
    side = scipy.stats.norm.cdf([2, -2, 1, -3])
    mass = (side[0] - side[1]) * (side[2] - side[3])
    assert float(cells.sum()) * (4 / 80) ** 2 == pytest.approx(mass, abs=1e-3)


def test_the_kl_to_the_prior_is_that_of_the_surgery() -> None:
    some = latents_of(0.8 * normal(1_500, 2), -1.5)
    q = AggregatePosterior(some)
    found, error = log_ratio(q, mixture_of(StandardNormal(2)), q.sample(2_000, 0))
    parts = split_kl(some, samples=1_500)
    assert abs(found - parts.aggregate_kl) < 4 * math.hypot(error, parts.aggregate_kl_se)


def test_the_ratio_over_draws_of_q_is_the_closed_form_of_the_kl() -> None:
    far = mixture_of(EqualMixture(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)))
    found, error = log_ratio(NormalSampler(2), far, normal(20_000, 2))
    assert abs(found - 0.5) < 4 * error


def test_the_kl_of_all_images_lies_between_the_two_bounds() -> None:
    """q(z) = N(0, (0.5 + 0.1) I) in 8 dimensions, of which 500 images are seen."""
    variance, d = 0.6, 8
    exact = 0.5 * d * (variance - math.log(variance) - 1)
    some = latents_of(math.sqrt(0.5) * normal(500, d), math.log(0.1))
    q, prior = AggregatePosterior(some), NormalSampler(d)
    upper, _ = log_ratio(q, prior, q.sample(2_000, 0))
    unseen = math.sqrt(variance) * normal(2_000, d, seed=3)
    lower, _ = log_ratio(fit_mixture(q.sample(2_000, 1), 1), prior, unseen)
    assert lower < exact < upper
    assert lower > 0.5 * exact


def test_a_prior_that_agrees_has_no_more_holes_than_it_must() -> None:
    holes = prior_holes(
        NormalSampler(2), normal(20_000, 2, seed=9), normal(20_000, 2, seed=8), coverage=0.9
    )
    assert holes.threshold == pytest.approx(
        -math.log(2 * math.pi) - 0.5 * scipy.stats.chi2(2).ppf(0.9), abs=0.1
    )
    assert abs(holes.share - 0.1) < 0.01
    # As many codes as draws, which set the threshold.
    assert holes.standard_error == pytest.approx(math.sqrt(2 * 0.09 / 20_000), rel=0.15)


@pytest.mark.parametrize(("codes", "draws"), [(100, 2_000), (1_000, 1_000), (5_000, 500)])
def test_the_error_of_the_share_is_how_far_it_strays(codes: int, draws: int) -> None:
    found = [
        prior_holes(
            NormalSampler(2),
            normal(draws, 2, seed=seed),
            normal(codes, 2, seed=1_000 + seed),
            coverage=0.9,
        )
        for seed in range(200)
    ]
    strays = float(np.std([holes.share for holes in found]))
    told = float(np.mean([holes.standard_error for holes in found]))
    assert told == pytest.approx(strays, rel=0.2)


def test_data_in_half_the_plane_leave_the_other_half_a_hole() -> None:
    """q is the prior of z_1 > 0, so half the prior has no data, and KL(q || p) = log 2."""
    mu = normal(4_000, 2)
    mu[:, 0] = mu[:, 0].abs()
    q = AggregatePosterior(latents_of(mu, -6.0))
    holes = prior_holes(q, normal(2_000, 2, seed=7), q.sample(2_000, 1), coverage=0.99)
    assert abs(holes.share - 0.5) < 0.05
    assert log_ratio(q, NormalSampler(2), q.sample(2_000, 2))[0] == pytest.approx(
        math.log(2), abs=0.1
    )


def test_what_has_no_density_is_refused() -> None:
    with pytest.raises(DataError, match="fill 2 dimensions"):
        fit_kernel_density(normal(50, 1).repeat(1, 2))
    with pytest.raises(DataError, match="fill 3 dimensions"):
        fit_kernel_density(normal(2, 3))
    with pytest.raises(ConfigError, match="share"):
        prior_holes(NormalSampler(1), normal(3, 1), normal(3, 1), coverage=1.0)


def test_a_density_on_a_line_is_scipys() -> None:
    z, values = density_line(NormalSampler(1), 3.0, 121)
    np.testing.assert_allclose(z, np.linspace(-3, 3, 121), atol=1e-6)
    np.testing.assert_allclose(values, scipy.stats.norm.pdf(z), rtol=1e-5)


def test_the_emptiest_draws_are_those_farthest_from_the_data() -> None:
    """Under a standard normal the density falls with the distance alone."""
    z = 2 * normal(300, 2, seed=1)
    holes = prior_holes(NormalSampler(2), z, normal(2_000, 2))
    farthest = z.norm(dim=1).argsort(descending=True)
    assert holes.emptiest(10).tolist() == farthest[:10].tolist()
    radius = math.sqrt(-2 * (holes.threshold + math.log(2 * math.pi)))  # where the density is that
    assert len(holes.emptiest(300)) == int((z.norm(dim=1) > radius).sum()) < 300
