"""The exact log p(x) for one or two latent dimensions, by a sum over cells of latent space.

p(x) = integral p(x given z) p(z) dz. All images share a coarse grid over the support of prior and
posterior; where an image's integrand matters, cells are halved until the sum no longer changes. A
sum over a regular grid is far more exact than its spacing suggests: for a Gaussian of standard
deviation s, cells of width s leave an error of 5e-9 (Trefethen & Weideman 2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.measures.likelihood.importance import rows_at_once
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import EqualMixture, Prior

REACH = 6.0  # standard deviations of the prior: 1e-8 lies beyond
MAX_REACH = 2.0  # codes farther out than so many times the prior's reach are refused
MAX_DOUBLINGS = 3  # of the reach, for an image whose posterior lies beyond it
NARROWEST = 0.02  # of a prior's Gaussians: a narrower one could hide between the first cells
SPACING = 0.1
MATTERS = 20.0  # nats below an image's best cell; what is lower adds less than 1e-4
TOLERANCE = 1e-4  # nats
MAX_HALVINGS = 12
IMAGES_AT_ONCE = 100
FIRST_SPACING = 0.5  # where a single image is searched for
ENOUGH = {1: 200, 2: 400}  # cells that show a posterior, by latent dimensions
BEST_SHARE = 6  # of cells wider than SPACING, one in so many is looked into, whatever it holds


@dataclass(frozen=True)
class Cells:
    """Where p(x, z) of one image matters: square cells of one width.

    centres (m, d); log_joint (m,) float64, log p(x, z) at the centres, in nats; log_rest: the log
    of the integral over all of latent space beside them.
    """

    centres: Tensor
    log_joint: Tensor
    width: float
    log_rest: Tensor

    @property
    def log_px(self) -> Tensor:
        """log p(x), () float64, in nats."""
        log_area = self.centres.shape[1] * math.log(self.width)
        return torch.logaddexp(self.log_rest, torch.logsumexp(self.log_joint, 0) + log_area)

    @property
    def log_density(self) -> Tensor:
        """log p(z given x) at the centres, (m,) float64, in nats."""
        return self.log_joint - self.log_px


@torch.no_grad()
def exact_log_likelihood(model: LatentModel, x: Tensor) -> Tensor:
    """log p(x) of each image x (batch, c, h, w), (batch,) float64, in nats.

    Costs some ten thousand decodes for all images and a few thousand for each. ConfigError for a
    plain autoencoder, more than two latent dimensions, codes beyond twice the prior's reach, which
    is |z| = 6 of N(0, I), or a posterior beyond eight times that.
    """
    _check(model)
    if not len(x):
        return x.new_zeros(0, dtype=torch.float64)
    totals = []
    for part in x.split(IMAGES_AT_ONCE):
        mu, sigma, reach = _codes(model, part)
        centres = _cells_within(reach, SPACING, mu)
        coarse = log_joint(model, part, centres)
        for image, log_p, m, s in zip(part, coarse, mu, sigma, strict=True):
            if _beyond(centres, log_p):
                cells = posterior_cells(model, image[None])
            else:
                cells = _refined(model, image[None], centres, log_p, SPACING, m, s)
            totals.append(cells.log_px)
    return torch.stack(totals)


@torch.no_grad()
def posterior_cells(model: LatentModel, x: Tensor) -> Cells:
    """The exact posterior p(z given x) of one image x (1, c, h, w), fine enough to be drawn.

    Cells below the densest by more than 20 nats are in `log_rest`. A few thousand decodes: the
    search begins on wide cells. Errors as `exact_log_likelihood`.
    """
    _check(model)
    mu, sigma, reach = _codes(model, x)
    for doublings in range(MAX_DOUBLINGS + 1):
        centres = _cells_within(reach * 2**doublings, FIRST_SPACING, mu)
        log_p = log_joint(model, x, centres)[0]
        if not _beyond(centres, log_p):
            break
    else:
        raise ConfigError(
            f"The posterior of this image lies farther out than {reach * 2**doublings:.3g}, where "
            "the prior is nothing: it is unlike all that the model can draw. Take another image."
        )
    return _refined(model, x, centres, log_p, FIRST_SPACING, mu[0], sigma[0], ENOUGH[mu.shape[1]])


@torch.no_grad()
def log_joint(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z) for every image x (n, c, h, w) at every z (m, d): (n, m) float64, in nats.

    With log p(x) taken off it is the true posterior's log density, log p(z given x).
    """
    log_prior = model.prior().log_prob(z.double())
    columns = []
    for rows in z.split(rows_at_once(model, x)):
        parameters = model.decode_parameters(rows)
        columns.append(torch.stack([model.likelihood.log_prob(parameters, each) for each in x]))
    return torch.cat(columns, dim=1).double() + log_prior


def _check(model: LatentModel) -> None:
    if model.latent_dim > 2 or not model.is_variational:
        raise ConfigError(
            "log p(x) can be summed over a grid for a VAE with 1 or 2 latent dimensions, and not "
            f"for this {model.config.kind} with {model.latent_dim}; estimate it by "
            "--importance-samples, or importance_log_likelihood in Python."
        )


