"""The objectives against torch.distributions, Monte Carlo and the linear model's closed form."""

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributions

from tests.vae_core.arrays import seeded
from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import kl_to_standard_normal
from vae_core.objectives.terms import (
    Terms,
    autoencoder_terms,
    elbo_terms,
    importance_bound,
    importance_log_weights,
    loss,
)


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_the_kl_is_that_of_torch(mu: float, logvar: float) -> None:
    m, v = torch.tensor([mu, logvar], dtype=torch.float64)
    oracle = distributions.kl_divergence(
        distributions.Normal(m, torch.exp(v / 2)), distributions.Normal(0.0, 1.0)
    )
    ours = kl_to_standard_normal(m, v)
    torch.testing.assert_close(ours, oracle)
    assert ours >= -1e-12


def test_the_kl_of_the_prior_itself_is_zero() -> None:
    assert kl_to_standard_normal(torch.zeros(3), torch.zeros(3)).eq(0).all()


def test_the_kl_is_of_each_dimension_by_itself() -> None:
    mu, logvar = torch.randn(5, 3, generator=seeded()), torch.randn(5, 3, generator=seeded(1))
    oracle = distributions.kl_divergence(
        distributions.MultivariateNormal(mu, torch.diag_embed(logvar.exp())),
        distributions.MultivariateNormal(torch.zeros(3), torch.eye(3)),
    )
    assert kl_to_standard_normal(mu, logvar).shape == (5, 3)
    torch.testing.assert_close(kl_to_standard_normal(mu, logvar).sum(1), oracle)


@pytest.fixture(scope="module")
def model() -> LatentModel:
    torch.manual_seed(1)
    return build_model(ModelConfig((1, 4, 3), hidden=(6,))).double().eval()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.rand(3, 1, 4, 3, generator=seeded(5), dtype=torch.float64)


@torch.no_grad()
def averaged_elbo(
    model: LatentModel, x: torch.Tensor, n: int = 10_000
) -> tuple[torch.Tensor, torch.Tensor]:
    """The ELBO of each image over n draws, and its standard error."""
    draws = elbo_terms(model, x.repeat_interleave(n, 0), generator=seeded(11)).elbo.reshape(-1, n)
    return draws.mean(1), draws.std(1) / math.sqrt(n)


@torch.no_grad()
def test_the_elbo_is_reconstruction_minus_kl_by_monte_carlo(
    model: LatentModel, x: torch.Tensor
) -> None:
    """E_q[log p(x, z) - log q(z)], every density from torch.distributions."""
    mu, logvar = model.encode(x)
    q = distributions.Normal(mu, torch.exp(logvar / 2))
    p = distributions.Normal(torch.zeros(2).double(), 1.0)
    torch.manual_seed(0)
    z = q.sample((10_000,))  # (draws, batch, 2)
    logits = model.decoder(z.reshape(-1, 2)).reshape(10_000, *x.shape)
    log_px_z = distributions.Bernoulli(logits=logits).log_prob(x.round()).sum((2, 3, 4))
    draws = log_px_z + p.log_prob(z).sum(2) - q.log_prob(z).sum(2)
    elbo, standard_error = averaged_elbo(model, x.round())
    standard_error += draws.std(0) / math.sqrt(10_000)
    assert ((elbo - draws.mean(0)).abs() < 5 * standard_error).all()


def test_the_terms_are_of_each_image_and_dimension(model: LatentModel, x: torch.Tensor) -> None:
    terms = elbo_terms(model, x, generator=seeded(), samples=3)
    assert terms.reconstruction.shape == (3,) and terms.kl.shape == (3, 2)
    assert torch.equal(terms.elbo, terms.reconstruction - terms.kl.sum(1))


def test_more_samples_make_the_elbo_steadier(model: LatentModel, x: torch.Tensor) -> None:
    def spread(samples: int) -> float:
        draws = [elbo_terms(model, x, generator=seeded(s), samples=samples).elbo for s in range(40)]
        return torch.stack(draws).std(0).mean().item()

    assert spread(16) == pytest.approx(spread(1) / 4, rel=0.4)


