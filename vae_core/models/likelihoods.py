"""The observation model p(x given z): what the decoder's output means.

A likelihood turns the decoder's output ("parameters", (…, k * c, h, w) with k =
`parameters_per_channel`) into a mean image and into log p(x given z), summed over pixels, in nats.
Leading dimensions broadcast: parameters (images, samples, k * c, h, w) meet x (images, 1, c, h, w)
without a copy of x.

Another likelihood is a class under `@register_likelihood`; the test suite runs over all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from reprlib import repr as shown
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.plugins import HOW

LINKS = ("sigmoid", "identity")


class Likelihood(Protocol):
    """What every likelihood offers; `parameters` is the decoder's output, (…, k * c, h, w).

    is_density_of_grey: whether figures are a likelihood of images of many levels.
    """

    is_density_of_grey: bool
    parameters_per_channel: int

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """log p(x given z), (…), in nats; x (…, c, h, w) in [0, 1]."""
        ...

    def mean(self, parameters: Tensor) -> Tensor:
        """E[x given z], (…, c, h, w), in [0, 1]."""
        ...


_LIKELIHOODS: dict[str, tuple[Callable[..., Likelihood], tuple[str, ...]]] = {}
Build = TypeVar("Build", bound=Callable[..., Likelihood])


def register_likelihood(name: str, *settings: str) -> Callable[[Build], Build]:
    """Enter a class of likelihoods under `name`.

    settings: which of "sigma" and "link" of a ModelConfig it is made with.
    """

    def register(build: Build) -> Build:
        if name in _LIKELIHOODS:
            raise ConfigError(f"A likelihood named {name!r} is registered already; choose another.")
        _LIKELIHOODS[name] = (build, settings)
        return build

    return register


def likelihood_names(setting: str = "") -> list[str]:
    """The names that can be chosen; of those alone that are made with `setting`, if it is named."""
    return [name for name, (_, settings) in _LIKELIHOODS.items() if setting in ("", *settings)]


def registered_likelihood(name: str) -> Callable[..., Likelihood] | None:
    """The class that was registered under `name`, if there is one."""
    return _LIKELIHOODS[name][0] if name in _LIKELIHOODS else None


def is_density_of_grey(name: str) -> bool:
    """Whether figures by this likelihood are a likelihood of images of many levels."""
    return build_likelihood(name, 0.1, LINKS[0]).is_density_of_grey


def build_likelihood(name: str, sigma: float, link: str) -> Likelihood:
    """The likelihood `name`; ConfigError when it is unknown or its settings are out of range."""
    if name not in _LIKELIHOODS:
        raise ConfigError(
            f"Unknown likelihood {shown(name)}; choose one of {', '.join(_LIKELIHOODS)}. {HOW}."
        )
    build, settings = _LIKELIHOODS[name]
    given = {"sigma": sigma, "link": link}
    return build(**{setting: given[setting] for setting in settings})


@register_likelihood("bernoulli")
class Bernoulli:
    """Each pixel is a coin of probability sigmoid(parameter) (Kingma & Welling 2014, app. C.1).

    For binary x this is a log-likelihood. For grey x it is minus the cross-entropy: a fine training
    signal, yet no density of the data, so such figures are called cross-entropy.
    """

    is_density_of_grey = False
    parameters_per_channel = 1

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return _bernoulli_without_gradients(parameters, x)
        x = x.expand_as(parameters)
        cross_entropy = functional.binary_cross_entropy_with_logits(parameters, x, reduction="none")
        return -_image_sum(cross_entropy)

    def mean(self, parameters: Tensor) -> Tensor:
        return torch.sigmoid(parameters)


@register_likelihood("continuous-bernoulli")
class ContinuousBernoulli:
    """p(x) = C exp(eta x) on [0, 1], eta the parameter (Loaiza-Ganem & Cunningham 2019).

    The Bernoulli's density made proper for grey pixels: lambda^x (1 - lambda)^(1 - x) C with
    lambda = sigmoid(eta), and log C = -log((exp(eta) - 1) / eta) + log(1 + exp(eta)).
    """

    is_density_of_grey = True
    parameters_per_channel = 1

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        # log((e^eta - 1) / eta) = eta / 2 + log(sinh(a) / a) with a = |eta| / 2
        return _image_sum((x - 0.5) * parameters - _log_sinhc(parameters.abs() / 2))

    def mean(self, parameters: Tensor) -> Tensor:
        """The density's mean, nearer to 1/2 than lambda: 1 / (1 - exp(-eta)) - 1 / eta."""
        near_zero = parameters.abs() < 0.5
        eta = torch.where(near_zero, torch.ones_like(parameters), parameters)
        far = 0.5 + 0.5 / torch.tanh(eta / 2) - 1 / eta
        squared = parameters.square()
        series = 1 / 12 - squared * (1 / 720 - squared * (1 / 30_240 - squared / 1_209_600))
        near = 0.5 + parameters * series
        return torch.where(near_zero, near, far)


