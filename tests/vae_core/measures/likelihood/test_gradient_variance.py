"""The pathwise and the score-function gradient, against a linear model's closed form."""

import math

import pytest
import torch

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import images, linear_gaussian
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.gradient_variance import GradientDraws, gradient_draws

DRAWS = 40_000


def draws_of(d: int = 2) -> tuple[GradientDraws, torch.Tensor, torch.Tensor]:
    """Draws, the true gradient (2 d,), and the Hessian of log p(x given z), (d, d)."""
    model = linear_gaussian(d, noise=1.0)
    x = images(model, 1)
    mu, logvar = (column[0] for column in model.encode(x))
    w, b = model.decoder[0].weight, model.decoder[0].bias
    hessian = -w.T @ w
    slope = w.T @ (x.flatten() - b - w @ mu)
    true = torch.cat([slope, 0.5 * hessian.diagonal() * logvar.exp()])
    drawn = gradient_draws(model, x, mu, logvar, draws=DRAWS, generator=seeded())
    torch.testing.assert_close(drawn.z, mu + torch.exp(0.5 * logvar) * drawn.eps)
    return drawn, true, hessian


@pytest.mark.parametrize("name", ["pathwise", "score", "score_with_baseline"])
def test_every_estimate_has_the_true_gradient_for_its_mean(name: str) -> None:
    drawn, true, _ = draws_of()
    estimate = getattr(drawn, name)
    error = estimate.std(0) / math.sqrt(DRAWS)
    assert ((estimate.mean(0) - true).abs() < 5 * error).all()


def test_the_pathwise_variance_is_its_closed_form_and_the_score_function_s_is_larger() -> None:
    drawn, _, hessian = draws_of()
    covariance = hessian @ torch.diag(torch.exp(torch.tensor([-2.0, -2.0]).double())) @ hessian
    variance = drawn.pathwise.var(0)
    torch.testing.assert_close(variance[:2], covariance.diagonal(), rtol=0.05, atol=0)
    assert (drawn.score.var(0) > 10 * variance).all()
    assert (drawn.score_with_baseline.var(0) < drawn.score.var(0)).all()


def test_draws_in_parts_are_those_of_one_batch() -> None:
    model = linear_gaussian(3)
    x = images(model, 1)
    mu, logvar = (column[0] for column in model.encode(x))
    drawn = gradient_draws(model, x, mu, logvar, draws=901, generator=seeded())
    slopes = torch.autograd.functional.jacobian(
        lambda z: model.log_likelihood(x.expand(901, -1, -1, -1), z).sum(), drawn.z
    )
    torch.testing.assert_close(drawn.dz, slopes)
    torch.testing.assert_close(
        drawn.log_px_z, model.log_likelihood(x.expand(901, -1, -1, -1), drawn.z)
    )


def test_what_has_no_variance_is_refused() -> None:
    model = linear_gaussian(2)
    x = images(model, 1)
    mu, logvar = (column[0] for column in model.encode(x))
    with pytest.raises(ConfigError, match="draws=1"):
        gradient_draws(model, x, mu, logvar, draws=1, generator=seeded())
    with pytest.raises(ConfigError, match="no density"):
        gradient_draws(model, x, mu, logvar - math.inf, draws=9, generator=seeded())