def test_gradients_reach_encoder_and_decoder(x: torch.Tensor) -> None:
    model = build_model(ModelConfig((1, 4, 3), hidden=(6,))).double()
    loss(elbo_terms(model, x, generator=seeded()), beta=1.0).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_loss_weighs_the_kl_alone(beta: float) -> None:
    terms = Terms(torch.tensor([-3.0, -5.0]), torch.tensor([[1.0, 2.0], [0.5, 0.0]]))
    assert loss(terms, beta).item() == pytest.approx(4.0 + beta * 1.75)
    assert loss(terms, 1.0) == -terms.elbo.mean()


def test_a_plain_autoencoder_is_scored_at_its_code(x: torch.Tensor) -> None:
    model = build_model(ModelConfig((1, 4, 3), hidden=(6,), kind="autoencoder")).double()
    terms = autoencoder_terms(model, x, generator=seeded(), samples=7)
    assert torch.equal(terms.reconstruction, model.log_likelihood(x, model.encode(x)[0]))
    assert terms.kl.eq(0).all() and terms.kl.shape == (3, 2)


# The importance-sampled bound


@torch.no_grad()
def test_importance_weights_are_the_ratio_of_the_densities(
    model: LatentModel, x: torch.Tensor
) -> None:
    mu, logvar = model.encode(x)
    weights = importance_log_weights(model, x, generator=seeded(3), samples=4)
    eps = torch.randn(3, 4, 2, generator=seeded(3), dtype=torch.float64)
    sigma = torch.exp(logvar / 2)
    z = mu[:, None] + sigma[:, None] * eps
    logits = model.decoder(z.reshape(-1, 2)).reshape(3, 4, 1, 4, 3)
    bernoulli = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, x[:, None].expand_as(logits), reduction="none"
    )
    oracle = (
        -bernoulli.sum((2, 3, 4))
        + distributions.Normal(0.0, 1.0).log_prob(z).sum(2)
        - distributions.Normal(mu[:, None], sigma[:, None]).log_prob(z).sum(2)
    )
    torch.testing.assert_close(weights, oracle)


@torch.no_grad()
def test_the_bound_of_one_sample_is_the_elbo_in_expectation(
    model: LatentModel, x: torch.Tensor
) -> None:
    repeated = x.repeat_interleave(10_000, 0)
    weights = importance_log_weights(model, repeated, generator=seeded(), samples=1)
    bounds = importance_bound(weights).reshape(3, -1)
    elbo, standard_error = averaged_elbo(model, x)
    difference = (bounds.mean(1) - elbo).abs()
    assert (difference < 5 * (standard_error + bounds.std(1) / math.sqrt(10_000))).all()


