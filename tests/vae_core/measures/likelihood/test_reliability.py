"""Effective draws and k-hat, against known tails, and what is told of importance sampling."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import images, linear_gaussian, true_posterior
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.measures.evaluation import evaluate
from vae_core.measures.likelihood.importance import importance_estimates
from vae_core.measures.likelihood.posterior_gap import best_gaussian, elbo_gap
from vae_core.measures.likelihood.reliability import (
    doubt,
    effective_draws,
    largest_reliable_k,
    pareto_k,
)
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


@pytest.mark.parametrize("k", [-0.3, 0.2, 0.5, 0.7, 1.0, 1.5])
def test_k_hat_is_the_shape_of_a_pareto_tail(k: float) -> None:
    """20 sets of 10,000 draws; the tail's 300 and the prior's 10 leave an error of 0.1."""
    draws = scipy.stats.genpareto(k).rvs((20, 10_000), random_state=0)
    found = pareto_k(torch.from_numpy(draws).log())
    drawn_to = (300 * k + 10 * 0.5) / 310
    assert float(found.mean()) == pytest.approx(drawn_to, abs=0.06)
    assert float(found.std()) == pytest.approx((1 + k) / math.sqrt(300), abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_k_hat_is_near_the_likeliest_shape(seed: int) -> None:
    weights = np.exp(2 * np.random.default_rng(seed).standard_normal(10_000))
    threshold, *largest = np.sort(weights)[-301:]
    shape, _, _ = scipy.stats.genpareto.fit(np.array(largest) - threshold, floc=0)
    found = float(pareto_k(torch.from_numpy(weights).log()[None]))
    assert found == pytest.approx((300 * shape + 5) / 310, abs=0.03)


def test_k_hat_knows_no_scale() -> None:
    log_weights = torch.randn(4, 500, generator=seeded()).double()
    torch.testing.assert_close(pareto_k(log_weights - 5_000), pareto_k(log_weights))


def test_weights_of_no_spread_have_no_tail_and_those_of_any_spread_one() -> None:
    rounding = 1e-6 * torch.randn(1, 400, generator=seeded()).double()
    assert bool(pareto_k(rounding).isnan())
    enormous = 3_000 * torch.randn(3, 400, generator=seeded()).double()
    assert bool((pareto_k(enormous) > 1).all())
    with pytest.raises(ConfigError, match="25 at least"):
        pareto_k(torch.zeros(1, 24))


def test_effective_draws_count_equal_weights() -> None:
    alike = torch.full((2, 40), -700.0)
    torch.testing.assert_close(effective_draws(alike), torch.full((2,), 40.0).double())
    alike[0, 10:] = -math.inf
    assert effective_draws(alike)[0] == pytest.approx(10)
    weights = torch.rand(30, generator=seeded()).double()
    by_hand = weights.sum() ** 2 / weights.square().sum()
    assert float(effective_draws(weights.log())) == pytest.approx(float(by_hand))


def test_the_limit_is_the_published_one() -> None:
    assert largest_reliable_k(100) == pytest.approx(0.5)
    assert largest_reliable_k(1_000) == pytest.approx(2 / 3)
    assert largest_reliable_k(10_000) == 0.7


def test_what_is_doubted_is_said() -> None:
    assert doubt(4_000, 900, 0.4) is None
    assert "k-hat of the weights is 0.90, above 0.70" in (doubt(4_000, 900, 0.9) or "")
    assert "count as 7 equal ones" in (doubt(4_000, 7, 0.4) or "")


def test_draws_from_the_posterior_all_count_and_those_from_beside_it_do_not() -> None:
    model = linear_gaussian(2)
    x = images(model, 4)
    posterior = true_posterior(model, x[0])
    variance = posterior.covariance_matrix.diagonal()
    model.encoder[1].bias[2:] = variance.log() + 1.0  # wide enough for weights that are bounded
    near = importance_estimates(model, x, samples=2_000, generator=seeded())
    assert bool((near.effective_draws > 200).all()) and bool((near.pareto_k < 0.5).all())
    model.encoder[1].bias[2:] = variance.log() - 3.0
    far = importance_estimates(model, x, samples=2_000, generator=seeded())
    assert bool((far.effective_draws < near.effective_draws / 2).all())
    assert bool((far.pareto_k > 0.7).all())


def test_a_float64_model_is_given_float64_draws() -> None:
    model, seen = linear_gaussian(2), []
    x, decode = images(model, 1), model.decode_parameters
    model.decode_parameters = lambda z: (seen.append(z), decode(z))[1]
    mu, logvar = model.encode(x)
    importance_estimates(model, x, samples=30, generator=seeded())
    eps = (torch.cat(seen) - mu) / torch.exp(0.5 * logvar)
    exact = torch.randn(30, 2, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(eps, exact, rtol=1e-12, atol=1e-12)


def test_metrics_say_what_the_weights_are_worth() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig((1, 4, 3), hidden=(5,)))
    pixels = torch.randint(0, 2, (12, 1, 4, 3), generator=seeded()).mul(255).byte()
    data = ImageDataset("few", "test", pixels)
    metrics = evaluate(model, data, importance_samples=200)
    estimates = importance_estimates(model, data.floats(), samples=200, generator=seeded(9))
    assert metrics.effective_draws == pytest.approx(
        float(estimates.effective_draws.mean()), rel=0.2
    )
    assert metrics.unreliable is not None and 0 <= metrics.unreliable <= 1
    assert metrics.pareto_k == pytest.approx(float(estimates.pareto_k.median()), abs=0.3)
    json.dumps(metrics.to_json(), allow_nan=False)
    few = evaluate(model, data, importance_samples=10)
    assert few.effective_draws is not None and few.pareto_k is None
    assert few.unreliable == 1  # ten draws are too few, whatever their weights
    none = evaluate(model, data)
    assert none.effective_draws is None and none.pareto_k is None


def test_the_exact_figure_tells_of_a_mode_that_no_draw_has_met() -> None:
    model = linear_gaussian(2)
    pixels = torch.randint(0, 256, (6, *model.image_shape), generator=seeded()).byte()
    data = ImageDataset("few", "test", pixels)
    assert evaluate(model, data, exact_images=6).missed is None
    posterior = true_posterior(model, data.floats()[0])
    near = posterior.covariance_matrix.diagonal().log()
    model.encoder[1].bias[2:] = near + 1.0
    assert evaluate(model, data, exact_images=6, importance_samples=500).missed == 0
    model.encoder[1].bias[:2] += 20 * near.div(2).exp()  # all draws lie beside the mode
    model.encoder[1].bias[2:] = near - 4.0
    assert evaluate(model, data, exact_images=6, importance_samples=500).missed == 1


def test_the_gap_beyond_two_dimensions_says_what_its_weights_are_worth() -> None:
    model = linear_gaussian(3)
    x = images(model, 1)
    gap = elbo_gap(model, x, best_gaussian(model, x), samples=2_000)
    assert gap.effective_draws is not None and 1 < gap.effective_draws <= 2_000
    assert gap.pareto_k is not None and gap.pareto_k < 0.7
    plane = linear_gaussian(2)
    x = images(plane, 1)
    assert elbo_gap(plane, x, best_gaussian(plane, x)).pareto_k is None


def test_an_estimate_that_a_few_draws_carry_is_told_on_digits(data_root: Path) -> None:
    """Image 8 lacks 7 nats of log p(x) at K = 10,000, and its standard error says 0.4."""
    model = load_checkpoint("checkpoints/mnist-2d-binarised")
    grey = load_dataset("mnist", "test", data_root).floats(slice(0, 20))
    digits = torch.bernoulli(grey, generator=torch.Generator().manual_seed(5))
    for row, told in ((8, True), (1, False)):
        x = digits[row : row + 1]
        found = importance_estimates(model, x, samples=10_000, generator=seeded())
        sentence = doubt(10_000, float(found.effective_draws), float(found.pareto_k))
        assert (sentence is not None) == told
