"""How a decoder's images change with z, by differences, where torch cannot tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Decode = Callable[[Tensor], Tensor]
STEPS = tuple(2.0**-k for k in range(1, 13))  # of differences: those that are tried


@torch.no_grad()
def differences(decode: Decode, z: Tensor, axes: Tensor, step: float) -> Tensor:
    """(g(z + step a) - g(z - step a)) / (2 step) along each a of axes (m, d): (n, m, pixels)."""
    moved = step * axes
    ahead, behind = ((z[:, None] + way * moved).flatten(0, 1) for way in (1, -1))
    slopes = (decode(ahead) - decode(behind)) / (2 * step)
    columns: Tensor = slopes.flatten(1).unflatten(0, (len(z), len(axes)))
    return columns


@dataclass(frozen=True)
class Differences:
    """A step for `differences`, and how far they are wrong, as a share of the derivatives' size.

    Root mean squares over the places that it was chosen by; inf where no image changes there.
    """

    step: float
    error: float


def best_differences(decode: Decode, z: Tensor, axes: Tensor) -> Differences:
    """Of STEPS the one at which differences agree best with those of twice the step.

    They are compared at z (n, d) along axes (m, d). Long steps disagree by the curvature they miss,
    as step^2; short ones by the rounding of what `decode` gives, as 1 / step. The whole distance is
    given as the error, of which a third is Richardson's estimate.
    """
    found = Differences(STEPS[0], math.inf)
    longer = differences(decode, z, axes, 2 * STEPS[0])
    for step in STEPS:
        slopes = differences(decode, z, axes, step)
        size = float(slopes.square().mean().sqrt())
        error = float((slopes - longer).square().mean().sqrt()) / size if size > 0 else math.inf
        if error < found.error:
            found = Differences(step, error)
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
