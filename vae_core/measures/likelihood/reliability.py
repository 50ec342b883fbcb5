"""Whether a mean of importance weights can be relied upon: how many count, and their tail.

Both look at the weights that were drawn. A mode that no draw has met is in none of them: with one
or two latent dimensions `exact_log_likelihood` knows; beyond, draws from elsewhere (the prior, the
best Gaussian) may have met it, and `doubt_beside` compares. What none has met nothing tells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vae_core.errors import ConfigError

LEAST_DRAWS = 25  # so that the tail has five
ALIKE = 0.01  # largest weights that differ by less, by rounding perhaps, have no tail
MISSED = math.log(2)  # nats: the draws met less than half of p(x)
FEW_DRAWS = 100  # effective ones: a mean of so few is off by about a tenth, by luck alone


def effective_draws(log_weights: Tensor) -> Tensor:
    """By how many equal weights a mean would be as accurate, (…) float64, for (…, K) log weights.

    (sum w)^2 / sum w^2 (Kong 1992), from 1 to K.
    """
    log_weights = log_weights.double()
    return torch.exp(2 * torch.logsumexp(log_weights, -1) - torch.logsumexp(2 * log_weights, -1))


def pareto_k(log_weights: Tensor) -> Tensor:
    """k-hat, the shape of the weights' Pareto tail, (n,) float64, for log weights (n, K).

    1 / k is how many moments the weights have: at 1/2 their variance is no longer finite, at 1 not
    even their mean. Fitted to the min(K / 5, 3 sqrt(K)) largest (Vehtari et al. 2024, appendix B;
    Zhang & Stephens 2009). NaN where these are within 1 % of one another: there is no tail.
    ConfigError below 25 draws.
    """
    draws = log_weights.shape[1]
    if draws < LEAST_DRAWS:
        raise ConfigError(f"{draws} weights show no tail; draw {LEAST_DRAWS} at least.")
    size = min(draws // 5, math.isqrt(9 * draws))
    largest = log_weights.double().topk(size + 1, dim=1).values
    weights = torch.exp(largest - largest[:, :1]).flip(1)  # in units of the largest, rising
    excess = weights[:, 1:] - weights[:, :1]
    alike = excess[:, -1] < ALIKE
    excess = torch.where(alike[:, None], 1.0, excess).clamp_min(torch.finfo(torch.float64).tiny)
    # theta = -k / sigma on a grid around what a quartile suggests, weighed by its likelihood.
    points = 30 + math.isqrt(size)
    grid = torch.arange(1, points + 1, device=excess.device, dtype=torch.float64) - 0.5
    quartile = excess[:, math.floor(size / 4 + 0.5) - 1, None]
    theta = 1 / excess[:, -1:] + (1 - (points / grid).sqrt()) / (3 * quartile)  # (n, points)
    shapes = _shape(theta, excess)
    likelihood = size * (torch.log(-theta / shapes) - shapes - 1)
    shape = _shape((torch.softmax(likelihood, 1) * theta).sum(1, keepdim=True), excess)[:, 0]
    # As ten further draws of shape 1/2 would have it: a guard against tails of few draws.
    return torch.where(alike, math.nan, (size * shape + 10 * 0.5) / (size + 10))


def _shape(theta: Tensor, excess: Tensor) -> Tensor:
    """The likeliest shape k, (n, m), at theta (n, m) of excesses over the threshold (n, size)."""
    return torch.log1p(-theta[..., None] * excess[:, None]).mean(-1)


def largest_reliable_k(draws: int) -> float:
    """The k-hat above which a mean of so many weights cannot be relied upon; 0.7 at most.

    Vehtari et al. 2024, section 3.2.4.
    """
    return min(1 - 1 / math.log10(draws), 0.7)


def doubt(draws: int, effective: float, k: float) -> str | None:
    """One sentence where a mean of `draws` weights is not to be relied upon, else None."""
    if k > (largest := largest_reliable_k(draws)):
        return (
            f"The Pareto k-hat of the weights is {k:.2f}, above {largest:.2f}: a few draws carry "
            "the sum, and an unknown part of log p(x) is missing that the standard error does not "
            "show."
        )
    return few_draws(draws, effective)


def few_draws(draws: int, effective: float) -> str | None:
    """One sentence where `draws` weights count as too few equal ones, else None."""
    if effective >= FEW_DRAWS:
        return None
    return (
        f"The {draws:,} weights count as {effective:,.0f} equal ones: too few for their standard "
        "error to be trusted."
    )


def doubt_beside(
    log_weights: Tensor, log_px: float, known: str, *, exact: bool = False
) -> str | None:
    """A remark where the mean of log weights (K,) is not to be relied upon, else None.

    log_px: log p(x) in nats, exact or by other draws; known: what it is, in words. Means of weights
    are low by as much as you like, and high by t nats with a probability of exp(-t) at most
    (Markov's inequality): of two, the higher is to be believed.
    """
    n = len(log_weights)
    found = float(torch.logsumexp(log_weights.double(), 0)) - math.log(n)
    if log_px - found > MISSED:
        met = math.ceil(100 * math.exp(found - log_px))
        return (
            f"All {n:,} draws from q together give {found:.2f} nats, {log_px - found:.1f} below "
            f"{known}: they have met less than {met} % of p(x). Their own weights need not show it."
        )
    effective, k = float(effective_draws(log_weights)), float(pareto_k(log_weights[None]))
    if exact and k > (largest := largest_reliable_k(n)):  # what is missing is known
        return (
            f"The Pareto k-hat of the {n:,} weights of q is {k:.2f}, above {largest:.2f}: alone "
            f"they could not be relied upon. Together they are {abs(log_px - found):.2f} nats from "
            "the exact log p(x)."
        )
    return doubt(n, effective, k)
