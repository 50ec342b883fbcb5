"""The exact log p(x) for one or two latent dimensions, by a sum over cells of latent space.

p(x) = integral p(x given z) p(z) dz. All images share a coarse grid over the support of prior and
posterior; where an image's integrand matters, cells are halved until the sum no longer changes. A
sum over a regular grid is far more exact than its spacing suggests: for a Gaussian of standard
deviation s, cells of width s leave an error of 5e-9 (Trefethen & Weideman 2014).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.importance import ROWS, ROWS_ELSEWHERE
from vae_core.models import LatentModel

REACH = 6.0  # of the prior, in standard deviations: 1e-8 lies beyond
MAX_REACH = 12.0
SPACING = 0.1
MATTERS = 20.0  # nats below an image's best cell; what is lower adds less than 1e-4
TOLERANCE = 1e-4  # nats
MAX_HALVINGS = 12
IMAGES_AT_ONCE = 100


@torch.inference_mode()
def exact_log_likelihood(model: LatentModel, x: Tensor) -> Tensor:
    """log p(x) of each image x (batch, c, h, w), (batch,) float64, in nats.

    Costs some ten thousand decodes for all images and a few thousand for each. ConfigError for a
    plain autoencoder, more than two latent dimensions, or codes beyond |z| = 12.
    """
    d = model.latent_dim
    if d > 2 or not model.is_variational:
        raise ConfigError(
            "log p(x) can be summed over a grid for a VAE with 1 or 2 latent dimensions; use "
            "importance_log_likelihood for this model."
        )
    totals = []
    for part in x.split(IMAGES_AT_ONCE):
        mu, logvar = model.encode(part)
        sigma = torch.exp(0.5 * logvar)
        farthest = float((mu.abs() + 3 * sigma).max())
        if not farthest <= MAX_REACH:  # nor NaN
            raise ConfigError(
                f"The model encodes images as far out as {farthest:.1f}, where the prior is "
                f"nothing; log p(x) is summed within {MAX_REACH:g} standard deviations."
            )
        half = math.ceil(max(REACH, farthest) / SPACING)
        side = SPACING * (torch.arange(-half, half, device=x.device, dtype=mu.dtype) + 0.5)
        centres = torch.cartesian_prod(*[side] * d).reshape(-1, d)
        coarse = log_joint(model, part, centres)
        for image, log_p, m, s in zip(part, coarse, mu, sigma, strict=True):
            totals.append(_refined(model, image[None], centres, log_p, m, s))
    return torch.stack(totals)


@torch.inference_mode()
def log_joint(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z) for every image x (n, c, h, w) at every z (m, d): (n, m) float64, in nats.

    With log p(x) taken off it is the true posterior's log density, log p(z given x).
    """
    log_prior = model.prior().log_prob(z.double())
    columns = []
    for rows in z.split(ROWS.get(x.device.type, ROWS_ELSEWHERE)):
        parameters = model.decode_parameters(rows)
        columns.append(torch.stack([model.likelihood.log_prob(parameters, each) for each in x]))
    return torch.cat(columns, dim=1).double() + log_prior


def _refined(
    model: LatentModel, image: Tensor, centres: Tensor, log_p: Tensor, mu: Tensor, sigma: Tensor
) -> Tensor:
    """log p(x) of one image (1, c, h, w), from log p(x, z) at the centres of the coarse cells."""
    d, width = centres.shape[1], SPACING
    settled = torch.full((), -math.inf, dtype=torch.float64, device=image.device)
    total = torch.logsumexp(log_p, 0) + d * math.log(width)
    side = round(len(log_p) ** (1 / d))
    every_other = log_p.reshape([side] * d)[(slice(None, None, 2),) * d].flatten()
    coarser = torch.logsumexp(every_other, 0) + d * math.log(2 * width)
    if abs(total - coarser) < TOLERANCE and bool((sigma > width).all()):
        return total
    for _ in range(MAX_HALVINGS):
        matters = _with_neighbours(log_p > log_p.max() - MATTERS, centres, width)
        if bool((sigma < width).any()):  # the posterior may hide between the centres
            matters |= ((centres - mu).abs() <= 3 * sigma + width / 2).all(1)
        rest = torch.logsumexp(log_p[~matters], 0) + d * math.log(width)
        settled = torch.logaddexp(settled, rest)
        width /= 2
        half = centres.new_tensor([-0.5, 0.5]) * width
        offsets = torch.cartesian_prod(*[half] * d).reshape(-1, d)
        centres = (centres[matters, None] + offsets).reshape(-1, d)
        log_p = log_joint(model, image, centres)[0]
        before = total
        total = torch.logaddexp(settled, torch.logsumexp(log_p, 0) + d * math.log(width))
        if abs(total - before) < TOLERANCE:
            break
    return total


def _with_neighbours(chosen: Tensor, centres: Tensor, width: float) -> Tensor:
    """The chosen cells and all that touch them, (m,) bool: a narrow peak may lie on a border."""
    d = centres.shape[1]
    stride = torch.tensor([1 << 31, 1], device=centres.device)[-d:]  # one number for each cell
    numbers = (torch.floor(centres / width).long() * stride).sum(1)
    steps = torch.cartesian_prod(*[torch.tensor([-1, 0, 1], device=centres.device)] * d)
    beside = (steps.reshape(-1, d) * stride).sum(1)
    return torch.isin(numbers, (numbers[chosen, None] + beside).flatten())
