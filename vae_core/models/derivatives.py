"""How a decoder's images change with z: by torch, or by differences where torch cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

Decode = Callable[[Tensor], Tensor]
STEPS = tuple(2.0**-k for k in range(1, 11))  # of differences that are tried, as shares of a scale


def derivatives(decode: Decode, z: Tensor, axes: Tensor) -> Tensor:
    """The derivative of `decode` along each of `axes` (m, d) at each z (n, d): (n, m, pixels).

    Forward-mode, by `torch.func.jvp`.
    """

    def along(axis: Tensor) -> Tensor:
        column: Tensor = torch.func.jvp(decode, (z,), (axis.expand_as(z),))[1]
        return column

    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # other attention has no forward mode
        columns: Tensor = torch.func.vmap(along)(axes)
    return columns.transpose(0, 1).flatten(2)


@torch.no_grad()
def differences(decode: Decode, z: Tensor, axes: Tensor, step: float) -> Tensor:
    """`derivatives` by central differences, (g(z + step a) - g(z - step a)) / (2 step)."""
    moved = step * axes
    ahead, behind = ((z[:, None] + way * moved).flatten(0, 1) for way in (1, -1))
    slopes: Tensor = (decode(ahead) - decode(behind)) / (2 * step)
    return slopes.flatten(1).unflatten(0, (len(z), len(axes)))


@dataclass(frozen=True)
class Differences:
    """A step for `differences`, and how far they are wrong, as a share of the derivatives' size.

    Both root mean square, over the places that it was chosen by; nan where no image changes.
    """

    step: float
    error: float


def best_differences(decode: Decode, z: Tensor, axes: Tensor, scale: float = 1.0) -> Differences:
    """Of steps from `scale` / 2 down to `scale` / 1024, the one at which differences agree best.

    Those of step h and of 2 h are compared at z (n, d) along axes (m, d). Long steps disagree by
    the curvature they miss, h^2, short ones by the rounding of what `decode` gives, 1 / h. Their
    whole distance is given as the error: a third of it is the usual estimate of Richardson's.
    """
    found = Differences(scale * STEPS[0], float("inf"))
    longer = differences(decode, z, axes, 2 * found.step)
    for share in STEPS:
        slopes = differences(decode, z, axes, scale * share)
        size = slopes.square().mean().sqrt()
        error = float((slopes - longer).square().mean().sqrt() / size)
        if not error >= found.error:  # nan, too: there is nothing to be seen at any step
            found = Differences(scale * share, error)
        longer = slopes
    return found


class DecodedByDifferences(torch.autograd.Function):
    """`decode(z)` with a gradient by differences: apply(decode, step, z)."""

    @staticmethod
    def forward(ctx: Any, decode: Decode, step: float, z: Tensor) -> Tensor:
        ctx.decode, ctx.step = decode, step
        ctx.save_for_backward(z)
        return decode(z)

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[None, None, Tensor]:
        (z,) = ctx.saved_tensors
        axes = torch.eye(z.shape[1]).to(z)
        columns = differences(ctx.decode, z, axes, ctx.step)  # (n, d, pixels)
        return None, None, (columns @ above[0].flatten(1)[..., None])[..., 0]
