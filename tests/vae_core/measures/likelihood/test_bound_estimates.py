"""How estimates settle, against NumPy and against laws that hold in expectation."""

import numpy as np
import pytest
import torch

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import images, linear_gaussian, log_marginal
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.estimates import (
    importance_bounds,
    minibatch_estimates,
    running_mean,
)
from vae_core.objectives.terms import importance_log_weights


def test_the_running_mean_and_its_error_are_numpys() -> None:
    values = 1e4 + torch.randn(50, generator=seeded())
    mean, error = running_mean(values)
    oracle = values.double().numpy()
    assert error[0].isnan()
    for n in (2, 3, 50):
        assert mean[n - 1] == pytest.approx(oracle[:n].mean())
        assert error[n - 1] == pytest.approx(oracle[:n].std(ddof=1) / n**0.5, rel=1e-6)


def test_the_importance_bound_climbs_to_log_px() -> None:
    model = linear_gaussian(2)
    model.encoder[1].bias[2:] = -1.0
    x = images(model, 1)
    weights = importance_log_weights(model, x, generator=seeded(), samples=40_000)[0]
    counts = [1, 4, 16, 64, 1024]
    bounds, errors = importance_bounds(weights, counts)
    assert bounds[0] == pytest.approx(float(weights.mean()))
    assert (bounds.diff() > 0).all()
    assert abs(bounds[-1] - log_marginal(model, x)[0]) < 4 * errors[-1] + 0.01
    # The variance of a mean of 40,000 // K groups.
    groups = np.logaddexp.reduce(weights.numpy().reshape(-1, 64), axis=1) - np.log(64)
    assert bounds[3] == pytest.approx(groups.mean())
    assert errors[3] == pytest.approx(groups.std(ddof=1) / len(groups) ** 0.5)


def test_all_draws_make_one_group_without_an_error() -> None:
    bounds, errors = importance_bounds(torch.zeros(10), [10])
    assert bounds.tolist() == [0] and errors.isnan().all()
    for k in (0, 11):
        with pytest.raises(ConfigError, match=f"K={k}"):
            importance_bounds(torch.zeros(10), [k])


def test_minibatches_estimate_the_sum_without_bias_and_all_images_give_it() -> None:
    values = -100 + 10 * torch.randn(40, generator=seeded()).double()
    runs = torch.stack([minibatch_estimates(values, seeded(k)) for k in range(2_000)])
    torch.testing.assert_close(runs[:, -1], values.sum().expand(2_000))
    spread = runs.std(0)
    assert ((runs.mean(0) - values.sum()).abs() <= 5 * spread / 2_000**0.5 + 1e-6).all()
    # Drawn without replacement: N^2 s^2 / M (1 - M / N) (Cochran 1977, eq. 2.9).
    m = 10
    oracle = 40 * values.std() / m**0.5 * (1 - m / 40) ** 0.5
    assert spread[m - 1] == pytest.approx(float(oracle), rel=0.05)
