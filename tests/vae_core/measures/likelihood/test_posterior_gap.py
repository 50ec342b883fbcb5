"""The gap between ELBO and log p(x), against the closed forms of a linear model."""

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from torch.distributions import Independent, Normal, kl_divergence

from tests.vae_core.linear_gaussian import images, linear_gaussian, log_marginal, true_posterior
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.importance import image_log_weights
from vae_core.measures.likelihood.posterior_gap import (
    ASCENT_DRAWS,
    DRAWS,
    DiagonalGaussian,
    _draws,
    best_gaussian,
    elbo_gap,
    encoded_posterior,
    expected_log_likelihood,
    kl_to_posterior,
    kl_to_prior,
    posterior_picture,
    window_on,
)
from vae_core.measures.likelihood.quadrature import posterior_cells
from vae_core.measures.likelihood.reliability import (
    doubt,
    doubt_beside,
    effective_draws,
    pareto_k,
)
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel


def bent_model(likelihood: str = "bernoulli", d: int = 2) -> LatentModel:
    """A decoder bent enough for posteriors that are no Gaussians."""
    torch.manual_seed(3)
    config = ModelConfig(
        (1, 3, 3), d, hidden=(12,), activation="tanh", likelihood=likelihood, sigma=0.3
    )
    model = build_model(config).double().eval().requires_grad_(False)
    model.decoder[0].weight.mul_(3)
    model.decoder[2].weight.mul_(4)
    return model


def test_a_posterior_without_width_is_told_where_draws_are_wanted_of_it() -> None:
    model = bent_model(d=3).float()
    model.encoder[-1].bias[3:] = -1e4
    x, wide = torch.rand(1, 1, 3, 3), DiagonalGaussian(torch.zeros(3), torch.zeros(3))
    with pytest.raises(ConfigError, match="sigma of 0"):
        elbo_gap(model, x, wide, samples=50)


@pytest.mark.parametrize("d", [1, 2])
def test_each_term_is_its_closed_form_on_a_linear_model(d: int) -> None:
    model = linear_gaussian(d)
    w, noise = model.decoder[0].weight, model.likelihood.sigma
    for x in images(model, 3).split(1):
        mu, logvar = (column[0] for column in model.encode(x))
        gap = elbo_gap(model, x, best_gaussian(model, x))
        at_mean = model.log_likelihood(x, mu[None])
        spread = 0.5 * ((w.T @ w).diagonal() * logvar.exp()).sum() / noise**2
        assert gap.reconstruction == pytest.approx(float(at_mean - spread), abs=1e-8)
        assert gap.log_px == pytest.approx(float(log_marginal(model, x)), abs=2e-4)
        q = Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)
        as_full = torch.distributions.MultivariateNormal(mu, torch.diag(logvar.exp()))
        prior = Independent(Normal(torch.zeros(d).double(), 1.0), 1)
        assert gap.kl_to_prior == pytest.approx(float(kl_divergence(q, prior)), abs=1e-8)
        exact = float(kl_divergence(as_full, true_posterior(model, x[0])))
        assert gap.kl_to_posterior == pytest.approx(exact, abs=3e-4)


def test_the_best_gaussian_of_a_linear_model_has_its_mean_and_precisions() -> None:
    """KL(q || p) is least at the mean, with the diagonal of the precision (Bishop 2006, 10.1.2)."""
    model = linear_gaussian(2)
    x = images(model, 1)
    posterior = true_posterior(model, x[0])
    mu, logvar = best = best_gaussian(model, x)
    torch.testing.assert_close(mu, posterior.mean, atol=2e-3, rtol=0)
    precision = posterior.precision_matrix
    torch.testing.assert_close(logvar, -precision.diagonal().log(), atol=0.03, rtol=0)
    gap = elbo_gap(model, x, best)
    least = 0.5 * float(precision.diagonal().log().sum() - precision.logdet())
    assert gap.approximation_gap == pytest.approx(least, abs=1e-3)
    assert gap.best_kl_to_posterior == pytest.approx(least, abs=1e-3)
    assert gap.amortisation_gap > 0


def with_two_modes(
    d: int, scale: float
) -> tuple[LatentModel, torch.Tensor, DiagonalGaussian, float]:
    """A decoder that z_1 and 2 - z_1 tell the same, and an encoder that looks at the lesser mode.

    The mode nearer to 0 holds more of p(z). Also an image, the best Gaussian there and log p(x), to
    which the lesser mode adds next to nothing.
    """
    model = linear_gaussian(d, scale=scale)
    decode, encode = model._parameters_of, model.encode
    x = decode(torch.tensor([[-1.0, 0.4, -0.2, 0.1, 0.3][:d]]).double())
    best, log_px = best_gaussian(model, x), float(log_marginal(model, x))
    mirrored = torch.cat([2 - best.mu[:1], best.mu[1:]])
    model._parameters_of = lambda z: decode(torch.cat([1 - (z[:, :1] - 1).abs(), z[:, 1:]], 1))
    model.encode = lambda x: (mirrored[None], encode(x)[1])
    return model, x, best, log_px


