"""The steps of a `Program` by PyTorch, so that what small weights do can be measured."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.export.steps import KINDS, Program, Step
from vae_core.models.latent_model import wait_for_turn
from vae_core.models.likelihoods import ContinuousBernoulli

MOST_ROWS = 4096  # that `Watch` is told of a matrix
AT_ONCE = 1 << 22  # numbers that a step gives, or unfolds, in one go

Watch = Callable[[int, Tensor], None]
_MULTIPLIED = ("linear", "conv", "transposed")  # steps that have a matrix
_ACTIVATIONS = {name: layer() for layer, name in KINDS.items()}


def decoded(program: Program, z: Tensor, watch: Watch | None = None) -> Tensor:
    """Mean images (n, numbers) of z (n, latent_dim).

    watch: is told, before each matrix (m, n) is used, which tensor it is and what it is
    multiplied with, rows of n numbers, some MOST_ROWS of them at most.
    """
    return _run(program, program.decoder, z, watch)


def encoded(program: Program, images: Tensor, watch: Watch | None = None) -> Tensor:
    """mu, then logvar, (n, 2 latent_dim) of images (n, numbers) in [0, 1]."""
    assert program.encoder is not None
    return _run(program, program.encoder, images, watch)


def cost(program: Program) -> tuple[int, int]:
    """For one image: multiply-adds of the dearer direction; numbers of its widest step."""
    directions = [program.decoder, program.encoder or []]
    return (
        max(sum(_work(step, program.tensors) for step in steps) for steps in directions),
        max(step["size"] for steps in directions for step in steps),
    )


def spread(rows: Tensor, most: int) -> Tensor:
    """Numbers of `most` rows at most, from the first to the last."""
    return torch.linspace(0, len(rows) - 1, min(most, len(rows))).long()


@torch.inference_mode()
def _run(program: Program, steps: list[Step], state: Tensor, watch: Watch | None) -> Tensor:
    """Step after step, each in parts: what lies between them is never unfolded all at once."""
    n, tensors = len(state), program.tensors
    widest = max(_widest(step, tensors) for step in steps)
    parts = list(state.split(max(1, AT_ONCE // widest)))
    piles: list[list[Tensor]] = [[] for _ in parts]
    for step in steps:
        if watch is not None and step["op"] in _MULTIPLIED:
            seen = (_multiplied(step, part) for part in parts)
            shares = (-(-MOST_ROWS * len(part) // n) for part in parts)
            some = [rows[spread(rows, most)] for rows, most in zip(seen, shares, strict=True)]
            watch(step["w"], torch.cat(some))
        for k, pile in enumerate(piles):
            wait_for_turn()
            parts[k] = _after(step, parts[k], tensors, pile)
    return torch.cat(parts)


def _products(step: Step) -> int:
    """How many rows of one image the step's matrix is multiplied with."""
    match step["op"]:
        case "linear":
            return int(step["size"] // step["m"])
        case "conv":
            return math.prod(step["out"][1:])
        case "transposed":
            return math.prod(step["in"][1:])
    return 0


def _work(step: Step, tensors: list[Tensor]) -> int:
    products = _products(step)
    return products * tensors[step["w"]].numel() if products else 0


def _widest(step: Step, tensors: list[Tensor]) -> int:
    """Numbers of one image that the step gives, or unfolds."""
    products = _products(step)
    return max(int(step["size"]), products * max(tensors[step["w"]].shape) if products else 0)


def _multiplied(step: Step, state: Tensor) -> Tensor:
    """What the step's matrix (m, n) is multiplied with, rows of n numbers."""
    match step["op"]:
        case "linear":
            return state.reshape(-1, step["n"])
        case "conv":
            return _columns(step, state).mT.flatten(0, 1)
    return state.view(len(state), step["in"][0], -1).mT.flatten(0, 1)


def _columns(step: Step, state: Tensor) -> Tensor:
    """What a convolution meets at each place, (n, c_in kh kw, places)."""
    window = {"stride": step["stride"], "padding": step["padding"]}
    maps = state.view(len(state), *step["in"])
    return functional.unfold(maps, step["kernel"], **window)


def _after(step: Step, state: Tensor, tensors: list[Tensor], pile: list[Tensor]) -> Tensor:
    """The state (n, numbers) after a step."""
    n, of = len(state), lambda name: tensors[step[name]]
    match step["op"]:
        case "linear":
            state = functional.linear(_multiplied(step, state), of("w"), of("b"))
        case "conv":
            state = of("w") @ _columns(step, state) + of("b")[:, None]
        case "transposed":
            maps = state.view(n, step["in"][0], -1)
            state = _stamped(of("w") @ maps, step) + of("b")[:, None, None]
        case "act":
            state = _active(step, state)
        case "affine":
            state = state.view(n, step["channels"], -1) * of("w")[:, None] + of("b")[:, None]
        case "pool":
            window = {"stride": step["stride"], "padding": step["padding"]}
            state = functional.max_pool2d(state.view(n, *step["in"]), step["kernel"], **window)
        case "take":
            state = state.view(n, *step["in"])[:, :, step["rows"]][..., step["columns"]]
        case "keep":
            pile.append(state)
        case "swap":
            state, pile[-1] = pile[-1], state
        case "add":
            state = state + pile.pop()
        case "tell":
            state = state[:, None] + of("table")
        case "choose":
            state = of("table")[state.argmax(1)]
        case "first":
            state = state.reshape(-1, step["of"])[:, : step["n"]]
        case "mean":
            state = state.view(n, step["rows"], -1).mean(1)
    return state.reshape(n, step["size"])


def _stamped(columns: Tensor, step: Step) -> Tensor:
    """Columns (n, c_out kh kw, places) added up where they lie in an image (n, c_out, h, w)."""
    window = {"stride": step["stride"], "padding": step["padding"]}
    return functional.fold(columns, step["out"][1:], step["kernel"], **window)


def _active(step: Step, state: Tensor) -> Tensor:
    kind, slope = step["kind"], step.get("slope", 0.0)
    match kind:
        case "leaky":
            return functional.leaky_relu(state, slope)
        case "elu":
            return functional.elu(state, slope)
        case "clamp":
            return state.clamp(0, 1)
        case "continuous-bernoulli":
            return ContinuousBernoulli().mean(state)
    active: Tensor = _ACTIVATIONS[kind](state)
    return active