@register_likelihood("gaussian", "sigma", "link")
class Gaussian:
    """x = mean + sigma * noise with one fixed sigma, in pixel units of [0, 1].

    The mean is sigmoid(parameter) (Kingma & Welling 2014, appendix C.2), or the parameter itself
    where `link="identity"`; an image shown is then clipped to [0, 1], its likelihood is not.
    """

    is_density_of_grey = True
    parameters_per_channel = 1

    def __init__(self, sigma: float = 0.1, link: str = "sigmoid") -> None:
        self.sigma, self.link = _checked_sigma(sigma), _checked_link(link)

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        squares = _image_sum((x - _linked(parameters, self.link)).square())
        pixels = math.prod(parameters.shape[-3:])
        log_scale = math.log(self.sigma) + 0.5 * math.log(2 * math.pi)
        return -0.5 * squares / self.sigma**2 - pixels * log_scale

    def mean(self, parameters: Tensor) -> Tensor:
        return _linked(parameters, self.link).clamp(0, 1)


@register_likelihood("learned-gaussian", "sigma", "link")
class LearnedGaussian(nn.Module):
    """The Gaussian whose one sigma is learned with the weights (Rybkin et al. 2021, sigma-VAE).

    One sigma for all pixels rather than one each: a pixel that never changes, such as a border that
    is always black, would draw its own sigma to 0 and the density to infinity. So the weight
    between reconstruction and KL is found instead of set. It starts at `sigma` and stays above
    exp(-6), softly.
    """

    is_density_of_grey = True
    parameters_per_channel = 1
    MIN_LOG_SIGMA = -6.0

    def __init__(self, sigma: float = 0.1, link: str = "sigmoid") -> None:
        super().__init__()
        sigma, self.link = _checked_sigma(sigma), _checked_link(link)
        above = max(math.log(sigma) - self.MIN_LOG_SIGMA, 1e-3)
        # softplus(raw) = above
        self.raw_log_sigma = nn.Parameter(torch.tensor(above + math.log(-math.expm1(-above))))

    @property
    def log_sigma(self) -> Tensor:
        return self.MIN_LOG_SIGMA + functional.softplus(self.raw_log_sigma)

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        squares = _image_sum((x - _linked(parameters, self.link)).square())
        pixels = math.prod(parameters.shape[-3:])
        log_sigma = self.log_sigma
        log_scale = log_sigma + 0.5 * math.log(2 * math.pi)
        return -0.5 * squares * torch.exp(-2 * log_sigma) - pixels * log_scale

    def mean(self, parameters: Tensor) -> Tensor:
        return _linked(parameters, self.link).clamp(0, 1)


