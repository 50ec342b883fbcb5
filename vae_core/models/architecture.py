"""What a network is, layer by layer, without any of its weights in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """The shapes, without the batch, that an image takes on its way.

    encoder: after each of its layers but the last, which gives mu and logvar, None where there is
    no encoder; decoder: after each of its layers, the last being the image. weights: how many
    numbers are learned.
    """

    image_shape: Shape
    encoder: tuple[Shape, ...] | None
    latent_dim: int
    decoder: tuple[Shape, ...]
    weights: int


def architecture(config: ModelConfig) -> Architecture:
    """The architecture of `config`, read off a model on torch's meta device."""
    with torch.device("meta"):
        model = build_model(config)
        encoder = None
        if model.has_encoder:
            encoder = _shapes(model.encoder, torch.empty(1, *config.image_shape))[:-1]
        decoder = _shapes(model.decoder, torch.empty(1, config.latent_dim))
    return Architecture(
        image_shape=config.image_shape,
        encoder=encoder,
        latent_dim=config.latent_dim,
        decoder=(*decoder[:-1], config.image_shape),
        weights=sum(math.prod(weight.shape) for weight in model.parameters()),
    )


def _shapes(network: nn.Module, x: Tensor) -> tuple[Shape, ...]:
    """The output shape of each layer that has weights of its own, in the order of computation.

    A layer computed for every class, (batch, classes, m), counts once.
    """
    shapes: list[Shape] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _x, y: shapes.append(_one(tuple(y.shape))))
        for layer in network.modules()
        if any(True for _ in layer.parameters(recurse=False))
    ]
    network(x)
    for hook in hooks:
        hook.remove()
    return tuple(shapes)


def _one(batch: Shape) -> Shape:
    return batch[2:] if len(batch) == 3 else batch[1:]
