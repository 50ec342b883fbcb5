"""How the estimates of the ELBO and of log p(x) settle as they are given more draws or images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import elbo_terms, importance_bound

BATCH = 500


def running_mean(values: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the first 1, 2, … n of `values` (n,), and its standard error; (n,) float64 each.

    Of log p(x given z_l) - KL with z_l from q it is the ELBO's estimate as L grows (Kingma &
    Welling 2014, eq. 7). One value alone has no standard error: it is NaN.
    """
    count = torch.arange(1, len(values) + 1, dtype=torch.float64)
    shifted = values.double() - values[0].double()  # far from 0 the squares would cancel
    mean = shifted.cumsum(0) / count
    variance = (shifted.square().cumsum(0) - count * mean.square()).clamp_min(0) / (count - 1)
    return mean + values[0].double(), (variance / count).sqrt()


def mean_and_error(values: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of values (n, …) over their n rows, and its standard error; (…) float64 each.

    One row alone has no standard error: it is NaN.
    """
    values = values.double()
    mean = values.mean(0)
    if len(values) == 1:
        return mean, torch.full_like(mean, math.nan)
    return mean, values.std(0) / math.sqrt(len(values))


def importance_bounds(log_weights: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The importance-weighted bound for each K of `counts`, and its standard error.

    log_weights (n,): log p(x, z) - log q(z given x) of n draws, see `importance_log_weights`. They
    are cut into n // K groups of K, each gives log (1/K) sum w, and the mean over groups estimates
    its expectation, which rises with K to log p(x) (Burda et al. 2016, theorem 1). Returns two
    (len(counts),) float64, in nats; a single group has no standard error: it is NaN. ConfigError
    where a K is below 1 or above n.
    """
    n = len(log_weights)
    found = []
    for k in counts:
        if not 1 <= k <= n:
            raise ConfigError(f"K={k} is not from 1 to the {n} draws that there are.")
        groups = importance_bound(log_weights.double()[: n // k * k].reshape(-1, k))
        found.append(mean_and_error(groups))
    means, errors = zip(*found, strict=True)
    return torch.stack(means), torch.stack(errors)


@torch.inference_mode()
def elbo_by_image(
    model: LatentModel, dataset: ImageDataset, indices: Tensor, *, generator: torch.Generator
) -> Tensor:
    """The ELBO of each image at `indices` (n,) by one draw of z, (n,), in nats.

    Their sum is what `minibatch_estimates` approaches. ConfigError for a plain autoencoder.
    """
    device = next(model.parameters()).device
    parts = (dataset.floats(some).to(device) for some in indices.split(BATCH))
    return torch.cat([elbo_terms(model, x, generator=generator).elbo for x in parts])


def minibatch_estimates(values: Tensor, generator: torch.Generator) -> Tensor:
    """(N / M) times the sum of the first M of `values` (N,), in a random order, for M of 1 to N.

    The estimate of a sum over a data set of N images from M of them (Kingma & Welling 2014, eq. 8).
    At M = N it is the sum itself. (N,) float64.
    """
    n = len(values)
    order = torch.randperm(n, generator=generator)
    count = torch.arange(1, n + 1, dtype=torch.float64)
    return n / count * values.double()[order].cumsum(0)
