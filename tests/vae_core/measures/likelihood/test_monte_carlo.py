"""p(x) by draws from the prior, against the closed form of a linear model."""

import math

import pytest
import torch

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import images, linear_gaussian, log_marginal
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.importance import image_log_weights
from vae_core.measures.likelihood.monte_carlo import (
    draws_until_settled,
    prior_log_weights,
    running_log_mean,
)
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


def test_draws_from_the_prior_come_to_the_marginal_of_a_linear_model() -> None:
    model = linear_gaussian(1, noise=0.8)
    x = images(model, 1)
    log_weights = prior_log_weights(model, x, samples=40_000, generator=seeded())
    assert log_weights.shape == (40_000,) and log_weights.dtype == torch.float64
    weights = (log_weights - log_marginal(model, x)).exp()
    assert abs(float(weights.mean()) - 1) < 4 * float(weights.std()) / 40_000**0.5
    running = running_log_mean(log_weights)
    assert float(running[-1]) == pytest.approx(float(log_marginal(model, x)), abs=0.1)


def test_the_prior_needs_more_draws_than_the_encoder() -> None:
    """The posterior is narrow there, so that few draws of the prior meet it."""
    model = linear_gaussian(2, noise=0.15)
    w = model.decoder[0].weight
    covariance = torch.linalg.inv(torch.eye(2) + w.T @ w / 0.15**2)  # of the posterior
    to_mu = covariance @ w.T / 0.15**2
    model.encoder[1].weight[:2].copy_(to_mu)
    bias = torch.cat([-to_mu @ model.decoder[0].bias, (2 * covariance.diagonal()).log()])
    model.encoder[1].bias.copy_(bias)
    x = images(model, 1)
    exact = float(log_marginal(model, x))
    settled = []
    for log_weights in (
        prior_log_weights(model, x, samples=30_000, generator=seeded(1)),
        image_log_weights(model, x, samples=30_000, generator=seeded(1)),
    ):
        found = draws_until_settled(running_log_mean(log_weights), exact)
        assert found is not None
        settled.append(found)
    assert settled[0] > 10 * settled[1]


def test_a_running_mean_is_the_mean_so_far_run_by_run() -> None:
    weights = torch.tensor([[1.0, 3.0, 8.0], [4.0, 4.0, 4.0]], dtype=torch.float64)
    running = running_log_mean(weights.log()).exp()
    torch.testing.assert_close(running, torch.tensor([[1.0, 2, 4], [4, 4, 4]]).double())
    far = running_log_mean(torch.full((3,), -2_000.0, dtype=torch.float64))  # exp would be 0
    assert far.tolist() == pytest.approx([-2_000.0] * 3)


@pytest.mark.parametrize(
    ("estimates", "expected"),
    [
        ([0.0, 5.0, 0.4, 9.0, 0.2, -0.5], 5),
        ([0.1, 0.2], 1),
        ([0.1, 0.6], None),
        ([-math.inf, 0.3], 2),
    ],
)
def test_settled_is_what_never_leaves_again(estimates: list[float], expected: int | None) -> None:
    assert draws_until_settled(torch.tensor(estimates), 0.0) == expected


def test_what_has_no_marginal_is_refused() -> None:
    x = torch.rand(2, 1, 2, 3)
    model = build_model(ModelConfig((1, 2, 3), 2, hidden=()))
    with pytest.raises(ConfigError, match="2 images"):
        prior_log_weights(model, x, samples=3, generator=seeded())
    with pytest.raises(ConfigError, match="samples=0"):
        prior_log_weights(model, x[:1], samples=0, generator=seeded())
    plain = build_model(ModelConfig((1, 2, 3), 2, hidden=(), kind="autoencoder"))
    with pytest.raises(ConfigError, match="Only a VAE"):
        prior_log_weights(plain, x[:1], samples=3, generator=seeded())
