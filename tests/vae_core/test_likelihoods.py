"""Log-likelihoods against torch.distributions and SciPy."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributions

from vae_core.errors import ConfigError
from vae_core.likelihoods import LIKELIHOODS, Bernoulli, Gaussian, build_likelihood

SHAPE = (6, 3, 4, 5)


@pytest.fixture
def parameters() -> torch.Tensor:
    return 4 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def grey() -> torch.Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))


def test_bernoulli_is_the_likelihood_of_binary_pixels(
    parameters: torch.Tensor, grey: torch.Tensor
) -> None:
    x = (grey > 0.5).float()
    ours = Bernoulli().log_prob(parameters, x)
    oracle = distributions.Bernoulli(logits=parameters.double()).log_prob(x.double())
    torch.testing.assert_close(ours.double(), oracle.sum((1, 2, 3)), rtol=1e-5, atol=1e-4)
    scipy_oracle = scipy.stats.bernoulli.logpmf(x, scipy.special.expit(parameters.double().numpy()))
    np.testing.assert_allclose(ours, scipy_oracle.sum((1, 2, 3)), rtol=1e-5)


def test_bernoulli_of_grey_pixels_is_minus_the_cross_entropy(
    parameters: torch.Tensor, grey: torch.Tensor
) -> None:
    x, p = grey.double(), parameters.double().sigmoid()
    oracle = (x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3))
    ours = Bernoulli().log_prob(parameters, grey)
    torch.testing.assert_close(ours.double(), oracle, rtol=1e-5, atol=1e-4)
    assert not Bernoulli().is_density_of_grey


def test_bernoulli_stays_finite_where_the_decoder_is_certain_and_wrong() -> None:
    logits, x = torch.tensor([[[[200.0, -200.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
    assert Bernoulli().log_prob(logits, x).item() == pytest.approx(-400)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("link", ["sigmoid", "identity"])
def test_gaussian_is_the_normal_density(
    parameters: torch.Tensor, grey: torch.Tensor, sigma: float, link: str
) -> None:
    mean = parameters.double().sigmoid() if link == "sigmoid" else parameters.double()
    ours = Gaussian(sigma, link).log_prob(parameters, grey)
    oracle = distributions.Normal(mean, sigma).log_prob(grey.double()).sum((1, 2, 3))
    torch.testing.assert_close(ours.double(), oracle, rtol=1e-5, atol=1e-3)
    scipy_oracle = scipy.stats.norm.logpdf(grey.double(), mean, sigma).sum((1, 2, 3))
    np.testing.assert_allclose(ours, scipy_oracle, rtol=1e-5, atol=1e-3)
    assert Gaussian(sigma, link).is_density_of_grey


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(), Gaussian(link="identity")])
def test_the_mean_is_an_image(likelihood: Bernoulli | Gaussian, parameters: torch.Tensor) -> None:
    mean = likelihood.mean(parameters)
    assert mean.shape == SHAPE and mean.min() >= 0 and mean.max() <= 1


def test_only_the_shown_image_of_an_identity_link_is_clipped(parameters: torch.Tensor) -> None:
    likelihood = Gaussian(0.1, "identity")
    assert torch.equal(likelihood.mean(parameters), parameters.clamp(0, 1))
    beyond, edge = torch.full((1, 1, 1, 1), 3.0), torch.ones(1, 1, 1, 1)
    assert likelihood.log_prob(beyond, edge) < likelihood.log_prob(edge, edge)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_one_image_meets_many_parameters(
    name: str, parameters: torch.Tensor, grey: torch.Tensor
) -> None:
    likelihood = build_likelihood(name, 0.1, "sigmoid")
    together = likelihood.log_prob(parameters, grey[:1])
    one_by_one = [likelihood.log_prob(p[None], grey[:1])[0] for p in parameters]
    torch.testing.assert_close(together, torch.stack(one_by_one))


@given(st.floats(-30, 30), st.sampled_from([0.0, 1.0]))
def test_the_likelihood_of_a_coin_is_a_probability(logit: float, x: float) -> None:
    parameter = torch.full((1, 1, 1, 1), logit, dtype=torch.float64)
    sides = [Bernoulli().log_prob(parameter, torch.full_like(parameter, s)).exp() for s in (0, 1)]
    assert sum(sides).item() == pytest.approx(1)
    assert Bernoulli().mean(parameter).item() == pytest.approx(sides[1].item())


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_a_sigma_that_is_no_standard_deviation_is_refused(sigma: float) -> None:
    with pytest.raises(ConfigError, match=f"sigma={sigma}"):
        Gaussian(sigma)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="'poisson'; choose one of bernoulli, gaussian"):
        build_likelihood("poisson", 0.1, "sigmoid")
    with pytest.raises(ConfigError, match="'probit'"):
        Gaussian(0.1, "probit")
