"""What one image costs a model in work and in memory, told from its shapes: no weight is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vae_core.models.config import ModelConfig

Shape = tuple[int, ...]
Pass = tuple[tuple[Shape, ...], int]  # the layers' shapes, multiply-adds


@dataclass(frozen=True)
class ImageCost:
    """Multiply-adds to encode and to decode one image, 0 where there is no encoder.

    widest: numbers that the widest layer gives for it, the image itself being one.
    """

    encode: int
    decode: int
    widest: int


def image_cost(build: Callable[[ModelConfig], Any], config: ModelConfig) -> ImageCost:
    """Of the model that `build` makes of `config`, here on torch's meta device."""
    with torch.device("meta"):
        model = build(config)
        shapes: list[Shape] = [config.image_shape]
        encode = 0
        if model.has_encoder:
            seen, encode = one_pass(model, model.encode, torch.empty(1, *config.image_shape))
            shapes += seen
        seen, decode = one_pass(model, model.decode, torch.empty(1, config.latent_dim))
    return ImageCost(encode, decode, max(map(math.prod, [*shapes, *seen])))


def one_pass(network: nn.Module, compute: Callable[[Tensor], object], x: Tensor) -> Pass:
    """What `compute` asks of the layers of `network` that have weights, for the one input x.

    The shapes that they give, without the batch, in the order of computation.
    """
    shapes: list[Shape] = []
    work: list[int] = []

    def count(layer: nn.Module, given: tuple[Tensor, ...], y: Tensor) -> None:
        # Each weight of one channel meets each number given out, or, transposed, taken in.
        met = given[0] if isinstance(layer, nn.ConvTranspose2d) else y
        weight = next(layer.parameters(recurse=False))
        shapes.append(tuple(y.shape[1:]))
        work.append(met.numel() * weight[0].numel())

    hooks = [
        layer.register_forward_hook(count)
        for layer in network.modules()
        if any(True for _ in layer.parameters(recurse=False))
    ]
    try:
        compute(x)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(shapes), sum(work)