@register_likelihood("discretised-logistic")
class DiscretisedLogistic:
    """The probability of each of 256 levels under a logistic (Salimans et al. 2017, one component).

    A level's share is the logistic's mass within half a level of it; the ends take what lies beyond
    them, so the 256 shares add up to 1. The first half of the parameters are locations, through a
    sigmoid, the second log scales relative to 1, -7 at least. Figures are log probabilities of
    discrete levels, not densities: a density's are larger by log 255 a pixel value.
    """

    is_density_of_grey = True
    parameters_per_channel = 2
    MIN_LOG_SCALE = -7.0
    FIRST_LOG_SCALE = -2.0  # what an untrained decoder, near 0, gives

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        location, raw = parameters.chunk(2, dim=-3)
        log_scale = (raw + self.FIRST_LOG_SCALE).clamp_min(self.MIN_LOG_SCALE)
        half = torch.exp(-log_scale) / 510  # half a level, in units of the scale
        centre = (x - torch.sigmoid(location)) * torch.exp(-log_scale)
        below_upper = functional.logsigmoid(centre + half)  # log of the mass below its upper end
        above_lower = functional.logsigmoid(half - centre)  # log of the mass above its lower end
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), which never cancels
        within = below_upper + above_lower + torch.log(-torch.expm1(-2 * half))
        x = x.expand_as(within)
        at_ends = torch.where(x < 0.5 / 255, below_upper, above_lower)
        return _image_sum(torch.where((x < 0.5 / 255) | (x > 254.5 / 255), at_ends, within))

    def mean(self, parameters: Tensor) -> Tensor:
        """The locations: the mean but for what the ends cut off."""
        return torch.sigmoid(parameters.chunk(2, dim=-3)[0])


def effective_beta(sigma: float, beta: float = 1.0) -> float:
    """The weight of the KL beside the plain sum of squares: 2 sigma^2 beta.

    With a Gaussian likelihood of fixed sigma, -log p(x given z) + beta KL is, up to a constant and
    the factor 1 / (2 sigma^2), |x - mean|^2 + 2 sigma^2 beta KL, with x in [0, 1]. So a smaller
    sigma is a smaller beta. (Beside half the sum of squares the weight is sigma^2 beta.)
    """
    return 2 * _checked_sigma(sigma) ** 2 * beta


def _bernoulli_without_gradients(parameters: Tensor, x: Tensor) -> Tensor:
    """eta·(x - 1/2) - sum(|eta|) / 2 + sum(log sigmoid(|eta|)), over the pixels' eta.

    The first is one product for all draws that meet the same image. Of the factors sigmoid(|eta|),
    1/2 at least, up to 64 are multiplied before a logarithm is taken: none underflows.
    """
    eta = parameters.flatten(-3)
    fit = torch.einsum("...p,...p->...", eta, x.flatten(-3).to(eta.dtype) - 0.5)
    size = eta.abs()
    fit -= 0.5 * size.sum(-1)
    factors = size.sigmoid_()
    for _ in range(6):
        if factors.shape[-1] % 2:
            break
        one, other = factors.chunk(2, dim=-1)
        factors = one * other
    return fit + factors.log_().sum(-1)


def _image_sum(values: Tensor) -> Tensor:
    return values.flatten(-3).sum(-1)


def _log_sinhc(a: Tensor) -> Tensor:
    """log(sinh(a) / a) for a >= 0, by its series where the closed form would cancel."""
    near_zero = a < 0.3
    safe = torch.where(near_zero, torch.ones_like(a), a)
    far = safe + torch.log1p(-torch.exp(-2 * safe)) - torch.log(2 * safe)
    squared = a.square()
    near = squared * (1 / 6 - squared * (1 / 180 - squared * (1 / 2835 - squared / 37_800)))
    return torch.where(near_zero, near, far)


def _linked(parameters: Tensor, link: str) -> Tensor:
    return torch.sigmoid(parameters) if link == "sigmoid" else parameters


def _checked_sigma(sigma: float) -> float:
    if not (math.isfinite(sigma) and sigma > 0):
        raise ConfigError(f"sigma={sigma} is not a standard deviation; give a number above 0.")
    return sigma


def _checked_link(link: str) -> str:
    if link not in LINKS:
        raise ConfigError(f"Unknown link {shown(link)}; choose {' or '.join(LINKS)}.")
    return link
