"""How estimates settle, against NumPy and against laws that hold in expectation."""

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import images, linear_gaussian, log_marginal
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.estimates import (
    elbo_by_image,
    importance_bounds,
    mean_and_error,
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


def test_the_elbos_of_images_have_their_closed_form_as_mean() -> None:
    """Of a linear decoder: E_q[log p(x given z)] is at the mean, less half tr(W'W Sigma) / sigma^2.

    Each image stands there many times, as a draw of z is taken for each.
    """
    model, copies = linear_gaussian(2), 3_000
    pixels = torch.tensor([[10, 200, 30, 40, 250, 60], [90, 80, 70, 160, 50, 0]])
    rows = pixels.to(torch.uint8).view(2, 1, 2, 3).repeat(copies, 1, 1, 1)
    dataset = ImageDataset("two", "test", rows)
    model = model.float()
    found = elbo_by_image(model, dataset, torch.arange(1, 2 * copies), generator=seeded())
    assert found.shape == (2 * copies - 1,)  # the first image was not asked for
    x = dataset.floats(slice(0, 2))
    mu, logvar = model.encode(x)
    w, noise = model.decoder[0].weight, model.likelihood.sigma
    spread = 0.5 * ((w.T @ w).diagonal() * logvar.exp()).sum(1) / noise**2
    q = Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)
    kl = kl_divergence(q, Independent(Normal(torch.zeros(2), torch.ones(2)), 1))
    for which, expected in enumerate(model.log_likelihood(x, mu) - spread - kl):
        mean, error = mean_and_error(found[1 - which :: 2])
        assert abs(mean - expected) < 4 * error
