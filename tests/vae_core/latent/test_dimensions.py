"""Traversals, associations and attribute vectors, against SciPy and constructed cases."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from vae_core.errors import ConfigError, DataError
from vae_core.latent.dimensions import (
    attribute_steps,
    attribute_vector,
    class_factor,
    correlation_ratios,
    correlations,
    traversal,
)
from vae_core.latent.latents import Latents

N, D = 500, 3


@pytest.fixture
def latents() -> Latents:
    generator = torch.Generator().manual_seed(0)
    return Latents(
        mu=torch.randn(N, D, generator=generator) * torch.tensor([1.0, 2.0, 0.5]),
        logvar=torch.full((N, D), -4.0),
        indices=torch.arange(N),
        reconstruction=torch.zeros(N),
        labels=torch.arange(N) % 4,
    )


@pytest.mark.parametrize("span", ["prior", "aggregate", "sigmas"])
def test_a_traversal_moves_one_dimension_and_rises(latents: Latents, span: str) -> None:
    z = traversal(latents, 7, 1, steps=9, span=span)
    assert z.shape == (9, D) and (z[:, 1].diff() > 0).all()
    assert (z[:, [0, 2]] == latents.mu[7, [0, 2]]).all()


def test_each_range_is_what_it_says(latents: Latents) -> None:
    u = (np.arange(5) + 0.5) / 5
    prior = traversal(latents, 0, 1, 5, "prior")[:, 1]
    np.testing.assert_allclose(prior, scipy.stats.norm.ppf(u), atol=1e-6)
    aggregate = traversal(latents, 0, 1, 5, "aggregate")[:, 1]
    np.testing.assert_allclose(aggregate, np.quantile(latents.mu[:, 1], u), atol=1e-6)
    sigmas = traversal(latents, 3, 1, 5, "sigmas", sigmas=2)[:, 1]
    around = latents.mu[3, 1] + np.exp(-2) * np.array([-2, -1, 0, 1, 2])
    np.testing.assert_allclose(sigmas, around, atol=1e-6)


def test_correlations_are_scipys(latents: Latents) -> None:
    generator = torch.Generator().manual_seed(1)
    factors = torch.stack([latents.mu[:, 0] * 3 + 1, torch.rand(N, generator=generator)], 1)
    ours = correlations(latents.mu, factors)
    for j in range(D):
        for k in range(2):
            oracle = scipy.stats.pearsonr(latents.mu[:, j], factors[:, k]).statistic
            assert ours[j, k] == pytest.approx(oracle, abs=1e-6)
    assert ours[0, 0] == pytest.approx(1)


def test_the_correlation_ratio_squared_is_the_anova_s_share(latents: Latents) -> None:
    assert latents.labels is not None
    mu = latents.mu + latents.labels[:, None] * torch.tensor([0.0, 1.0, 5.0])
    ours = correlation_ratios(mu, latents.labels)
    for j in range(D):
        f = scipy.stats.f_oneway(*[mu[latents.labels == k, j] for k in range(4)]).statistic
        share = 3 * f / (3 * f + N - 4)  # between over total, from the F statistic
        assert ours[j] ** 2 == pytest.approx(share, abs=1e-5)


def test_what_does_not_vary_goes_with_nothing() -> None:
    mu = torch.ones(10, 2) * 0.1
    assert (correlations(mu, torch.rand(10, 3)) == 0).all()
    assert (correlation_ratios(mu, torch.arange(10) % 2) == 0).all()
    assert correlation_ratios(torch.arange(10.0)[:, None], torch.arange(10))[0] == pytest.approx(1)


def test_an_attribute_vector_leads_from_one_class_s_mean_to_the_other_s(latents: Latents) -> None:
    assert latents.labels is not None
    means = [latents.mu[latents.labels == k].mean(0) for k in (1, 3)]
    vector = attribute_vector(latents, to=3, away_from=1)
    torch.testing.assert_close(means[0] + vector, means[1])
    with pytest.raises(DataError, match="class 9"):
        attribute_vector(latents, to=9, away_from=1)


def test_what_cannot_be_traversed_is_refused(latents: Latents) -> None:
    for row, dim, steps, span in ((N, 0, 5, "prior"), (0, D, 5, "prior"), (0, 0, 1, "prior")):
        with pytest.raises(ConfigError):
            traversal(latents, row, dim, steps, span)
    with pytest.raises(ConfigError, match="Unknown range"):
        traversal(latents, 0, 0, 5, "elsewhere")
    with pytest.raises(ConfigError, match="leads nowhere"):
        traversal(latents, 0, 0, 5, "sigmas", sigmas=0)
    with pytest.raises(DataError, match="rows"):
        correlations(latents.mu, torch.rand(3, 1))


def test_steps_along_an_attribute_lead_from_one_classs_mean_to_the_others(latents: Latents) -> None:
    """From the mean of a class itself, which image 0 is put at, the unit step ends at the other."""
    mu, labels = latents.mu.numpy().copy(), latents.labels.numpy()
    mu[0] = mu[4::4].mean(0)  # so class 0 has its mean there, with or without it
    moved = attribute_steps(replace(latents, mu=torch.from_numpy(mu)), 0, 3, 0, [0.0, 1.0, 0.5])
    start, end = mu[0], mu[labels == 3].mean(0)
    np.testing.assert_allclose(moved, [start, end, (start + end) / 2], atol=1e-5)


def test_the_factor_that_is_the_class_is_found() -> None:
    labels = torch.tensor([2, 0, 1, 2])
    others = torch.tensor([[2.0, 0.1], [0.0, 0.2], [1.0, 0.3], [0.0, 0.4]])  # alike but once
    assert class_factor(torch.cat([others, labels[:, None]], 1), labels) == 2
    assert class_factor(others, labels) is None
