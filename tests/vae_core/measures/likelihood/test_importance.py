"""log p(x) by importance sampling, against closed forms and itself drawn otherwise."""

import pytest
import torch

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import (
    SIGMA,
    images,
    linear_gaussian,
    log_marginal,
)
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.importance import image_log_weights, importance_log_likelihood
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.likelihoods import likelihood_names
from vae_core.objectives.terms import importance_bound, importance_log_weights


def test_importance_sampling_comes_to_the_marginal_of_a_linear_model() -> None:
    model = linear_gaussian(3)
    model.encoder[1].bias[3:] = -1.0  # wide enough for weights that are bounded
    x = images(model, 20)
    exact = log_marginal(model, x)
    few, many = (
        importance_log_likelihood(model, x, samples=k, generator=seeded()) for k in (2, 20_000)
    )
    assert many.dtype == torch.float64 and many.shape == (20,)
    assert (many - exact).abs().max() < 0.1
    assert few.mean() < many.mean() - 0.1


@pytest.mark.parametrize("rows", [1, 7, 64, 10_000])
def test_how_draws_are_split_changes_nothing_but_the_draws(rows: int) -> None:
    """With the exact posterior every weight is p(x) itself, whatever is drawn."""
    model = linear_gaussian(2)
    w = torch.linalg.qr(model.decoder[0].weight).Q * torch.tensor([0.9, 0.4])
    covariance = torch.linalg.inv(torch.eye(2).double() + w.T @ w / SIGMA**2)
    to_mu = covariance @ w.T / SIGMA**2
    model.decoder[0].weight.copy_(w)
    model.encoder[1].weight.copy_(torch.cat([to_mu, torch.zeros(2, 6)]))
    bias = -to_mu @ model.decoder[0].bias
    model.encoder[1].bias.copy_(torch.cat([bias, covariance.diagonal().log()]))
    x = images(model, 5)
    for samples in (1, 13, 100):
        estimate = importance_log_likelihood(
            model, x, samples=samples, generator=seeded(), rows=rows
        )
        torch.testing.assert_close(estimate, log_marginal(model, x))


def test_the_weights_of_an_images_draws_average_to_p_of_x() -> None:
    """E_q[p(x, z) / q(z given x)] = p(x), of a linear model in closed form."""
    model = linear_gaussian(2)
    model.encoder[1].bias[2:] = -1.0  # wide enough for weights that are bounded
    x = images(model, 1)
    weights = (
        image_log_weights(model, x, samples=20_000, generator=seeded()) - log_marginal(model, x)
    ).exp()
    assert abs(weights.mean() - 1) < 4 * weights.std() / 20_000**0.5
    with pytest.raises(ConfigError, match="2 images"):
        image_log_weights(model, images(model, 2), samples=3, generator=seeded())


@pytest.mark.parametrize("likelihood", likelihood_names())
def test_many_draws_in_parts_are_as_many_at_once(likelihood: str) -> None:
    torch.manual_seed(0)
    config = ModelConfig((3, 4, 3), 3, hidden=(8,), likelihood=likelihood, sigma=1.0)
    model = build_model(config).eval()
    x = (torch.rand(4, 3, 4, 3, generator=seeded(1)) * 255).round() / 255
    with torch.no_grad():
        weights = importance_log_weights(model, x, generator=seeded(2), samples=4_000).double()
    at_once, spread = importance_bound(weights), weights.softmax(1).square().sum(1).sqrt()
    parts = importance_log_likelihood(model, x, samples=4_000, generator=seeded(3), rows=300)
    assert ((parts - at_once).abs() < 6 * spread).all()


def test_memory_does_not_grow_with_the_draws() -> None:
    model = build_model(ModelConfig((1, 4, 3), 2, hidden=(6,))).eval()
    seen = []
    model.decoder.register_forward_hook(lambda _m, z, _x: seen.append(len(z[0])))
    importance_log_likelihood(
        model, torch.rand(10, 1, 4, 3), samples=1_234, generator=seeded(), rows=100
    )
    assert max(seen) == 100 and sum(seen) == 12_340
    seen.clear()
    one = torch.rand(1, 1, 4, 3)
    assert image_log_weights(model, one, samples=1_234, generator=seeded(), rows=100).shape == (
        1_234,
    )
    assert max(seen) == 100 and sum(seen) == 1_234
    encoded = []
    model.encoder.register_forward_hook(lambda _m, x, _y: encoded.append(len(x[0])))
    importance_log_likelihood(
        model, torch.rand(10, 1, 4, 3), samples=20, generator=seeded(), rows=100
    )
    assert encoded == [10]


def test_what_cannot_be_sampled_is_refused() -> None:
    x = torch.rand(2, 1, 2, 3)
    plain = build_model(ModelConfig((1, 2, 3), 2, hidden=(), kind="autoencoder"))
    with pytest.raises(ConfigError, match="no posterior"):
        importance_log_likelihood(plain, x, samples=3, generator=seeded())
    model = build_model(ModelConfig((1, 2, 3), 3, hidden=()))
    for wrong in ({"samples": 0}, {"samples": 10**9}, {"samples": 2.5}, {"samples": 3, "rows": -1}):
        with pytest.raises(ConfigError, match=str(next(reversed(wrong.values())))):
            importance_log_likelihood(model, x, generator=seeded(), **wrong)
