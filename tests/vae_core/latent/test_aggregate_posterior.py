"""The aggregate posterior beside torch's own densities."""

import math

import pytest
import torch

from tests.vae_core.arrays import latents_of, normal
from vae_core.errors import ConfigError
from vae_core.latent.aggregate_posterior import AggregatePosterior


def test_it_is_torchs_mixture_over_all_dimensions_and_in_each() -> None:
    some, z = latents_of(normal(60, 3), normal(60, 3, seed=1) - 3), normal(7, 3, seed=2)
    every = torch.distributions.Normal(some.mu.double(), some.sigma.double())
    logs = every.log_prob(z[:, None].double())  # (7, 60, 3)
    q = AggregatePosterior(some)
    torch.testing.assert_close(q.log_prob(z), logs.sum(2).logsumexp(1) - math.log(60))
    torch.testing.assert_close(q.log_prob_by_dimension(z), logs.logsumexp(1) - math.log(60))


def test_its_draws_have_its_mean_and_variance() -> None:
    some = latents_of(torch.tensor([[-2.0], [2.0]]), math.log(0.25))
    z = AggregatePosterior(some).sample(20_000, 0)
    assert float(z.mean()) == pytest.approx(0, abs=0.06)
    assert float(z.var()) == pytest.approx(4.25, abs=0.06)


def test_points_have_no_density() -> None:
    with pytest.raises(ConfigError, match="no density"):
        AggregatePosterior(latents_of(normal(9, 2), -math.inf))
