"""The steps of a `Program` by PyTorch, so that what small weights do can be measured."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.export.steps import KINDS, Program, Step
from vae_core.models.likelihoods import ContinuousBernoulli

Watch = Callable[[int, Tensor], None]
_ACTIVATIONS = {name: layer() for layer, name in KINDS.items()}


def decoded(program: Program, z: Tensor, watch: Watch | None = None) -> Tensor:
    """Mean images (n, numbers) of z (n, latent_dim).

    watch: is told, before each matrix (m, n) is used, which tensor it is and what it is
    multiplied with, rows of n numbers.
    """
    return _run(program, program.decoder, z, watch)


def encoded(program: Program, images: Tensor, watch: Watch | None = None) -> Tensor:
    """mu, then logvar, (n, 2 latent_dim) of images (n, numbers) in [0, 1]."""
    assert program.encoder is not None
    return _run(program, program.encoder, images, watch)


@torch.inference_mode()
def _run(program: Program, steps: list[Step], state: Tensor, watch: Watch | None) -> Tensor:
    pile: list[Tensor] = []
    for step in steps:
        state = _after(step, state, program.tensors, pile, watch or (lambda _, inputs: None))
    return state


def _after(
    step: Step, state: Tensor, tensors: list[Tensor], pile: list[Tensor], watch: Watch
) -> Tensor:
    """The state (n, numbers) after a step."""
    n, of = len(state), lambda name: tensors[step[name]]
    match step["op"]:
        case "linear":
            rows = state.reshape(-1, step["n"])
            watch(step["w"], rows)
            state = functional.linear(rows, of("w"), of("b"))
        case "conv":
            window = {"stride": step["stride"], "padding": step["padding"]}
            maps = state.view(n, *step["in"])
            columns = functional.unfold(maps, step["kernel"], **window)
            watch(step["w"], columns.mT.flatten(0, 1))
            state = of("w") @ columns + of("b")[:, None]
        case "transposed":
            c = step["in"][0]
            maps = state.view(n, c, -1)
            watch(step["w"], maps.mT.flatten(0, 1))
            window = {"stride": step["stride"], "padding": step["padding"]}
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
