"""Log-likelihoods against torch.distributions and SciPy."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributions

from vae_core.errors import ConfigError
from vae_core.models.likelihoods import (
    Bernoulli,
    ContinuousBernoulli,
    DiscretisedLogistic,
    Gaussian,
    LearnedGaussian,
    Likelihood,
    build_likelihood,
    effective_beta,
    likelihood_names,
)

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


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 4, 5), (1, 7, 9), (1, 1, 13), (2, 64, 64)])
@pytest.mark.parametrize("grey", [False, True])
def test_bernoulli_without_gradients_is_the_same(shape: tuple[int, ...], grey: bool) -> None:
    """Of images of any number of pixels, and of many draws that meet the same image."""
    generator = torch.Generator().manual_seed(2)
    x = torch.rand((2, 1, *shape), generator=generator)
    x = x if grey else x.round()
    for scale in (0.0, 1.0, 10.0, 300.0):  # all even; as it learns; certain, right and wrong
        eta = scale * torch.randn((2, 5, *shape), generator=generator)
        before = eta.clone()
        with torch.no_grad():
            ours = Bernoulli().log_prob(eta, x)
        entropy = x.double() * eta.double() - torch.nn.functional.softplus(eta.double())
        oracle = entropy.flatten(-3).sum(-1)
        rounding = 1e-6 * float(eta.abs().flatten(-3).sum(-1).max()) + 1e-3
        assert ours.shape == (2, 5) and torch.equal(eta, before)
        assert (ours.double() - oracle).abs().max() < rounding
        if not grey:
            there = distributions.Bernoulli(logits=eta.double()).log_prob(x.double().expand_as(eta))
            assert (ours.double() - there.flatten(-3).sum(-1)).abs().max() < rounding


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
    with torch.no_grad():
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


def parameters_of(likelihood: Likelihood, seed: int = 0) -> torch.Tensor:
    n, c, h, w = SHAPE
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.randn(n, likelihood.parameters_per_channel * c, h, w, generator=generator)


@pytest.mark.parametrize("name", likelihood_names())
@pytest.mark.parametrize("link", ["sigmoid", "identity"])
def test_the_mean_is_an_image(name: str, link: str) -> None:
    likelihood = build_likelihood(name, 0.1, link)
    mean = likelihood.mean(parameters_of(likelihood))
    assert mean.shape == SHAPE and mean.min() >= 0 and mean.max() <= 1


@pytest.mark.parametrize(
    "likelihood", [Gaussian(0.1, "identity"), LearnedGaussian(0.1, "identity")]
)
def test_only_the_shown_image_of_an_identity_link_is_clipped(
    likelihood: Likelihood, parameters: torch.Tensor
) -> None:
    assert torch.equal(likelihood.mean(parameters), parameters.clamp(0, 1))
    beyond, edge = torch.full((1, 1, 1, 1), 3.0), torch.ones(1, 1, 1, 1)
    assert likelihood.log_prob(beyond, edge) < likelihood.log_prob(edge, edge)


@pytest.mark.parametrize("name", likelihood_names())
def test_images_meet_many_parameters_each_without_a_copy(name: str, grey: torch.Tensor) -> None:
    likelihood = build_likelihood(name, 0.1, "sigmoid")
    parameters = torch.stack([parameters_of(likelihood, seed) for seed in range(4)], dim=1)
    together = likelihood.log_prob(parameters, grey[:, None])
    assert together.shape == (6, 4)
    for k in range(4):
        torch.testing.assert_close(together[:, k], likelihood.log_prob(parameters[:, k], grey))


@pytest.mark.parametrize("name", likelihood_names())
def test_one_image_meets_many_parameters(name: str, grey: torch.Tensor) -> None:
    likelihood = build_likelihood(name, 0.1, "sigmoid")
    parameters = parameters_of(likelihood)
    together = likelihood.log_prob(parameters, grey[:1])
    one_by_one = [likelihood.log_prob(p[None], grey[:1])[0] for p in parameters]
    torch.testing.assert_close(together, torch.stack(one_by_one))


@given(st.floats(-30, 30), st.sampled_from([0.0, 1.0]))
def test_the_likelihood_of_a_coin_is_a_probability(logit: float, x: float) -> None:
    parameter = torch.full((1, 1, 1, 1), logit, dtype=torch.float64)
    sides = [Bernoulli().log_prob(parameter, torch.full_like(parameter, s)).exp() for s in (0, 1)]
    assert sum(sides).item() == pytest.approx(1)
    assert Bernoulli().mean(parameter).item() == pytest.approx(sides[1].item())


# Continuous Bernoulli


ETAS = [0.0, 1e-6, -1e-3, 0.1, -0.4, 0.59, 0.61, -1.0, 5.0, -30.0, 88.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("eta", ETAS)
def test_continuous_bernoulli_is_that_of_torch(eta: float, dtype: torch.dtype) -> None:
    x = torch.linspace(0, 1, 12, dtype=dtype).reshape(12, 1, 1, 1)
    parameter = torch.full((12, 1, 1, 1), eta, dtype=dtype)
    ours = ContinuousBernoulli().log_prob(parameter, x)
    # torch's own normaliser switches to a short series within 0.001 of 1/2, and in single precision
    # loses lambda for |eta| > 17: its limits are narrowed and it is asked in double precision.
    oracle = distributions.ContinuousBernoulli(
        logits=torch.tensor(eta, dtype=torch.float64), lims=(0.49999, 0.50001)
    )
    rtol = 1e-5 if dtype == torch.float32 else 1e-6
    if abs(eta) < 30:
        expected = oracle.log_prob(x.double().flatten())
        torch.testing.assert_close(ours.double(), expected, rtol=rtol, atol=2e-6)
        mean = ContinuousBernoulli().mean(parameter[:1]).item()
        assert mean == pytest.approx(oracle.mean.item(), abs=2e-6)


@settings(max_examples=25)
@given(st.floats(-300, 300))
def test_a_continuous_bernoulli_is_a_density_with_its_mean(eta: float) -> None:
    def density(x: float) -> float:
        at = torch.tensor([[[[x]]]], dtype=torch.float64)
        return float(ContinuousBernoulli().log_prob(torch.full_like(at, eta), at).exp())

    ends = [1 / max(1.0, abs(eta)), 1 - 1 / max(1.0, abs(eta))]
    total, _ = scipy.integrate.quad(density, 0, 1, points=ends)
    mean, _ = scipy.integrate.quad(lambda x: x * density(x), 0, 1, points=ends)
    assert total == pytest.approx(1, abs=1e-7)
    parameter = torch.tensor([[[[eta]]]], dtype=torch.float64)
    assert ContinuousBernoulli().mean(parameter).item() == pytest.approx(mean, abs=1e-7)


def test_the_gradient_of_a_continuous_bernoulli_is_x_minus_its_mean() -> None:
    """As of any exponential family; near eta = 0, too, where the closed form is 0 / 0."""
    eta = torch.tensor([*ETAS, *(-e for e in ETAS)]).reshape(-1, 1, 1, 1).requires_grad_()
    x = torch.full_like(eta, 0.3)
    ContinuousBernoulli().log_prob(eta, x).sum().backward()
    torch.testing.assert_close(eta.grad, x - ContinuousBernoulli().mean(eta), atol=1e-6, rtol=1e-5)


# The Gaussian with a learned sigma


@pytest.mark.parametrize("sigma", [0.01, 0.3, 2.0])
def test_a_learned_gaussian_begins_as_the_fixed_one(
    sigma: float, parameters: torch.Tensor, grey: torch.Tensor
) -> None:
    learned, fixed = LearnedGaussian(sigma), Gaussian(sigma)
    assert learned.log_sigma.item() == pytest.approx(math.log(sigma), rel=1e-5)
    ours, theirs = (each.log_prob(parameters, grey) for each in (learned, fixed))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-2)
    assert torch.equal(learned.mean(parameters), fixed.mean(parameters))


def test_the_learned_sigma_finds_the_root_mean_square_error(grey: torch.Tensor) -> None:
    """The maximum likelihood sigma^2 is the mean of the squares (Rybkin et al. 2021, eq. 6)."""
    likelihood, mean = LearnedGaussian(0.5, "identity"), torch.full(SHAPE, 0.4)
    optimizer = torch.optim.SGD(likelihood.parameters(), lr=2e-3)
    for _ in range(100):
        optimizer.zero_grad()
        (-likelihood.log_prob(mean, grey).mean()).backward()
        optimizer.step()
    expected = (grey - mean).square().mean().sqrt().item()
    assert likelihood.log_sigma.exp().item() == pytest.approx(expected, rel=1e-3)


def test_a_perfect_decoder_cannot_draw_sigma_to_zero(grey: torch.Tensor) -> None:
    likelihood = LearnedGaussian(0.1, "identity")
    with torch.no_grad():
        likelihood.raw_log_sigma.fill_(-1e4)
    assert likelihood.log_sigma.item() == LearnedGaussian.MIN_LOG_SIGMA
    assert torch.isfinite(likelihood.log_prob(grey, grey)).all()


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0])
def test_the_effective_beta_weighs_the_kl_beside_the_sum_of_squares(
    sigma: float, parameters: torch.Tensor, grey: torch.Tensor
) -> None:
    """-log p + beta KL and |x - mean|^2 + effective_beta KL differ by a factor and a constant."""
    likelihood, beta = Gaussian(sigma, "identity"), 4.0
    kl = torch.rand(6, generator=torch.Generator().manual_seed(3)) * 50
    squares = (grey - parameters).square().sum((1, 2, 3))
    weighed = 2 * sigma**2 * (beta * kl - likelihood.log_prob(parameters, grey))
    difference = (weighed - squares - effective_beta(sigma, beta) * kl).double()
    assert difference.std() < 1e-3 * (1 + difference.abs().mean())


# Discretised logistic


LEVELS = torch.arange(256, dtype=torch.float64).reshape(256, 1, 1, 1) / 255


@given(st.floats(-40, 40), st.floats(-12, 6))
def test_the_256_levels_of_a_discretised_logistic_add_up_to_one(
    location: float, scale: float
) -> None:
    parameter = torch.tensor([location, scale], dtype=torch.float64).reshape(1, 2, 1, 1)
    logs = DiscretisedLogistic().log_prob(parameter.expand(256, 2, 1, 1), LEVELS)
    assert torch.logsumexp(logs, 0).item() == pytest.approx(0, abs=1e-9)


@given(st.floats(-3, 3), st.floats(-2, 2))
def test_a_level_has_the_logistics_mass_within_half_a_level(location: float, scale: float) -> None:
    parameter = torch.tensor([location, scale], dtype=torch.float64).reshape(1, 2, 1, 1)
    logs = DiscretisedLogistic().log_prob(parameter.expand(256, 2, 1, 1), LEVELS)
    logistic = scipy.stats.logistic(
        scipy.special.expit(location), math.exp(scale + DiscretisedLogistic.FIRST_LOG_SCALE)
    )
    edges = logistic.cdf(np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]]))
    np.testing.assert_allclose(logs.exp(), np.diff(edges), rtol=1e-6, atol=1e-13)


def test_channels_have_locations_and_scales_of_their_own(grey: torch.Tensor) -> None:
    likelihood = DiscretisedLogistic()
    parameters, x = parameters_of(likelihood), (grey * 255).round() / 255
    by_channel = [likelihood.log_prob(parameters[:, [c, c + 3]], x[:, c : c + 1]) for c in range(3)]
    torch.testing.assert_close(likelihood.log_prob(parameters, x), sum(by_channel))
    assert torch.equal(likelihood.mean(parameters), parameters[:, :3].sigmoid())


def test_a_certain_and_wrong_discretised_logistic_stays_finite() -> None:
    parameters = torch.tensor([30.0, -30.0]).reshape(1, 2, 1, 1).requires_grad_()
    for x in (0.0, 1 / 255, 0.5, 1.0):
        log_prob = DiscretisedLogistic().log_prob(parameters, torch.full((1, 1, 1, 1), x))
        (gradient,) = torch.autograd.grad(log_prob.sum(), parameters)
        assert torch.isfinite(log_prob).all() and torch.isfinite(gradient).all()


# What is refused


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_a_sigma_that_is_no_standard_deviation_is_refused(sigma: float) -> None:
    with pytest.raises(ConfigError, match=f"sigma={sigma}"):
        Gaussian(sigma)
    with pytest.raises(ConfigError, match=f"sigma={sigma}"):
        LearnedGaussian(sigma)
    with pytest.raises(ConfigError, match=f"sigma={sigma}"):
        effective_beta(sigma)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'poisson'; choose one of bernoulli, .*gaussian"):
        build_likelihood("poisson", 0.1, "sigmoid")
    with pytest.raises(ConfigError, match="'probit'"):
        Gaussian(0.1, "probit")
