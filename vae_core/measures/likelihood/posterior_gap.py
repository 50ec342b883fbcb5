"""What stands between the ELBO and log p(x), for one image.

    log p(x) = ELBO(q) + KL(q || p(z given x))                          (Kingma & Welling 2014)
    KL(q || p(z given x)) = [log p(x) - ELBO(q*)] + [ELBO(q*) - ELBO(q)]    (Cremer et al. 2018)

q* is the best diagonal Gaussian for this image. The first bracket is the approximation gap: no
Gaussian does better. The second is the amortisation gap: the encoder, which serves all images, does
not find it. With one or two latent dimensions each term is computed by quadrature of its own, so
that the equation is a check and not a definition.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.measures.likelihood.quadrature import Cells, log_joint, posterior_cells
from vae_core.measures.likelihood.reliability import effective_draws, pareto_k
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import Prior, StandardNormal, kl_to_standard_normal

EXACT_DIM = 2  # the most latent dimensions over which a sum over cells is feasible
# By latent dimensions: nodes of Gauss-Hermite quadrature along each, until it settles.
NODES = {1: (48, 96, 192), 2: (8, 16, 32, 64, 96)}
ASCENT_NODES = {1: 12, 2: 6}
DRAWS = 512  # in their place where there are more dimensions
ASCENT_DRAWS = 64
STEPS = 30
STARTS = 2  # of the climb to q*, beside the encoder's own …
APART = 5.0  # … and so many of the encoder's standard deviations from one another
PRIOR_DRAWS = 1_000  # among which these are looked for beyond two dimensions
KL_REACH = 6.0  # of the grid over q, in its standard deviations …
KL_STEPS = {1: (0.25, 0.125, 0.0625), 2: (1.0, 0.5, 0.25, 0.125)}  # … and its cells
TOLERANCE = 1e-3  # nats
LARGEST_GRID = 400
WINDOW = 4.5  # standard deviations of the wider Gaussian that a window leaves on each side


class DiagonalGaussian(NamedTuple):
    """N(mu, diag sigma^2) over latent space, with logvar = log sigma^2; mu, logvar, sigma (d,)."""

    mu: Tensor
    logvar: Tensor

    @property
    def sigma(self) -> Tensor:
        return torch.exp(0.5 * self.logvar)


@dataclass(frozen=True)
class Gap:
    """log p(x) of one image taken apart, in nats.

    reconstruction: E_q[log p(x given z)] and kl_to_prior: KL(q || p(z)) of the encoder's q;
    best_elbo: the ELBO of q*. kl_to_posterior and best_kl_to_posterior: KL(q || p(z given x)) and
    that of q*, by quadrature of its own; None beyond two latent dimensions, where log_px is
    importance-sampled from q, q* and the prior, a lower bound in expectation. effective_draws,
    pareto_k: what the weights of that are worth, see `reliability`; None where log_px is exact.
    """

    reconstruction: float
    kl_to_prior: float
    best_elbo: float
    log_px: float
    kl_to_posterior: float | None
    best_kl_to_posterior: float | None
    effective_draws: float | None = None
    pareto_k: float | None = None

    @property
    def elbo(self) -> float:
        return self.reconstruction - self.kl_to_prior

    @property
    def amortisation_gap(self) -> float:
        return self.best_elbo - self.elbo

    @property
    def approximation_gap(self) -> float:
        return self.log_px - self.best_elbo

    @property
    def apart(self) -> float | None:
        """ELBO + KL(q || p(z given x)) - log p(x), which theory says is 0; None where sampled."""
        if self.kl_to_posterior is None:
            return None
        return self.elbo + self.kl_to_posterior - self.log_px


def elbo_gap(
    model: LatentModel,
    x: Tensor,
    best: DiagonalGaussian,
    *,
    cells: Cells | None = None,
    samples: int = 2_000,
    generator: torch.Generator | None = None,
) -> Gap:
    """The gap of one image x (1, c, h, w), with q* as `best_gaussian` gives it.

    cells: those of `posterior_cells`, where they are at hand; samples: for log p(x) beyond two
    latent dimensions, 25 at least. ConfigError for a plain autoencoder.
    """
    mu, logvar = q = encoded_posterior(model, x)
    best_mu, best_logvar = best
    exact = model.latent_dim <= EXACT_DIM
    effective: float | None = None
    shape: float | None = None
    if exact:
        log_px = float((cells or posterior_cells(model, x)).log_px)
    else:
        generator = generator or torch.Generator(x.device).manual_seed(0)
        log_px, effective, shape = _sampled(model, x, (q, best), samples, generator)
    return Gap(
        reconstruction=expected_log_likelihood(model, x, mu, logvar),
        kl_to_prior=kl_to_prior(model, mu, logvar),
        best_elbo=expected_log_likelihood(model, x, best_mu, best_logvar)
        - kl_to_prior(model, best_mu, best_logvar),
        log_px=log_px,
        kl_to_posterior=kl_to_posterior(model, x, mu, logvar, log_px) if exact else None,
        best_kl_to_posterior=kl_to_posterior(model, x, best_mu, best_logvar, log_px)
        if exact
        else None,
        effective_draws=effective,
        pareto_k=shape,
    )


@torch.no_grad()
def _sampled(
    model: LatentModel,
    x: Tensor,
    gaussians: Sequence[DiagonalGaussian],
    samples: int,
    generator: torch.Generator,
) -> tuple[float, float, float]:
    """log p(x) in nats by draws from the even mixture of `gaussians` and the prior.

    And their effective draws and k-hat. As many draws of each; their weights by the mixture's
    density (the balance heuristic of Veach & Guibas 1995), so that one proposal in the right place
    is enough. With the prior among them no weight is more than so many times p(x given z), and a
    mode that the Gaussians miss is met, or shows as a tail, where the prior's draws come near it (a
    defensive mixture, Hesterberg 1995); in many dimensions none may. Draws are rounded up.
    """
    if not all(
        bool(((q.sigma > 0) & q.sigma.isfinite() & q.mu.isfinite()).all()) for q in gaussians
    ):
        raise ConfigError(
            "q(z given x) of this image has a sigma of 0, or numbers that are infinite; log p(x) "
            "cannot be sampled from it."
        )
    prior = model.prior()
    proposals = [torch.distributions.Normal(each.mu, each.sigma) for each in gaussians]
    each = -(-samples // (len(proposals) + 1))
    shape = (len(proposals), each, model.latent_dim)
    eps = torch.randn(shape, generator=generator, device=x.device, dtype=proposals[0].mean.dtype)
    of_q = [q.mean + q.stddev * draws for q, draws in zip(proposals, eps, strict=True)]
    z = torch.cat([*of_q, prior.sample(each, generator).to(eps)])
    log_p = [q.log_prob(z).double().sum(1) for q in proposals] + [prior.log_prob(z).double()]
    log_mixture = torch.logsumexp(torch.stack(log_p), 0) - math.log(len(log_p))
    log_weights = log_joint(model, x, z)[0] - log_mixture
    log_px = float(torch.logsumexp(log_weights, 0)) - math.log(len(z))
    return log_px, float(effective_draws(log_weights)), float(pareto_k(log_weights[None]))


def encoded_posterior(model: LatentModel, x: Tensor) -> DiagonalGaussian:
    """q(z given x) of the one image x (1, c, h, w), as the encoder has it.

    ConfigError for a plain autoencoder, or more images than one.
    """
    if not model.is_variational:
        raise ConfigError("A plain autoencoder has no posterior and no ELBO; choose a VAE.")
    if len(x) != 1:
        raise ConfigError(f"x holds {len(x)} images; the gap is one image's.")
    with torch.no_grad():
        mu, logvar = model.encode(x)
    return DiagonalGaussian(mu[0], logvar[0])


def best_gaussian(model: LatentModel, x: Tensor, cells: Cells | None = None) -> DiagonalGaussian:
    """The diagonal Gaussian with the largest ELBO for one image.

    x (1, c, h, w). Gradient steps (L-BFGS) on mu and logvar alone, from the encoder's and from
    elsewhere; the highest end counts. Elsewhere: with one or two latent dimensions where `cells`,
    those of `posterior_cells`, are densest, so that no mode is overlooked; beyond, the likeliest of
    some draws from the prior, so that the end may still be a local one. The expectation is by
    Gauss-Hermite quadrature, or by the same draws at every step beyond two dimensions, so that the
    climb has no noise. Errors as `posterior_cells`; ConfigError for a plain autoencoder.
    """
    mu, logvar = encoded_posterior(model, x)
    with torch.no_grad():
        prior = model.prior()
        if len(mu) <= EXACT_DIM:
            cells = cells or posterior_cells(model, x)
            elsewhere = _apart(cells.centres, cells.log_joint, logvar)
        else:
            z = prior.sample(PRIOR_DRAWS, torch.Generator(mu.device).manual_seed(0)).to(mu)
            elsewhere = _apart(z, log_joint(model, x, z)[0], logvar)
    ends = [_climbed(model, x, prior, start, logvar) for start in (mu, *elsewhere)]
    _, best_mu, best_logvar = max(ends, key=lambda end: end[0])
    return DiagonalGaussian(best_mu, best_logvar)


def _apart(z: Tensor, log_p: Tensor, logvar: Tensor) -> list[Tensor]:
    """The likeliest of z (m, d) by log_p (m,), each APART standard deviations from those before."""
    sigma, left = torch.exp(0.5 * logvar), torch.ones_like(log_p, dtype=torch.bool)
    chosen: list[Tensor] = []
    while len(chosen) < STARTS and bool(left.any()):
        chosen.append(z[torch.where(left, log_p, -math.inf).argmax()].clone())
        left &= ((z - chosen[-1]).abs() > APART * sigma).any(1)
    return chosen


def _climbed(
    model: LatentModel, x: Tensor, prior: Prior, mu: Tensor, logvar: Tensor
) -> tuple[float, Tensor, Tensor]:
    """The highest ELBO met on the way up, and where: mu and logvar."""
    exact = len(mu) <= EXACT_DIM
    nodes = _gauss_hermite(mu, ASCENT_NODES[len(mu)]) if exact else _draws(mu, ASCENT_DRAWS)
    shift = torch.zeros_like(mu, requires_grad=True)  # in standard deviations of the start
    widen = torch.zeros_like(mu, requires_grad=True)
    lbfgs = torch.optim.LBFGS(
        [shift, widen],
        max_iter=STEPS,
        tolerance_change=1e-5,
        tolerance_grad=1e-3,
        line_search_fn="strong_wolfe",
    )
    met: list[tuple[float, Tensor, Tensor]] = []

    def loss() -> Tensor:
        at_mu, at_logvar = mu + shift * torch.exp(0.5 * logvar), logvar + widen
        kl = _kl(prior, at_mu, at_logvar, nodes)
        elbo = _expectation(model, x, at_mu, at_logvar, nodes) - kl
        shift.grad, widen.grad = torch.autograd.grad(-elbo, [shift, widen])
        met.append((float(elbo.detach()), at_mu.detach(), at_logvar.detach()))
        return -elbo.detach()

    with torch.enable_grad():
        lbfgs.step(loss)
    finite = [place for place in met if math.isfinite(place[0])]
    return max(finite or met[:1], key=lambda place: place[0])


@torch.no_grad()
def expected_log_likelihood(model: LatentModel, x: Tensor, mu: Tensor, logvar: Tensor) -> float:
    """E[log p(x given z)] for z from N(mu, diag exp(logvar)), in nats; mu, logvar (d,).

    By Gauss-Hermite quadrature up to two dimensions, by seeded draws beyond.
    """
    if len(mu) > EXACT_DIM:
        return float(_expectation(model, x, mu, logvar, _draws(mu, DRAWS)))
    return _settled(
        float(_expectation(model, x, mu, logvar, _gauss_hermite(mu, n))) for n in NODES[len(mu)]
    )


@torch.no_grad()
def kl_to_prior(model: LatentModel, mu: Tensor, logvar: Tensor) -> float:
    """KL(N(mu, diag exp(logvar)) || p(z)), in nats; mu, logvar (d,).

    In closed form, or where the prior has none as `expected_log_likelihood`.
    """
    prior = model.prior()
    if len(mu) > EXACT_DIM:
        return float(_kl(prior, mu, logvar, _draws(mu, DRAWS)))
    nodes = (_gauss_hermite(mu, side) for side in NODES[len(mu)])
    return _settled(float(_kl(prior, mu, logvar, each)) for each in nodes)


@torch.no_grad()
def kl_to_posterior(
    model: LatentModel, x: Tensor, mu: Tensor, logvar: Tensor, log_px: float
) -> float:
    """KL(N(mu, diag exp(logvar)) || p(z given x)), in nats, by a sum over a grid on the Gaussian.

    mu, logvar (d,) with d of 1 or 2; log_px: log p(x), which makes log p(x, z) the posterior's.
    """
    d = len(mu)
    if d > EXACT_DIM:
        raise ConfigError(f"latent_dim={d}: the exact posterior is within reach for 1 or 2 alone.")

    def by_cells(step: float) -> float:
        side = torch.arange(-KL_REACH, KL_REACH + step / 2, step, dtype=torch.float64)
        eps = torch.cartesian_prod(*[side] * d).reshape(-1, d).to(mu.device)
        weights = torch.softmax(-0.5 * eps.square().sum(1), 0)
        z = mu + torch.exp(0.5 * logvar) * eps.to(mu.dtype)
        log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(1)
        return float((weights * (log_q - (log_joint(model, x, z)[0] - log_px))).sum())

    return _settled(by_cells(step) for step in KL_STEPS[d])


def posterior_picture(
    cells: Cells, largest: int = LARGEST_GRID
) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """The posterior of a two-dimensional model on the box that holds its cells.

    Returns the density relative to the densest cell, (rows, columns) in [0, 1], the topmost row
    first, and (left, right, bottom, top). Cells are joined, by twos, where they are more than
    `largest` a side.
    """
    if cells.centres.shape[1] != 2:
        raise ConfigError("A picture of the posterior needs two latent dimensions.")
    width = cells.width
    at = torch.floor(cells.centres.double() / width).long().cpu().numpy()
    while np.ptp(at, axis=0).max() >= largest:
        at, width = at // 2, 2 * width
    low, high = at.min(0), at.max(0)
    density = np.zeros(tuple(high - low + 1)[::-1])
    values = torch.exp(cells.log_joint - cells.log_joint.max()).cpu().numpy()
    np.add.at(density, (high[1] - at[:, 1], at[:, 0] - low[0]), values)
    left, bottom, right, top = (float(edge) for edge in [*(low * width), *((high + 1) * width)])
    return density / density.max(), (left, right, bottom, top)


def window_on(a: DiagonalGaussian, b: DiagonalGaussian) -> tuple[float, float, float]:
    """The square of the plane that holds two Gaussians of two dimensions.

    Its middle (x, y), halfway between their means, and half its side: WINDOW of the largest sigma
    beyond either mean.
    """
    x, y = ((a.mu + b.mu) / 2).tolist()
    spread = max(*a.sigma.tolist(), *b.sigma.tolist())
    return x, y, WINDOW * spread + float((a.mu - b.mu).abs().max()) / 2


def _kl(prior: Prior, mu: Tensor, logvar: Tensor, nodes: tuple[Tensor, Tensor]) -> Tensor:
    """KL(N(mu, diag exp(logvar)) || prior), (), in nats."""
    if isinstance(prior, StandardNormal):
        return kl_to_standard_normal(mu, logvar).double().sum()
    eps, weights = nodes
    log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(1)
    log_p = prior.log_prob(mu + torch.exp(0.5 * logvar) * eps)
    return (weights * (log_q - log_p).double()).sum()


def _settled(estimates: Iterable[float]) -> float:
    """The first estimate that agrees with the one before, or the last."""
    before = math.inf
    for estimate in estimates:
        if abs(estimate - before) < TOLERANCE:
            break
        before = estimate
    return estimate


def _gauss_hermite(like: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """eps (side^d, d) and weights for expectations over N(0, I)."""
    d = len(like)
    roots, masses = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(side))
    eps = torch.cartesian_prod(*[roots] * d).reshape(-1, d)
    weights = torch.cartesian_prod(*[masses / masses.sum()] * d).reshape(-1, d).prod(1)
    return eps.to(like), weights.to(like.device)


def _draws(like: Tensor, draws: int) -> tuple[Tensor, Tensor]:
    """eps (draws, d), always the same and as many on either side of 0, and equal weights.

    Of another number they are others: what was found with some is judged by draws of its own.
    """
    half = torch.randn(draws // 2, len(like), generator=torch.Generator().manual_seed(draws))
    weights = torch.full((draws,), 1 / draws, dtype=torch.float64)
    return torch.cat([half, -half]).to(like), weights.to(like.device)


def _expectation(
    model: LatentModel, x: Tensor, mu: Tensor, logvar: Tensor, nodes: tuple[Tensor, Tensor]
) -> Tensor:
    """E[log p(x given z)] over z = mu + sigma eps, (), in nats."""
    eps, weights = nodes
    z = mu + torch.exp(0.5 * logvar) * eps
    return (weights * model.log_likelihood(x, z).double()).sum()
