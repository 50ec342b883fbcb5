"""The geometry that the decoder gives to latent space: lengths measured in image space.

A small step dz changes the mean image g(z) by J dz, J the decoder's Jacobian, so its length there
is sqrt(dz' G dz) with the metric G = J' J (Arvanitidis, Hansen & Hauberg 2018). Where det G is
large, a small patch of latent space holds many different images.

J is torch's where the decoder has gradients, else by central differences, whose error is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from vae_core.adapters.differences import (
    DecodedByDifferences,
    Differences,
    best_differences,
    differences,
)
from vae_core.errors import ConfigError
from vae_core.latent.paths import interpolate
from vae_core.models.latent_model import LatentModel

MAX_SIDE = 256
MAX_STEPS = 256
PROBED = 8  # places at which a step of differences is chosen, and axes
MOST_DIFFERENCES = 8  # latent dimensions through which a way is searched for by differences
RELAXED, MEASURED = 3, 32  # places on a leg of a path, while it is shortened and for its length


@dataclass(frozen=True)
class Magnification:
    """The metric over a square of a plane: side x side cells, the topmost row first.

    metric (side, side, 2, 2): G in coordinates of the plane; magnification (side, side): sqrt(det
    G), how much larger an area is in image space; extent: (left, right, bottom, top). error: how
    far J is wrong, as a share of its size: 0 where it is torch's, infinite where no image changes.
    """

    metric: Tensor
    magnification: Tensor
    extent: tuple[float, float, float, float]
    error: float = 0.0

    def shades(self, low: float = 0.02, high: float = 0.98) -> tuple[Tensor, tuple[float, float]]:
        """log magnification (side, side), scaled so that its quantiles `low` and `high` are 0, 1.

        Returns them too, as magnifications. Cells beyond lie below 0 and above 1.
        """
        logs = self.magnification.clamp_min(1e-12).log()
        ends = torch.quantile(logs, torch.tensor([low, high], dtype=logs.dtype))
        first, last = ends.tolist()
        return (logs - first) / max(last - first, 1e-9), (math.exp(first), math.exp(last))


def jacobian_columns(model: LatentModel, z: Tensor, axes: Tensor) -> Tensor:
    """The decoder's derivative along each of `axes` (m, d) at each z (n, d): (n, m, pixels).

    Of the mean image, exact but for rounding where the model has gradients, else by central
    differences: see `differences_at`. Axes of the identity make J'.
    """
    _check_places(model, z, axes)
    return torch.cat(list(_columns_in_parts(model, z, axes, differences_at(model, z, axes))))


def _columns_in_parts(
    model: LatentModel, z: Tensor, axes: Tensor, chosen: Differences | None
) -> Iterator[Tensor]:
    """`jacobian_columns` of some of the places at a time: of large images all take gigabytes."""
    for rows in z.split(max(1, model.images_at_once // len(axes))):
        if chosen is None:
            yield _derivatives(model.decode, rows, axes)
        else:
            yield differences(model.decode, rows, axes, chosen.step)


def _check_places(model: LatentModel, z: Tensor, axes: Tensor) -> None:
    if z.ndim != 2 or z.shape[1] != model.latent_dim or axes.shape[1:] != z.shape[1:]:
        raise ConfigError(
            f"latent_dim={model.latent_dim}, but z is {tuple(z.shape)} and axes "
            f"{tuple(axes.shape)}; give (n, d) and (m, d)."
        )


def _derivatives(decode: Callable[[Tensor], Tensor], z: Tensor, axes: Tensor) -> Tensor:
    """Of `decode` along each of `axes` (m, d) at each z (n, d), by `torch.func.jvp`."""

    def along(axis: Tensor) -> Tensor:
        column: Tensor = torch.func.jvp(decode, (z,), (axis.expand_as(z),))[1]
        return column

    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # other attention has no forward mode
        columns = torch.func.vmap(along)(axes)
    return torch.flatten(columns.transpose(0, 1), 2)


def differences_at(model: LatentModel, z: Tensor, axes: Tensor) -> Differences | None:
    """The differences that stand for derivatives at z (n, d) along axes (m, d), and their error.

    Chosen by PROBED of the places and of the axes, evenly spread. None where torch gives the
    derivatives, forwards.
    """
    if model.has_gradients and _goes_forwards(model, z[:2], axes[:2]):
        return None
    return best_differences(model.decode, _spread(z), _spread(axes))


def _goes_forwards(model: LatentModel, z: Tensor, axes: Tensor) -> bool:
    """Whether each layer has a derivative forwards, as GroupNorm after attention has not."""
    try:
        return bool(_derivatives(model.decode, z, axes).isfinite().all())
    except (RuntimeError, ConfigError):  # a NotImplementedError is a RuntimeError
        return False


def _spread(rows: Tensor) -> Tensor:
    kept = torch.linspace(0, len(rows) - 1, min(PROBED, len(rows))).round().long()
    return rows[kept.to(rows.device)]


def metric(model: LatentModel, z: Tensor, axes: Tensor | None = None) -> Tensor:
    """G = J' J at each z (n, d), in coordinates along `axes` (m, d): (n, m, m).

    In those of latent space itself without axes.
    """
    axes = torch.eye(model.latent_dim).to(z) if axes is None else axes
    _check_places(model, z, axes)
    return _metric(model, z, axes, differences_at(model, z, axes))


def _metric(model: LatentModel, z: Tensor, axes: Tensor, chosen: Differences | None) -> Tensor:
    return torch.cat([part @ part.mT for part in _columns_in_parts(model, z, axes, chosen)])


def principal_directions(metric: Tensor) -> tuple[Tensor, Tensor]:
    """How much a unit step is stretched along each principal direction of G (…, m, m).

    Returns stretches (…, m), the largest first, and directions (…, m, m), one a row. They are the
    singular values and right singular vectors of J.
    """
    squares, vectors = torch.linalg.eigh(metric.double())
    return squares.clamp_min(0).sqrt().flip(-1), vectors.mT.flip(-2)


def magnification_map(
    model: LatentModel, origin: Tensor, axes: Tensor, half: float, side: int = 64
) -> Magnification:
    """The metric at side x side places of the plane origin + a axes[0] + b axes[1].

    |a| and |b| are below half; origin (d,), axes (2, d) orthonormal. ConfigError when side or half
    are out of range.
    """
    if not 2 <= side <= MAX_SIDE or not half > 0:
        raise ConfigError(f"side={side}, half={half}: give 2 to {MAX_SIDE} and more than 0.")
    middle = (2 * (torch.arange(side) + 0.5) / side - 1) * half
    up, across = torch.meshgrid(middle.flip(0), middle, indexing="ij")
    places = torch.stack([across, up], -1).reshape(-1, 2).to(origin)
    z = origin + places @ axes
    chosen = differences_at(model, z, axes)
    tensors = _metric(model, z, axes, chosen).double().reshape(side, side, 2, 2)
    return Magnification(
        tensors,
        torch.linalg.det(tensors).clamp_min(0).sqrt(),
        (-half, half, -half, half),
        0.0 if chosen is None else chosen.error,
    )


@torch.no_grad()
def image_lengths(model: LatentModel, path: Tensor, places: int = MEASURED) -> Tensor:
    """The length in image space of each straight leg of a path (m, d), (m - 1,).

    By the Euclidean distances between the mean images of so many places on each leg: the distance
    of its two ends alone would not tell what lies between them.
    """
    lengths = []
    for leg in pairwise(path):
        images = model.decode(_between(torch.stack(leg), places)).flatten(1)
        lengths.append(torch.linalg.vector_norm(images.diff(dim=0), dim=1).sum())
    return torch.stack(lengths)


def geodesic(
    model: LatentModel, z_a: Tensor, z_b: Tensor, steps: int = 24, iterations: int = 60
) -> Tensor:
    """A short way from z_a to z_b (d,) measured in image space: (steps, d), both ends exact.

    The places between are moved, by L-BFGS, to lower the path's energy, the sum of squared
    distances between images RELAXED of which lie on each leg, whose minimum is the shortest path at
    even speed. It begins at the straight and at the spherical way; the shortest path met by
    `image_lengths` is returned, so that it is never longer than either. A local minimum: ways round
    another side are not searched for. Without gradients the search is a quarter as long, and there
    is none through more than MOST_DIFFERENCES dimensions.
    """
    if not 3 <= steps <= MAX_STEPS:
        raise ConfigError(f"steps={steps}; a geodesic has 3 to {MAX_STEPS} places.")
    starts = [interpolate(z_a, z_b, steps, method) for method in ("linear", "spherical")]
    if not model.has_gradients:  # each step then costs an image for each way in each dimension
        iterations = 0 if model.latent_dim > MOST_DIFFERENCES else iterations // 4
    paths = [*starts, *(_relaxed(model, path, iterations) for path in starts if iterations)]
    return min(paths, key=lambda path: float(image_lengths(model, path).sum()))


def _relaxed(model: LatentModel, path: Tensor, iterations: int) -> Tensor:
    """The path with its inner places moved to lower its energy."""
    inner = path[1:-1].clone().requires_grad_()
    decode = _differentiable(model, path)
    lbfgs = torch.optim.LBFGS([inner], max_iter=iterations, line_search_fn="strong_wolfe")

    def energy() -> Tensor:
        places = _between(torch.cat([path[:1], inner, path[-1:]]), RELAXED)
        total: Tensor = decode(places).flatten(1).diff(dim=0).square().sum()
        (inner.grad,) = torch.autograd.grad(total, [inner])
        return total.detach()

    try:
        with torch.enable_grad():
            lbfgs.step(energy)
    except RuntimeError as error:  # of a step that float32 does not hold
        if "overflow" not in str(error):
            raise
        return path
    relaxed = inner.detach()
    return torch.cat([path[:1], relaxed, path[-1:]]) if bool(relaxed.isfinite().all()) else path


def _differentiable(model: LatentModel, path: Tensor) -> Callable[[Tensor], Tensor]:
    """`decode` with a gradient, by differences that suit the places of a path where it has none."""
    if model.has_gradients:
        return model.decode
    chosen = best_differences(model.decode, _spread(path), torch.eye(model.latent_dim).to(path))
    return lambda z: DecodedByDifferences.apply(model.decode, chosen.step, z)


def _between(path: Tensor, places: int) -> Tensor:
    """As many places on each leg of a path (m, d), at equal distances, and its end."""
    t = (torch.arange(places) / places).to(path)[:, None]
    legs = path[:-1, None] + t * path.diff(dim=0)[:, None]
    return torch.cat([legs.flatten(0, 1), path[-1:]])