@pytest.mark.parametrize("d", [3, 5])
def test_a_mode_that_q_and_the_best_gaussian_miss_is_met_by_draws_from_the_prior(d: int) -> None:
    model, x, _, log_px = with_two_modes(d, scale=0.2)
    gap = elbo_gap(model, x, encoded_posterior(model, x))  # the climb went astray
    assert gap.elbo < log_px - 4
    assert gap.log_px == pytest.approx(log_px, abs=0.4)


def test_weights_that_look_well_are_told_by_draws_from_elsewhere() -> None:
    """All draws of q lie in the lesser mode, 4 nats below: k-hat and effective draws are fine."""
    model, x, _, log_px = with_two_modes(3, scale=0.5)
    narrow = model.encode
    model.encode = lambda x: (narrow(x)[0], narrow(x)[1] + 1)
    weights = image_log_weights(model, x, samples=4_096, generator=torch.Generator().manual_seed(0))
    shape, counted = float(pareto_k(weights[None])), float(effective_draws(weights))
    assert doubt(4_096, counted, shape) is None
    gap = elbo_gap(model, x, best_gaussian(model, x))
    assert gap.log_px == pytest.approx(log_px, abs=0.2)
    told = doubt_beside(weights, gap.log_px, "the others") or ""
    assert "below the others: they have met less than 3 % of p(x)" in told
    assert doubt_beside(weights, gap.log_px - 4, "the others") is None


def test_beside_the_exact_log_p_x_no_part_of_it_is_unknown() -> None:
    tail = scipy.stats.genpareto(0.9).rvs(4_096, random_state=0)
    weights = torch.from_numpy(tail).log()
    log_px = float(weights.logsumexp(0)) - math.log(4_096) + 0.25
    assert "unknown part" in (doubt_beside(weights, log_px, "log p(x)") or "")
    told = doubt_beside(weights, log_px, "log p(x)", exact=True) or ""
    assert "above 0.70" in told and "0.25 nats from the exact log p(x)" in told


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_the_best_gaussian_is_found_where_the_encoder_looks_at_another_mode(d: int) -> None:
    model, x, (mu, logvar), _ = with_two_modes(d, scale=0.5)
    best = best_gaussian(model, x)
    torch.testing.assert_close(best[0], mu, atol=0.01, rtol=0)
    torch.testing.assert_close(best[1], logvar, atol=0.05, rtol=0)
    there = (torch.cat([2 - best[0][:1], best[0][1:]]), best[1])
    assert elbo_of(model, x, best) == pytest.approx(elbo_of(model, x, there) + 4, abs=0.5)


def elbo_of(model: LatentModel, x: torch.Tensor, q: tuple[torch.Tensor, torch.Tensor]) -> float:
    return expected_log_likelihood(model, x, *q) - kl_to_prior(model, *q)


def test_the_best_gaussian_of_digits_is_no_local_one(data_root: Path) -> None:
    """Drawn digits whose encoder looks at another mode, 29 nats lower; log p(x) bounds it."""
    model = load_checkpoint("checkpoints/mnist-2d-binarised")
    grey = load_dataset("mnist", "test", data_root).floats(slice(0, 20))
    digits = torch.bernoulli(grey, generator=torch.Generator().manual_seed(5))
    for row, best_elbo in ((6, -189.83), (8, -232.34)):
        x = digits[row : row + 1]
        gap = elbo_gap(model, x, best_gaussian(model, x))
        assert gap.best_elbo == pytest.approx(best_elbo, abs=0.05)
        assert gap.best_kl_to_posterior == pytest.approx(gap.approximation_gap, abs=5e-3)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian"])
@pytest.mark.parametrize("d", [1, 2])
def test_elbo_and_gap_add_up_to_log_px(likelihood: str, d: int) -> None:
    model = bent_model(likelihood, d)
    generator = torch.Generator().manual_seed(4)
    for x in torch.rand(3, 1, 3, 3, generator=generator, dtype=torch.float64).round().split(1):
        gap = elbo_gap(model, x, best_gaussian(model, x))
        assert gap.apart == pytest.approx(0, abs=5e-3)
        assert gap.best_kl_to_posterior == pytest.approx(gap.approximation_gap, abs=5e-3)
        assert gap.kl_to_posterior is not None and gap.kl_to_posterior > 0
        assert gap.amortisation_gap > 0 and gap.approximation_gap > 0


