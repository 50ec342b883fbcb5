"""log p(x) by quadrature, against closed forms, SciPy and the true posterior."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import (
    images,
    linear_gaussian,
    log_marginal,
    true_posterior,
)
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.quadrature import exact_log_likelihood, log_joint, posterior_cells
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("noise", [0.005, 0.02, 0.1, 0.3, 2.0])
def test_the_sum_over_cells_is_the_marginal_of_a_linear_model(d: int, noise: float) -> None:
    """From posteriors of a hundredth of a cell to those as wide as the prior."""
    model = linear_gaussian(d, noise)
    x = images(model, 6)
    exact = log_marginal(model, x)
    torch.testing.assert_close(exact_log_likelihood(model, x), exact, atol=2e-4, rtol=1e-6)


@pytest.mark.parametrize("logvar", [-14.0, -6.0, 1.0])
@pytest.mark.parametrize("mu", [0.0, 3.0])
def test_a_wrong_encoder_does_not_mislead_the_sum(mu: float, logvar: float) -> None:
    model = linear_gaussian(2, 0.05)
    model.encoder[1].weight.zero_()
    model.encoder[1].bias.copy_(torch.tensor([mu, -mu, logvar, logvar]))
    x = images(model, 3)
    exact = log_marginal(model, x)
    torch.testing.assert_close(exact_log_likelihood(model, x), exact, atol=2e-4, rtol=1e-6)


@pytest.mark.parametrize("d", [1, 2])
def test_an_image_unlike_the_data_is_summed_over_where_its_posterior_is(d: int) -> None:
    """Its posterior lies where the prior is nothing, and the encoder does not know."""
    model = linear_gaussian(d, 0.05)
    model.encoder[1].weight.zero_()
    model.encoder[1].bias.zero_()
    z = torch.tensor([[0.5] * d, [11.0] * d, [-30.0] + [0.0] * (d - 1)], dtype=torch.float64)
    x = model.decode_parameters(z)
    exact = log_marginal(model, x)
    torch.testing.assert_close(exact_log_likelihood(model, x), exact, atol=2e-4, rtol=1e-6)
    with pytest.raises(ConfigError, match="unlike all that the model can draw"):
        exact_log_likelihood(model, model.decode_parameters(z * 3))


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian"])
@pytest.mark.parametrize("d", [1, 2])
def test_the_sum_over_cells_is_scipys_integral(d: int, likelihood: str) -> None:
    """Of a decoder bent enough for several modes."""
    torch.manual_seed(3)
    config = ModelConfig(
        (1, 3, 3), d, hidden=(12,), activation="tanh", likelihood=likelihood, sigma=0.3
    )
    model = build_model(config).double().eval().requires_grad_(False)
    model.decoder[0].weight.mul_(3)
    model.decoder[2].weight.mul_(4)
    x = torch.rand(2, 1, 3, 3, generator=seeded(4)).double().round()
    for image, ours in zip(x, exact_log_likelihood(model, x), strict=True):

        def integrand(z: np.ndarray, image: torch.Tensor, ours: torch.Tensor) -> np.ndarray:
            at = torch.from_numpy(z)
            log_p = model.log_likelihood(image[None], at) - 0.5 * at.square().sum(1)
            return (log_p - ours).exp().numpy() / (2 * math.pi) ** (d / 2)

        ends = [-6] * d, [6] * d
        integral = scipy.integrate.cubature(integrand, *ends, rtol=1e-6, atol=0, args=(image, ours))
        assert integral.status == "converged"
        assert math.log(integral.estimate) == pytest.approx(0, abs=2e-4)


def test_the_joint_on_a_grid_is_the_true_posterior() -> None:
    model = linear_gaussian(2, 0.1)
    x = images(model, 2)
    z = torch.randn(40, 2, generator=seeded()).double()
    ours = log_joint(model, x, z) - log_marginal(model, x)[:, None]
    for image, log_posterior in zip(x, ours, strict=True):
        oracle = true_posterior(model, image).log_prob(z)
        torch.testing.assert_close(log_posterior, oracle, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("noise", [0.005, 0.05, 0.3, 2.0])
def test_the_cells_of_one_image_are_its_true_posterior(d: int, noise: float) -> None:
    model = linear_gaussian(d, noise)
    for x in images(model, 4).split(1):
        cells = posterior_cells(model, x)
        assert len(cells.centres) >= {1: 200, 2: 400}[d]
        torch.testing.assert_close(cells.log_px, log_marginal(model, x)[0], atol=2e-4, rtol=1e-6)
        oracle = true_posterior(model, x[0]).log_prob(cells.centres)
        torch.testing.assert_close(cells.log_density, oracle, atol=1e-3, rtol=1e-6)
        mass = float(cells.log_density.exp().sum() * cells.width**d)
        assert mass == pytest.approx(1, abs=1e-3)


def test_the_cells_of_one_image_hold_every_mode_of_its_posterior() -> None:
    """A decoder of |z_1|: the posterior has a mirror image."""
    model = linear_gaussian(2, 0.1)
    decode = model.decode_parameters
    model.decode_parameters = lambda z: decode(torch.stack([z[:, 0].abs(), z[:, 1]], 1))
    x = model.decode_parameters(torch.tensor([[1.7, 0.4]]).double())
    cells = posterior_cells(model, x)
    masses = [
        cells.log_density[side].exp().sum()
        for side in (cells.centres[:, 0] > 0, cells.centres[:, 0] < 0)
    ]
    torch.testing.assert_close(masses[0], masses[1], rtol=1e-3, atol=0)
    torch.testing.assert_close(cells.log_px, exact_log_likelihood(model, x)[0], atol=2e-4, rtol=0)


def test_what_has_no_exact_likelihood_is_refused_and_no_image_has_none() -> None:
    config = ModelConfig((1, 2, 3), 3, hidden=())
    x = torch.rand(2, 1, 2, 3)
    with pytest.raises(ConfigError, match="1 or 2 latent dimensions"):
        exact_log_likelihood(build_model(config), x)
    plain = build_model(replace(config, latent_dim=2, kind="autoencoder"))
    with pytest.raises(ConfigError, match="for a VAE"):
        exact_log_likelihood(plain, x)
    model = linear_gaussian(2)
    assert exact_log_likelihood(model, images(model, 2)[:0]).shape == (0,)


def test_a_prior_far_from_the_origin_is_summed_over_where_it_lies() -> None:
    """A VampPrior of one pseudo-input is a Gaussian, and p(x) one of closed form."""
    torch.manual_seed(0)
    config = ModelConfig(
        (1, 2, 3), 2, hidden=(), likelihood="gaussian", link="identity", sigma=0.5,
        prior="vamp", pseudo_inputs=1,
    )  # fmt: skip
    model = build_model(config).double().eval().requires_grad_(False)
    model.encoder[1].weight.mul_(0.05)
    model.encoder[1].bias[:] = torch.tensor([15.0, -15.0, -1.0, -1.0])
    x = model.decode_parameters(torch.tensor([[15.2, -14.9], [14.5, -15.0]]).double())
    prior, w, b = model.prior(), model.decoder[0].weight, model.decoder[0].bias
    covariance = w @ torch.diag(prior.logvar[0].exp()) @ w.T + 0.25 * torch.eye(6).double()
    normal = scipy.stats.multivariate_normal((w @ prior.mu[0] + b).numpy(), covariance.numpy())
    expected = torch.from_numpy(normal.logpdf(x.flatten(1).numpy()))
    torch.testing.assert_close(exact_log_likelihood(model, x), expected, atol=1e-4, rtol=0)
    model.encoder[1].bias[2:] = -10.0
    with pytest.raises(ConfigError, match="too narrow"):
        exact_log_likelihood(model, x)


@pytest.mark.parametrize("far", [100.0, math.nan])
def test_codes_far_beyond_the_prior_are_refused(far: float) -> None:
    model = linear_gaussian(2)
    model.encoder[1].bias[0] = far
    with pytest.raises(ConfigError, match="as far out as"):
        exact_log_likelihood(model, images(model, 2))