def _codes(model: LatentModel, x: Tensor) -> tuple[Tensor, Tensor, float]:
    """mu and sigma of images, each (batch, d), and how far out the prior and they lie.

    ConfigError where they lie too far beyond the prior.
    """
    mu, logvar = model.encode(x)
    sigma = torch.exp(0.5 * logvar)
    reach, farthest = _reach_of(model.prior()), float((mu.abs() + 3 * sigma).max())
    if not farthest <= MAX_REACH * reach:  # nor NaN
        raise ConfigError(
            f"The model encodes images as far out as {farthest:.1f}, where the prior is "
            f"nothing; log p(x) is summed within {MAX_REACH * reach:.3g} of the origin."
        )
    return mu, sigma, max(reach, farthest)


def _reach_of(prior: Prior) -> float:
    if not isinstance(prior, EqualMixture):
        return REACH
    sigma = torch.exp(0.5 * prior.logvar)
    if float(sigma.min()) < NARROWEST:
        raise ConfigError(
            f"The prior has a Gaussian of sigma = {float(sigma.min()):.2g}, too narrow to be "
            "summed over; use importance_log_likelihood for this model."
        )
    return float((prior.mu.abs() + REACH * sigma).max())


def _cells_within(reach: float, width: float, like: Tensor) -> Tensor:
    """Centres (m, d) of the cells that cover -reach to reach, for codes `like` (batch, d)."""
    half = math.ceil(reach / width)
    side = width * (torch.arange(-half, half, device=like.device, dtype=like.dtype) + 0.5)
    d = like.shape[1]
    return torch.cartesian_prod(*[side] * d).reshape(-1, d)


def _beyond(centres: Tensor, log_p: Tensor) -> bool:
    """Whether p(x, z) of an image, (m,), still matters in the outermost of the cells."""
    outermost = (centres.abs() == centres.abs().max()).any(1)
    return bool(log_p[outermost].max() > log_p.max() - MATTERS)


def _refined(
    model: LatentModel,
    image: Tensor,
    centres: Tensor,
    log_p: Tensor,
    width: float,
    mu: Tensor,
    sigma: Tensor,
    least: int = 0,
) -> Cells:
    """Halve the cells that matter until the sum rests and they are `least` or more.

    image (1, c, h, w); log_p (m,): log p(x, z) at the `centres` of coarse cells.
    """
    d = centres.shape[1]
    cells = Cells(centres, log_p, width, log_p.new_full((), -math.inf))
    side = round(len(log_p) ** (1 / d))
    every_other = log_p.reshape([side] * d)[(slice(None, None, 2),) * d].flatten()
    before = torch.logsumexp(every_other, 0) + d * math.log(2 * width)
    hidden = bool((sigma <= width).any())  # the posterior may be between the centres
    for _ in range(MAX_HALVINGS):
        rests = abs(cells.log_px - before) < TOLERANCE
        if rests and not hidden and len(cells.centres) >= least:
            break
        before = cells.log_px
        cells = _halved(model, image, cells, mu, sigma)
        hidden = False
    return cells


def _halved(model: LatentModel, image: Tensor, cells: Cells, mu: Tensor, sigma: Tensor) -> Cells:
    """The cells that matter, each made 2^d; the others join the rest."""
    centres, log_p, width = cells.centres, cells.log_joint, cells.width
    d = centres.shape[1]
    matters = _with_neighbours(log_p > log_p.max() - MATTERS, centres, width)
    if width > SPACING:
        matters[log_p.topk(len(log_p) // BEST_SHARE).indices] = True
    if bool((sigma < width).any()):
        matters |= ((centres - mu).abs() <= 3 * sigma + width / 2).all(1)
    rest = torch.logsumexp(log_p[~matters], 0) + d * math.log(width)
    half = centres.new_tensor([-0.5, 0.5]) * (width / 2)
    offsets = torch.cartesian_prod(*[half] * d).reshape(-1, d)
    finer = (centres[matters, None] + offsets).reshape(-1, d)
    return Cells(
        finer,
        log_joint(model, image, finer)[0],
        width / 2,
        torch.logaddexp(cells.log_rest, rest),
    )


def _with_neighbours(chosen: Tensor, centres: Tensor, width: float) -> Tensor:
    """The chosen cells and all that touch them, (m,) bool: a narrow peak may lie on a border."""
    d = centres.shape[1]
    stride = torch.tensor([1 << 31, 1], device=centres.device)[-d:]  # one number for each cell
    numbers = (torch.floor(centres / width).long() * stride).sum(1)
    steps = torch.cartesian_prod(*[torch.tensor([-1, 0, 1], device=centres.device)] * d)
    beside = (steps.reshape(-1, d) * stride).sum(1)
    return torch.isin(numbers, (numbers[chosen, None] + beside).flatten())
