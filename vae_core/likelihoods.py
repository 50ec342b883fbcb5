"""The observation model p(x given z): what the decoder's output means.

A likelihood turns the decoder's output ("parameters", (batch, c, h, w)) into a mean image and into
log p(x given z), summed over pixels, in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from reprlib import repr as shown
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.errors import ConfigError


class Likelihood(Protocol):
    """What every likelihood offers; `parameters` is the decoder's output, (batch, c, h, w)."""

    is_density_of_grey: bool

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """log p(x given z), (batch,), in nats; x (batch, c, h, w) in [0, 1]."""
        ...

    def mean(self, parameters: Tensor) -> Tensor:
        """E[x given z], (batch, c, h, w), in [0, 1]."""
        ...


class Bernoulli:
    """Each pixel is a coin of probability sigmoid(parameter) (Kingma & Welling 2014, app. C.1).

    For binary x this is a log-likelihood. For grey x it is minus the cross-entropy: a fine training
    signal, yet no density of the data, so such figures are called cross-entropy.
    """

    is_density_of_grey = False

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        x = x.expand_as(parameters)
        cross_entropy = functional.binary_cross_entropy_with_logits(parameters, x, reduction="none")
        return -cross_entropy.flatten(1).sum(1)

    def mean(self, parameters: Tensor) -> Tensor:
        return torch.sigmoid(parameters)


class Gaussian:
    """x = mean + sigma * noise with one fixed sigma, in pixel units of [0, 1].

    The mean is sigmoid(parameter) (Kingma & Welling 2014, appendix C.2), or the parameter itself
    where `link="identity"`; an image shown is then clipped to [0, 1], its likelihood is not.
    """

    is_density_of_grey = True

    def __init__(self, sigma: float = 0.1, link: str = "sigmoid") -> None:
        if not (math.isfinite(sigma) and sigma > 0):
            raise ConfigError(f"sigma={sigma} is not a standard deviation; give a number above 0.")
        if link not in ("sigmoid", "identity"):
            raise ConfigError(f"Unknown link {shown(link)}; choose sigmoid or identity.")
        self.sigma = sigma
        self.link = link

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        mean = torch.sigmoid(parameters) if self.link == "sigmoid" else parameters
        squares = ((x - mean) / self.sigma).square().flatten(1)
        pixels = squares.shape[1]
        return -0.5 * squares.sum(1) - pixels * (math.log(self.sigma) + 0.5 * math.log(2 * math.pi))

    def mean(self, parameters: Tensor) -> Tensor:
        if self.link == "sigmoid":
            return torch.sigmoid(parameters)
        return parameters.clamp(0, 1)


LIKELIHOODS: dict[str, Callable[[float, str], Likelihood]] = {
    "bernoulli": lambda sigma, link: Bernoulli(),
    "gaussian": Gaussian,
}


def build_likelihood(name: str, sigma: float, link: str) -> Likelihood:
    """The likelihood `name`; ConfigError when it is unknown or its settings are out of range."""
    if name not in LIKELIHOODS:
        raise ConfigError(
            f"Unknown likelihood {shown(name)}; choose one of {', '.join(LIKELIHOODS)}."
        )
    return LIKELIHOODS[name](sigma, link)
