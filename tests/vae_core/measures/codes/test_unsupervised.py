"""Scores without factors on codes made independent, correlated, bent, permuted and turned."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from tests.vae_core.arrays import seeded
from vae_core.errors import DataError
from vae_core.latent.latents import Latents
from vae_core.measures.codes.disentanglement import binned
from vae_core.measures.codes.unsupervised import independence, mean_information, ranking

N = 4_000


def latents(mu: torch.Tensor, logvar: float = -2.0) -> Latents:
    n = len(mu)
    return Latents(
        mu=mu,
        logvar=torch.full_like(mu, logvar),
        indices=torch.arange(n),
        reconstruction=torch.zeros(n),
    )


def test_independent_dimensions_share_nothing() -> None:
    found = independence(latents(torch.randn(N, 4, generator=seeded())))
    assert found.dimensions == 4
    assert 0 <= found.total_correlation < 0.01
    assert 0 <= found.mutual_information < 0.06  # 19 * 19 / (2 N) by chance alone


def test_the_total_correlation_is_that_of_a_gaussian() -> None:
    """-1/2 log(1 - rho^2) of two dimensions, in units of their own; of torch.distributions."""
    rho = 0.8
    covariance = torch.tensor([[1.0, 3 * rho], [3 * rho, 9.0]])
    normal = torch.distributions.MultivariateNormal(torch.zeros(2), covariance)
    torch.manual_seed(0)
    z = normal.sample((N,))
    apart = torch.distributions.Normal(torch.zeros(2), torch.tensor([1.0, 3.0]))
    oracle = normal.log_prob(z) - apart.log_prob(z).sum(1)
    found = independence(latents(z))
    assert found.total_correlation == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.03)
    assert found.total_correlation == pytest.approx(float(oracle.mean()), abs=0.05)
    spread = float(oracle.std()) / math.sqrt(N)
    assert 0 < found.total_correlation_se < 4 * spread


def test_a_bent_relation_is_seen_by_mutual_information_alone() -> None:
    u = torch.randn(N, generator=seeded())
    mu = torch.stack([u, u.square()], 1)
    found = independence(latents(mu))
    assert found.total_correlation < 0.02 and found.mutual_information > 0.5
    one, other = (binned(column) for column in mu.double().numpy().T)
    assert mean_information(mu.double().numpy()) == pytest.approx(mutual_info_score(one, other))


def test_unused_dimensions_take_no_part() -> None:
    mu = torch.randn(N, 2, generator=seeded())
    more = torch.cat([mu, 0.01 * mu], 1)
    assert independence(latents(more)) == independence(latents(mu))
    with pytest.raises(DataError, match="1 active"):
        independence(latents(more[:, 1:3]))
    with pytest.raises(DataError, match="79 images and 2 active"):
        independence(latents(mu[:79]))


def test_trainings_that_found_the_same_rank_first() -> None:
    """Permuted, turned about and bent each dimension is the same; mixed none is."""
    z = torch.randn(N, 4, generator=seeded())
    same = torch.stack([-z[:, 2], z[:, 0] ** 3, z[:, 3], 2 * z[:, 1]], 1)
    mixing = torch.linalg.qr(torch.randn(4, 4, generator=seeded(1))).Q
    found = ranking([latents(z), latents(same), latents(z @ mixing)])
    assert ranking([latents(z), latents(same)]) == pytest.approx([1, 1], abs=0.1)
    assert found[2] < 0.5 and min(found[:2]) > found[2]


def test_dimensions_that_tell_nothing_are_not_ranked() -> None:
    """A prior's posterior has no KL; however alike, it was not found by a training."""
    z = torch.randn(N, 2, generator=seeded())
    assert ranking([latents(z), latents(torch.zeros(N, 2), logvar=0.0)]) == [0, 0]
    with pytest.raises(DataError, match="several trainings"):
        ranking([latents(z)])
    with pytest.raises(DataError, match="same images"):
        ranking([latents(z), latents(z[:-1])])


def test_the_errors_are_those_of_other_images() -> None:
    draws = [
        independence(latents(torch.randn(N, 2, generator=seeded(k)).cumsum(1))) for k in range(40)
    ]
    spread = np.std([found.total_correlation for found in draws])
    assert 0.5 < np.mean([found.total_correlation_se for found in draws]) / spread < 2