def test_the_terms_add_up_under_a_prior_that_was_learned() -> None:
    torch.manual_seed(2)
    config = ModelConfig((1, 3, 3), 2, hidden=(12,), prior="vamp", pseudo_inputs=5)
    model = build_model(config).double().eval().requires_grad_(False)
    x = torch.rand(1, 1, 3, 3, dtype=torch.float64).round()
    cells = posterior_cells(model, x)
    gap = elbo_gap(model, x, best_gaussian(model, x, cells), cells=cells)
    assert gap.apart == pytest.approx(0, abs=5e-3)
    assert gap.best_kl_to_posterior == pytest.approx(gap.approximation_gap, abs=5e-3)


def test_beyond_two_dimensions_log_px_is_sampled() -> None:
    model = linear_gaussian(3)
    model.encoder[1].bias[3:] = -1.0  # wide enough for weights that are bounded
    x = images(model, 1)
    gap = elbo_gap(model, x, best_gaussian(model, x), samples=20_000)
    assert gap.log_px == pytest.approx(float(log_marginal(model, x)), abs=0.1)
    assert gap.kl_to_posterior is None and gap.apart is None
    assert gap.amortisation_gap > 0
    mu, logvar = (column[0] for column in model.encode(x))
    with pytest.raises(ConfigError, match="1 or 2 alone"):
        kl_to_posterior(model, x, mu, logvar, gap.log_px)


def test_log_px_is_sampled_where_the_encoder_misses_the_posterior() -> None:
    """An encoder far off its mark: q* still finds log p(x), and no gap is negative."""
    model = linear_gaussian(3)
    x = images(model, 1)
    model.encoder[1].bias[:3] += 4.0
    gap = elbo_gap(model, x, best_gaussian(model, x), samples=4_000)
    assert gap.log_px == pytest.approx(float(log_marginal(model, x)), abs=0.1)
    assert gap.elbo < gap.best_elbo <= gap.log_px + 0.05
    assert gap.effective_draws is not None and 400 < gap.effective_draws <= 4_000


def test_the_expectation_of_more_dimensions_is_near_its_closed_form() -> None:
    model = linear_gaussian(5)
    x = images(model, 1)
    mu, logvar = (column[0] for column in model.encode(x))
    w = model.decoder[0].weight
    spread = 0.5 * ((w.T @ w).diagonal() * logvar.exp()).sum() / model.likelihood.sigma**2
    exact = float(model.log_likelihood(x, mu[None]) - spread)
    assert expected_log_likelihood(model, x, mu, logvar) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("largest", [400, 12])
def test_the_picture_is_the_posterior_s_density(largest: int) -> None:
    model = linear_gaussian(2, 0.1)
    x = images(model, 1)
    cells, posterior = posterior_cells(model, x), true_posterior(model, x[0])
    density, (left, right, bottom, top) = posterior_picture(cells, largest)
    rows, columns = density.shape
    assert max(rows, columns) <= largest
    across, up = (right - left) / columns, (top - bottom) / rows
    assert across == pytest.approx(up) and across >= cells.width
    a = left + across * (np.arange(columns) + 0.5)
    b = top - up * (np.arange(rows) + 0.5)
    z = torch.from_numpy(np.stack(np.meshgrid(a, b), axis=-1))
    total = density.sum()
    mean = (density[..., None] * z.numpy()).sum((0, 1)) / total
    np.testing.assert_allclose(mean, posterior.mean, atol=0.01)
    if across == cells.width:
        oracle = posterior.log_prob(z).exp().numpy()
        np.testing.assert_allclose(density, oracle / oracle.max(), atol=2e-3)


def test_what_has_no_gap_is_refused() -> None:
    plain = build_model(ModelConfig((1, 2, 3), 2, hidden=(), kind="autoencoder"))
    with pytest.raises(ConfigError, match="no posterior and no ELBO"):
        best_gaussian(plain, torch.rand(1, 1, 2, 3))
    model = linear_gaussian(2)
    with pytest.raises(ConfigError, match="2 images"):
        best_gaussian(model, images(model, 2))
    line = linear_gaussian(1)
    with pytest.raises(ConfigError, match="two latent dimensions"):
        posterior_picture(posterior_cells(line, images(line, 1)))


def test_what_was_found_with_some_draws_is_judged_by_others() -> None:
    like = torch.zeros(5)
    few, many = (_draws(like, draws)[0] for draws in (ASCENT_DRAWS, DRAWS))
    assert not torch.cdist(few, many).eq(0).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_window_holds_both_gaussians_and_little_else(seed: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    a, b = (
        DiagonalGaussian(3 * torch.randn(2, generator=drawn), torch.randn(2, generator=drawn) - 1)
        for _ in range(2)
    )
    *middle, half = window_on(a, b)
    low, high = (torch.tensor(middle) + side * half for side in (-1, 1))
    for mu, logvar in (a, b):
        marginal = Normal(mu, logvar.exp().sqrt())
        assert (marginal.cdf(high) - marginal.cdf(low)).min() > 0.99999
    means, widest = torch.stack([a.mu, b.mu]), torch.stack([a.sigma, b.sigma]).max()
    assert half <= 5 * widest + float((means[0] - means[1]).abs().max()) / 2