def test_the_bound_is_the_log_of_the_mean_weight() -> None:
    weights = torch.randn(4, 9, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(importance_bound(weights), weights.exp().mean(1).log())
    shifted = importance_bound(weights - 5_000)  # where exp alone would underflow
    torch.testing.assert_close(shifted, importance_bound(weights) - 5_000)


# A linear-Gaussian VAE, whose marginal N(b, W W' + sigma^2 I) and posterior are known

SIGMA = 0.3


@pytest.fixture
def linear() -> LatentModel:
    torch.manual_seed(2)
    config = ModelConfig((1, 2, 3), hidden=(), likelihood="gaussian", sigma=SIGMA, link="identity")
    model = build_model(config).double().eval()
    with torch.no_grad():
        model.decoder[0].weight.copy_(0.4 * torch.randn(6, 2, dtype=torch.float64))
        mu, logvar = model.encoder[1].weight.chunk(2)
        logvar.zero_()
        model.encoder[1].bias[2:] = -1.0
        mu.mul_(0.5)
    return model.requires_grad_(False)


def images(model: LatentModel, n: int) -> torch.Tensor:
    z = torch.randn(n, 2, generator=seeded(8), dtype=torch.float64)
    noise = SIGMA * torch.randn(n, 1, 2, 3, generator=seeded(9), dtype=torch.float64)
    return model.decode_parameters(z) + noise


def log_marginal(model: LatentModel, x: torch.Tensor) -> torch.Tensor:
    w, b = model.decoder[0].weight.numpy(), model.decoder[0].bias.numpy()
    normal = scipy.stats.multivariate_normal(b, w @ w.T + SIGMA**2 * np.eye(6))
    return torch.from_numpy(normal.logpdf(x.flatten(1).numpy()))


def test_the_bound_rises_with_k_towards_log_px(linear: LatentModel) -> None:
    x = images(linear, 4)
    exact = log_marginal(linear, x).mean()
    weights = importance_log_weights(linear, x, generator=seeded(), samples=16_384)
    bounds = [
        torch.stack([importance_bound(w) for w in weights.split(k, dim=1)]).mean()
        for k in (1, 2, 8, 64, 1024, 16_384)
    ]
    assert all(low < high for low, high in pairwise(bounds))
    assert all(bound < exact + 0.2 for bound in bounds)  # by luck: of 10 seeds the most is 0.12
    assert bounds[0] < exact - 5
    assert bounds[-1] == pytest.approx(exact.item(), abs=0.2)


def test_the_bound_is_tight_with_the_exact_posterior(linear: LatentModel) -> None:
    """With orthogonal columns of W the posterior is diagonal: (I + W'W / sigma^2)^-1."""
    w = torch.linalg.qr(linear.decoder[0].weight).Q * torch.tensor([0.9, 0.4])
    b = linear.decoder[0].bias
    covariance = torch.linalg.inv(torch.eye(2).double() + w.T @ w / SIGMA**2)
    to_mu = covariance @ w.T / SIGMA**2
    linear.decoder[0].weight.copy_(w)
    linear.encoder[1].weight.copy_(torch.cat([to_mu, torch.zeros(2, 6)]))
    linear.encoder[1].bias.copy_(torch.cat([-to_mu @ b, covariance.diagonal().log()]))

    x = images(linear, 8)
    exact = log_marginal(linear, x)
    for seed in range(3):
        weights = importance_log_weights(linear, x, generator=seeded(seed), samples=5)
        torch.testing.assert_close(weights, exact[:, None].expand(-1, 5))
        torch.testing.assert_close(importance_bound(weights[:, :1]), exact)


def test_the_gap_of_the_elbo_is_the_kl_to_the_true_posterior(linear: LatentModel) -> None:
    x = images(linear, 4)
    w, b = linear.decoder[0].weight, linear.decoder[0].bias
    covariance = torch.linalg.inv(torch.eye(2).double() + w.T @ w / SIGMA**2)
    posterior = distributions.MultivariateNormal(
        (x.flatten(1) - b) @ w @ covariance / SIGMA**2, covariance
    )
    mu, logvar = linear.encode(x)
    gap = distributions.kl_divergence(
        distributions.MultivariateNormal(mu, torch.diag_embed(logvar.exp())), posterior
    )
    elbo, standard_error = averaged_elbo(linear, x)
    assert ((elbo + gap - log_marginal(linear, x)).abs() < 5 * standard_error).all()


def test_odd_counts_of_draws_and_a_plain_autoencoder_are_refused(linear: LatentModel) -> None:
    x = images(linear, 2)
    plain = build_model(ModelConfig((1, 2, 3), 2, hidden=(), kind="autoencoder")).double()
    for terms in (elbo_terms, importance_log_weights):
        with pytest.raises(ConfigError, match="no posterior"):
            terms(plain, x, generator=seeded(), samples=1)
        with pytest.raises(ConfigError, match="samples=0 is not"):
            terms(linear, x, generator=seeded(), samples=0)
