"""log p(x) by importance sampling from the posterior, with thousands of draws in bounded memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import log_weights

MAX_SAMPLES = 100_000
# Images decoded at once: on a processor few enough for its cache, elsewhere enough to fill it.
ROWS = {"cpu": 400}
ROWS_ELSEWHERE = 4_000


@torch.inference_mode()
def importance_log_likelihood(
    model: LatentModel,
    x: Tensor,
    *,
    samples: int,
    generator: torch.Generator,
    rows: int | None = None,
) -> Tensor:
    """log (1/K) sum_k p(x, z_k) / q(z_k given x), K = `samples`, (batch,) float64, in nats.

    x (batch, c, h, w), on the model's device as `generator` is. Each image is encoded once and its
    draws are decoded `rows` at a time, so that memory depends on neither K nor the batch. The
    figure is a lower bound of log p(x) in expectation, and rises with K (Burda et al. 2016).
    ConfigError when K or `rows` is out of range or the model has no posterior.
    """
    if not (isinstance(samples, int) and 1 <= samples <= MAX_SAMPLES):
        raise ConfigError(f"samples={samples} is not a whole number from 1 to {MAX_SAMPLES:,}.")
    if not model.is_variational:
        raise ConfigError("A plain autoencoder has no posterior to draw from, and no log p(x).")
    rows = ROWS.get(x.device.type, ROWS_ELSEWHERE) if rows is None else rows
    if rows < 1:
        raise ConfigError(f"rows={rows}: at least one image is decoded at once.")
    mu, logvar = model.encode(x)
    prior = model.prior()
    draws, images = min(samples, rows), max(1, rows // samples)
    totals = []
    for part, mu_part, logvar_part in zip(
        x.split(images), mu.split(images), logvar.split(images), strict=True
    ):
        total = torch.full((len(part),), -math.inf, dtype=torch.float64, device=x.device)
        for start in range(0, samples, draws):
            shape = (len(part), min(draws, samples - start), model.latent_dim)
            eps = torch.randn(shape, generator=generator, device=x.device)
            z = mu_part[:, None] + torch.exp(0.5 * logvar_part)[:, None] * eps
            weights = log_weights(model, part, z, eps, logvar_part, prior).double()
            total = torch.logaddexp(total, torch.logsumexp(weights, dim=1))
        totals.append(total)
    return torch.cat(totals) - math.log(samples)
