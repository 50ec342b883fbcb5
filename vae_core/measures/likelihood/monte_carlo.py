"""p(x) = E_p(z)[p(x given z)] by draws from the prior itself, and when such a mean has settled."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.measures.likelihood.importance import MAX_SAMPLES, rows_at_once
from vae_core.models.latent_model import LatentModel

SETTLED = 0.5  # nats


@torch.inference_mode()
def prior_log_weights(
    model: LatentModel, x: Tensor, *, samples: int, generator: torch.Generator
) -> Tensor:
    """log p(x given z_k) of K = `samples` draws z_k from the prior, (K,) float64, in nats.

    x (1, c, h, w). The mean of their exponentials is p(x) in expectation, as that of the weights
    of `image_log_weights`, whose draws come from q. ConfigError for more images than one, a K out
    of range, or a model without a likelihood of its own.
    """
    if len(x) != 1:
        raise ConfigError(f"x holds {len(x)} images; give one.")
    if not (isinstance(samples, int) and 1 <= samples <= MAX_SAMPLES):
        raise ConfigError(f"samples={samples} is not a whole number from 1 to {MAX_SAMPLES:,}.")
    if not model.is_variational:
        raise ConfigError("Only a VAE has a likelihood p(x given z) and a prior to draw z from.")
    z = model.prior().sample(samples, generator)
    parts = (model.decode_parameters(rows) for rows in z.split(rows_at_once(model, x)))
    return torch.cat([model.likelihood.log_prob(part, x[0]) for part in parts]).double()


def running_log_mean(log_weights: Tensor) -> Tensor:
    """log (1/k) sum_{i <= k} exp(log_weights_i) for k from 1 to K, (…, K) as given, in nats."""
    count = torch.arange(1, log_weights.shape[-1] + 1, dtype=log_weights.dtype)
    return torch.logcumsumexp(log_weights, -1) - count.log()


def draws_until_settled(estimates: Tensor, level: float, within: float = SETTLED) -> int | None:
    """The first k from which on all `estimates` (K,) lie within so many nats of `level`.

    None where the last one does not.
    """
    outside = ((estimates - level).abs() > within).nonzero()
    first = int(outside[-1]) + 2 if len(outside) else 1
    return first if first <= len(estimates) else None
