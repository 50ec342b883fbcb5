"""Ways from one z to another.

    path = interpolate(z_a, z_b, steps=16, method="spherical")   # (16, d), from z_a to z_b

Another way is one decorated function of the two ends and the times t in [0, 1].
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae_core.errors import ConfigError

# (a (d,), b (d,), t (steps, 1)) -> (steps, d), all float64
Vector = Tensor | NDArray[np.floating] | Sequence[float]
PathMethod = Callable[[Tensor, Tensor, Tensor], Tensor]

_METHODS: dict[str, PathMethod] = {}


def register_path_method(name: str) -> Callable[[PathMethod], PathMethod]:
    """Register a way from a (t = 0) to b (t = 1) under `name`."""

    def register(method: PathMethod) -> PathMethod:
        _METHODS[name] = method
        return method

    return register


def path_methods() -> tuple[str, ...]:
    """The names that `interpolate` takes as `method`."""
    return tuple(_METHODS)


def interpolate(z_a: Vector, z_b: Vector, steps: int, method: str = "linear") -> Tensor:
    """The points of a way from z_a to z_b, each (d,): (steps, d), at equal times.

    The first row is z_a and the last is z_b, bit for bit. Raises ConfigError when the ends are not
    two finite vectors of the same length, when steps < 2, or when the method is unknown.
    """
    z_a, z_b = _floats(z_a), _floats(z_b)
    if z_a.ndim != 1 or z_a.shape != z_b.shape:
        raise ConfigError(
            f"z_a is {tuple(z_a.shape)} and z_b is {tuple(z_b.shape)}; both must be (d,), "
            "of one length."
        )
    return interpolate_through(torch.stack([z_a, z_b]), steps, method)


def interpolate_through(stops: Tensor, steps: int, method: str = "linear") -> Tensor:
    """A way through all stops (k, d) in their order, `steps` points a leg with both its ends.

    Neighbouring legs share a stop, so the result is ((k - 1) * (steps - 1) + 1, d); row
    i * (steps - 1) is stop i, bit for bit. Raises ConfigError as `interpolate` does.
    """
    if stops.ndim != 2 or len(stops) < 2 or stops.shape[1] == 0:
        raise ConfigError(f"stops is {tuple(stops.shape)}; give two or more points, (k, d).")
    if not torch.is_floating_point(stops) or not bool(torch.isfinite(stops).all()):
        raise ConfigError("A way leads between points of finite real numbers; some are not.")
    if not isinstance(steps, Integral) or steps < 2:
        raise ConfigError(f"steps={steps!r} is not a whole number of 2 or more (both ends count).")
    if method not in _METHODS:
        raise ConfigError(f"Unknown path method {method!r}; choose one of {', '.join(_METHODS)}.")

    t = torch.linspace(0, 1, steps, dtype=torch.float64, device=stops.device)[:, None]
    legs = [_METHODS[method](a, b, t)[:-1] for a, b in pairwise(stops.double())]
    path = torch.cat([*legs, stops[-1:].double()]).to(stops.dtype)
    path[:: steps - 1] = stops
    return path


def _floats(z: Vector) -> Tensor:
    z = torch.as_tensor(z)
    return z if z.dtype.is_floating_point or z.dtype.is_complex else z.float()


def step_lengths(path: Tensor) -> Tensor:
    """The Euclidean distances from each point of a path (m, d) to the next, (m - 1,)."""
    lengths: Tensor = torch.linalg.vector_norm(path.diff(dim=0), dim=1)
    return lengths


@register_path_method("linear")
def linear(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line, at constant speed."""
    return torch.lerp(a, b, t)


@register_path_method("spherical")
def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Slerp: the direction turns at constant speed along a great circle (Shoemake 1985).

    The norm goes linearly from |a| to |b|, so that the way stays in the shell between the two; for
    equal norms this is White (2016, "Sampling generative networks"). Parallel ends give the
    straight line. So does an end at the origin, which has no direction, and one dimension, where no
    way leads round the origin. Between antiparallel ends all great circles are as short: the one
    taken turns towards the axis to which `a` is most nearly perpendicular.
    """
    norm_a, norm_b = torch.linalg.vector_norm(a), torch.linalg.vector_norm(b)
    if len(a) == 1 or norm_a == 0 or norm_b == 0:
        return linear(a, b, t)
    from_, to = a / norm_a, b / norm_b  # unit vectors
    across = _perpendicular_part(to, from_)
    if torch.linalg.vector_norm(across) < 1e-12:  # parallel or antiparallel
        axis = torch.zeros_like(a)
        axis[from_.abs().argmin()] = 1
        across = _perpendicular_part(axis, from_)
    across = across / torch.linalg.vector_norm(across)
    # Kahan's form of the angle: the arc cosine of a dot product is blind near 0 and pi.
    angle = 2 * torch.atan2(
        torch.linalg.vector_norm(to - from_), torch.linalg.vector_norm(to + from_)
    )
    direction: Tensor = torch.cos(t * angle) * from_ + torch.sin(t * angle) * across  # (steps, d)
    return torch.lerp(norm_a, norm_b, t) * direction


def _perpendicular_part(vector: Tensor, unit: Tensor) -> Tensor:
    return vector - (vector @ unit) * unit
