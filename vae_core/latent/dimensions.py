"""What single directions of latent space stand for: traversals, associations, attribute vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents, class_mean

QUARTERS = ("lowest quarter", "highest quarter")
RANGES = ("prior", "aggregate", "sigmas")


def traversal(
    latents: Latents, row: int, dim: int, steps: int, span: str = "prior", sigmas: float = 3.0
) -> Tensor:
    """z of image `row` with its dimension `dim` led through a range, (steps, d), rising.

    span "prior": equally likely stretches of N(0, 1), at u = (i + 1/2) / steps; "aggregate": the
    same of mu_j over all images, where the data are; "sigmas": mu_j of this image, less and plus
    `sigmas` of its own sigma_j, at equal steps: what the posterior itself leaves open. The other
    dimensions stay at the image's mu. ConfigError when an argument is out of range or sigma is 0.
    """
    n, d = latents.mu.shape
    if not (0 <= row < n and 0 <= dim < d):
        raise ConfigError(f"row={row}, dim={dim}: there are {n} images of {d} dimensions.")
    if not isinstance(steps, int) or steps < 2:
        raise ConfigError(f"steps={steps!r} is not a whole number of 2 or more.")
    u = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    if span == "prior":
        values = torch.special.ndtri(u)
    elif span == "aggregate":
        values = torch.quantile(latents.mu[:, dim].double(), u)
    elif span == "sigmas":
        sigma = float(latents.sigma[row, dim])
        if not (sigma > 0 and sigmas > 0):
            raise ConfigError(f"sigma={sigma} times {sigmas} leads nowhere; choose another range.")
        values = latents.mu[row, dim] + sigmas * sigma * torch.linspace(-1, 1, steps)
    else:
        raise ConfigError(f"Unknown range {span!r}; choose one of {', '.join(RANGES)}.")
    z = latents.mu[row].expand(steps, d).clone()
    z[:, dim] = values.to(z.dtype)
    return z


def correlations(mu: Tensor, factors: Tensor) -> Tensor:
    """Pearson's correlation of each column of mu (n, d) with each of factors (n, k): (d, k).

    Over the images of which a factor is known, not NaN; 0 where a column does not vary.
    """
    _check_rows(mu, len(factors))
    found = []
    for column in factors.unbind(1):
        known = ~column.isnan()
        codes, values = _standardised(mu[known]), _standardised(column[known, None])
        found.append((codes.T @ values)[:, 0] / max(1, int(known.sum())))
    return torch.stack(found, 1)


def correlation_ratios(mu: Tensor, labels: Tensor) -> Tensor:
    """The correlation ratio of each column of mu (n, d) with classes (n,), in [0, 1]: (d,).

    Over the images of which the class is known, not NaN. The square root of the share of the
    variance that the classes' means explain (Fisher 1925); 0 where a column does not vary.
    """
    _check_rows(mu, len(labels))
    mu, labels = mu[~labels.isnan()], labels[~labels.isnan()]
    codes = _standardised(mu)
    between = torch.zeros(mu.shape[1], dtype=torch.float64)
    for label in labels.unique():
        members = codes[labels == label]
        between += len(members) / len(mu) * members.mean(0).square()
    return between.clamp_max(1).sqrt()


def attribute_vector(latents: Latents, to: int, away_from: int) -> Tensor:
    """The mean of mu over class `to` minus that over class `away_from`, (d,).

    Added to a code it moves the image from one class towards the other (Larsen et al. 2016; White
    2016). DataError when a class has no image.
    """
    return class_mean(latents, to) - class_mean(latents, away_from)


def attribute_steps(
    latents: Latents, row: int, to: int, away_from: int, t: Sequence[float]
) -> Tensor:
    """z of image `row` moved along an attribute vector, (len(t), d): mu + t attribute_vector(...).

    t = 0 leaves it at mu. DataError as `attribute_vector`.
    """
    return latents.mu[row] + torch.tensor(t)[:, None] * attribute_vector(latents, to, away_from)


def by_factor(
    latents: Latents, factor: int, values: Sequence[str] = ()
) -> tuple[Latents, tuple[str, ...]]:
    """The images of which a factor is known, with it in the place of the classes, and its names.

    values: what its numbers count into; without any, the images of its lowest and those of its
    highest quarter are two classes, and the others are of none. DataError where there are no such
    images.
    """
    if latents.factors is None:
        raise DataError("The images have no known factors.")
    column = latents.factors[:, factor]
    known = column[~column.isnan()]
    if not len(known):
        raise DataError("Of no image the factor is known.")
    if values:
        return replace(latents, labels=column.nan_to_num(-1).long()), tuple(values)
    low, high = np.quantile(known.numpy(), (0.25, 0.75))
    labels = torch.full(column.shape, -1)
    labels[column <= low] = 0
    labels[(column >= high) & (column > low)] = 1
    return replace(latents, labels=labels), QUARTERS


def class_factor(factors: Tensor, labels: Tensor) -> int | None:
    """Which column of factors (n, k) is the class itself, labels (n,); None where none is.

    Its numbers have no order, so that a correlation with them says nothing.
    """
    same: list[int] = (factors == labels[:, None]).all(0).nonzero().flatten().tolist()
    return same[0] if same else None


def _standardised(columns: Tensor) -> Tensor:
    """Columns (n, m) of mean 0 and variance 1, float64; of zeros where they do not vary."""
    centred = columns.double() - columns.double().mean(0)
    spread = centred.square().mean(0).sqrt()
    varies = spread > 1e-12 * columns.double().abs().amax(0).clamp_min(1e-300)
    return torch.where(varies, centred / torch.where(varies, spread, 1), 0.0)


def _check_rows(mu: Tensor, n: int) -> None:
    if len(mu) != n or n < 2:
        raise DataError(f"mu has {len(mu)} rows and its companion {n}; give as many, 2 at least.")
