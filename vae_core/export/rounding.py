"""Weights as small integers that decode nearly what the weights themselves do.

Whether they do is measured on images: a matrix that costs too much stays float16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.export.running import Watch, cost, decoded, encoded, spread
from vae_core.export.steps import Program

LEVELS = 4.0  # of 255: so far off a pixel may be, half of the 8 that hold of other images
SIGMAS = 1.0  # of its posterior's: so far off a mean may be
REACH = 4.0  # as far as a page's sliders go
MOST_CODES, MOST_NUMBERS = 512, 1 << 19  # images of each sort that are looked at, and their pixels
MOST_WORK, MOST_BETWEEN = 1 << 34, 1 << 25  # multiply-adds of a look at them, numbers of a layer's
MOST_TRIES = 48  # looks at what it is without one matrix more
MOST_COLUMNS, AT_ONCE = 1024, 64
DAMPING = 1e-3  # of the mean square of an input, so that what never varies has a say
_INFINITE = "Its weights are so large that numbers on the way are infinite."

Run = Callable[[Program, Tensor, Watch | None], Tensor]


@dataclass(frozen=True, eq=False)
class Rounded:
    """A matrix (m, n) as levels int8 (m, n) times scales float32 (m,)."""

    levels: Tensor
    scales: Tensor

    @property
    def values(self) -> Tensor:
        return self.levels * self.scales[:, None]


@dataclass(frozen=True, eq=False)
class Small:
    """A program's matrices as int8, by their tensors' numbers, and what that was seen to cost.

    The others are float16. levels: of 255, how far a pixel of `images` images was off at most;
    sigmas: how far an image's mean was, in its posterior's sigma, None where there is none.
    """

    rounded: Mapping[int, Rounded]
    images: int
    levels: float
    sigmas: float | None


def small(
    program: Program, means: Tensor | None, images: Tensor | None = None, *, integers: bool = True
) -> Small:
    """Each matrix as int8, or as float16 where LEVELS and SIGMAS want it.

    means: codes (n, latent_dim) of data, None where there are none; images: (n, c, h, w) uint8,
    else those that are decoded are encoded. Half of them are rounded by, all are looked at.
    integers: else all are float16. ConfigError where a weight, or what comes of it, is no number.
    """
    if not all(bool(each.isfinite().all()) for each in program.tensors):
        raise ConfigError("A weight is NaN or infinite.")
    work, widest = cost(program)
    each_sort = min(
        MOST_NUMBERS // math.prod(program.image_shape),
        MOST_WORK // (3 * max(work, 1)),
        MOST_BETWEEN // (3 * widest),
    )
    most = min(MOST_CODES, max(each_sort, 16))
    z = codes(program.latent_dim, means, most)
    pixels = decoded(program, z)

    def levels_off(found: Tensor) -> float:
        return float((found - pixels).abs().max() * 255)

    rounded, levels = _within(program, decoded, z, levels_off, LEVELS if integers else 0)
    if not math.isfinite(levels):
        raise ConfigError(_INFINITE)
    if program.encoder is None:
        return Small(rounded, len(z), levels, None)
    x = pixels if images is None else images[spread(images, 2 * most)].flatten(1) / 255
    mu, logvar = encoded(program, x).chunk(2, 1)
    if not mu.isfinite().all():
        raise ConfigError(_INFINITE)
    unit = (logvar / 2).exp() if program.has_sigma else mu.std(0) / 10 + 1e-12

    def sigmas_off(found: Tensor) -> float:
        return float(((found.chunk(2, 1)[0] - mu).abs() / unit).max())

    more, sigmas = _within(program, encoded, x, sigmas_off, SIGMAS if integers else 0)
    return Small(rounded | more, len(z), levels, sigmas if program.has_sigma else None)


def codes(latent_dim: int, means: Tensor | None, most: int) -> Tensor:
    """Codes (n, latent_dim) of data, of the prior, and where sliders lead from those of data."""
    generator = torch.Generator().manual_seed(0)
    prior = torch.randn(most, latent_dim, generator=generator)
    means = prior[:0] if means is None else means[means.isfinite().all(1)].float()
    data = means[spread(means, most)] if len(means) else prior
    led = data.clone()
    for column in torch.rand(2, len(led), latent_dim, generator=generator).argmax(2):
        there = torch.rand(len(led), 1, generator=generator) * 2 * REACH - REACH
        led.scatter_(1, column[:, None], there)
    mixed = torch.cat([data, prior, led])
    return mixed[torch.randperm(len(mixed), generator=generator)]


def _within(
    program: Program, run: Run, inputs: Tensor, off: Callable[[Tensor], float], most: float
) -> tuple[dict[int, Rounded], float]:
    """The matrices that `run` uses, but for those that as int8 take it further off than `most`.

    Of these the one goes whose place as float16 helps most, the smallest of those that are enough,
    and so on; where MOST_TRIES find no end, all are float16. Returns how far off it is then, too;
    none are int8 where `most` is 0.
    """
    halves = [each.half().float() if each.ndim == 2 else each for each in program.tensors]
    rounded = _by_inputs(program, run, inputs[::2]) if most else {}

    def far(without: int | None = None) -> float:
        tensors = list(halves)
        for k in rounded.keys() - {without}:
            tensors[k] = rounded[k].values
        found = off(run(replace(program, tensors=tensors), inputs, None))
        return math.inf if math.isnan(found) else found

    now, tries = far(), 0
    while now > most and rounded:
        tries += len(rounded)
        if tries > MOST_TRIES:
            rounded.clear()
            return rounded, far()
        left = {k: far(k) for k in rounded}
        best = min(left, key=lambda k: (max(left[k], most), rounded[k].levels.numel()))
        del rounded[best]
        now = left[best]
    return rounded, now


def _by_inputs(program: Program, run: Run, inputs: Tensor) -> dict[int, Rounded]:
    """Each matrix rounded by what it is given once those before it are rounded."""
    rounded: dict[int, Rounded] = {}
    tensors = list(program.tensors)

    def take(k: int, rows: Tensor) -> None:
        if k not in rounded and bool(rows.isfinite().all()):
            rounded[k] = by_inputs(tensors[k], rows)
            tensors[k] = rounded[k].values

    run(replace(program, tensors=tensors), inputs, take)
    return rounded


def by_inputs(matrix: Tensor, inputs: Tensor) -> Rounded:
    """Rounded to 127 levels up and down so that products with rows (rows, n) change little.

    Column after column, what is lost by one is made up for by those that follow, as the inputs
    vary together (GPTQ: Frantar, Ashkboos, Hoefler & Alistarh 2023, algorithm 1). A wide matrix
    goes by MOST_COLUMNS, each for itself.
    """
    scales = matrix.abs().amax(1) / 127
    scales = torch.where(scales > 0, scales, 1)
    parts = zip(matrix.split(MOST_COLUMNS, 1), inputs.split(MOST_COLUMNS, 1), strict=True)
    return Rounded(torch.cat([_levels(each, rows, scales) for each, rows in parts], 1), scales)


def _levels(matrix: Tensor, inputs: Tensor, scales: Tensor) -> Tensor:
    n = matrix.shape[1]
    inputs = inputs.double()
    square = inputs.T @ inputs
    square /= float(square.diagonal().mean()) or 1.0
    square += torch.eye(n) * DAMPING
    order = square.diagonal().argsort(descending=True)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(square[order][:, order]))
    shares = torch.linalg.cholesky(inverse, upper=True).float()
    left, levels = matrix[:, order].clone(), torch.empty_like(matrix, dtype=torch.int8)
    for start in range(0, n, AT_ONCE):
        end = min(start + AT_ONCE, n)
        lost = torch.empty(len(matrix), end - start)
        for k in range(start, end):
            whole = (left[:, k] / scales).round().clamp(-127, 127)
            levels[:, order[k]] = whole.to(torch.int8)
            lost[:, k - start] = (left[:, k] - whole * scales) / shares[k, k]
            left[:, k + 1 : end] -= torch.outer(lost[:, k - start], shares[k, k + 1 : end])
        left[:, end:] -= lost @ shares[start:end, end:]
    return levels
