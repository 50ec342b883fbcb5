"""log p(x) by importance sampling from the posterior, with thousands of draws in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.measures.likelihood.reliability import LEAST_DRAWS, effective_draws, pareto_k
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import Prior
from vae_core.objectives.terms import log_weights

MAX_SAMPLES = 100_000
# Images decoded at once: on a processor few enough for its cache, elsewhere enough to fill it.
ROWS = {"cpu": 1_000}
ROWS_ELSEWHERE = 4_000


@dataclass(frozen=True)
class ImportanceEstimates:
    """log p(x) of images, sampled, and how far that can be relied upon; (batch,) float64 each.

    log_px in nats; effective_draws, pareto_k: see `reliability`, the latter NaN where too few were
    drawn for a tail. Neither knows of a mode of the posterior that no draw has met.
    """

    log_px: Tensor
    effective_draws: Tensor
    pareto_k: Tensor


def importance_log_likelihood(
    model: LatentModel,
    x: Tensor,
    *,
    samples: int,
    generator: torch.Generator,
    rows: int | None = None,
) -> Tensor:
    """log p(x) of `importance_estimates`, (batch,) float64, in nats."""
    return importance_estimates(model, x, samples=samples, generator=generator, rows=rows).log_px


@torch.no_grad()
def importance_estimates(
    model: LatentModel,
    x: Tensor,
    *,
    samples: int,
    generator: torch.Generator,
    rows: int | None = None,
) -> ImportanceEstimates:
    """log (1/K) sum_k p(x, z_k) / q(z_k given x), K = `samples`, and what its weights are worth.

    x (batch, c, h, w), on the model's device as `generator` is. Each image is encoded once and its
    draws are decoded `rows` at a time, so that memory depends on neither K nor the batch. The
    figure is a lower bound of log p(x) in expectation, and rises with K (Burda et al. 2016).
    ConfigError when K or `rows` is out of range or the model has no posterior.
    """
    rows = _checked_rows(model, x, samples, rows)
    mu, logvar = model.encode(x)
    prior = model.prior()
    draws, images = min(samples, rows), max(1, rows // samples)
    found = []
    for part, mu_part, logvar_part in zip(
        x.split(images), mu.split(images), logvar.split(images), strict=True
    ):
        parts = _in_parts(model, part, mu_part, logvar_part, prior, samples, draws, generator)
        found.append(_of_weights(torch.cat(list(parts), dim=1)))
    return ImportanceEstimates(*(torch.cat(column) for column in zip(*found, strict=True)))


def _of_weights(log_weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Those of one part of the batch, from its log weights (n, K)."""
    log_px = torch.logsumexp(log_weights, dim=1) - math.log(log_weights.shape[1])
    tail = log_weights.shape[1] >= LEAST_DRAWS
    shape = pareto_k(log_weights) if tail else torch.full_like(log_px, math.nan)
    return log_px, effective_draws(log_weights), shape


@torch.inference_mode()
def image_log_weights(
    model: LatentModel,
    x: Tensor,
    *,
    samples: int,
    generator: torch.Generator,
    rows: int | None = None,
) -> Tensor:
    """log p(x, z_k) - log q(z_k given x) of K = `samples` draws z_k from q, (K,) float64, in nats.

    x (1, c, h, w): one image; its draws are decoded `rows` at a time. `importance_bounds` of
    `estimates` makes bounds of them. ConfigError as `importance_log_likelihood`, and for more
    images than one.
    """
    if len(x) != 1:
        raise ConfigError(f"x holds {len(x)} images; give one.")
    rows = _checked_rows(model, x, samples, rows)
    parts = _in_parts(model, x, *model.encode(x), model.prior(), samples, rows, generator)
    return torch.cat([weights[0] for weights in parts])


def rows_at_once(model: LatentModel, x: Tensor) -> int:
    """How many images are decoded at once, on the device of x."""
    return min(ROWS.get(x.device.type, ROWS_ELSEWHERE), model.images_at_once)


def _checked_rows(model: LatentModel, x: Tensor, samples: int, rows: int | None) -> int:
    """How many images are decoded at once; ConfigError where a number is out of range."""
    if not (isinstance(samples, int) and 1 <= samples <= MAX_SAMPLES):
        raise ConfigError(f"samples={samples} is not a whole number from 1 to {MAX_SAMPLES:,}.")
    if not model.is_variational:
        raise ConfigError("A plain autoencoder has no posterior to draw from, and no log p(x).")
    rows = rows_at_once(model, x) if rows is None else rows
    if rows < 1:
        raise ConfigError(f"rows={rows}: at least one image is decoded at once.")
    return rows


def _in_parts(
    model: LatentModel,
    x: Tensor,
    mu: Tensor,
    logvar: Tensor,
    prior: Prior,
    samples: int,
    draws: int,
    generator: torch.Generator,
) -> Iterator[Tensor]:
    """The log weights of `samples` draws of each image, (batch, `draws` at most) at a time."""
    for start in range(0, samples, draws):
        shape = (len(x), min(draws, samples - start), model.latent_dim)
        eps = torch.randn(shape, generator=generator, device=x.device, dtype=mu.dtype)
        z = mu[:, None] + torch.exp(0.5 * logvar)[:, None] * eps
        yield log_weights(model, x, z, eps, logvar, prior).double()
