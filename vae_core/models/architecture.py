"""What a network is, layer by layer, without any of its weights in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_core.models.config import ModelConfig
from vae_core.models.cost import Shape, image_cost, one_pass
from vae_core.models.kinds import build_model


@dataclass(frozen=True)
class Architecture:
    """The shapes, without the batch, that an image takes on its way.

    encoder: after each of its layers but the last, which gives mu and logvar, None where there is
    no encoder; decoder: after each of its layers, the last being the image. weights: how many
    numbers are learned. multiply_adds: to encode or to decode one image, the more of the two.
    """

    image_shape: Shape
    encoder: tuple[Shape, ...] | None
    latent_dim: int
    decoder: tuple[Shape, ...]
    weights: int
    multiply_adds: int


def architecture(config: ModelConfig) -> Architecture:
    """The architecture of `config`, read off a model on torch's meta device."""
    with torch.device("meta"):
        model = build_model(config)
        encoder = None
        if model.has_encoder:
            encoder = _shapes(model.encoder, torch.empty(1, *config.image_shape))[:-1]
        decoder = _shapes(model.decoder, torch.empty(1, config.latent_dim))
    cost = image_cost(build_model, config)
    return Architecture(
        image_shape=config.image_shape,
        encoder=encoder,
        latent_dim=config.latent_dim,
        decoder=(*decoder[:-1], config.image_shape),
        weights=sum(math.prod(weight.shape) for weight in model.parameters()),
        multiply_adds=max(cost.encode, cost.decode),
    )


def _shapes(network: nn.Module, x: Tensor) -> tuple[Shape, ...]:
    """Of each layer; one computed for every class, (classes, m), counts once."""
    shapes, _ = one_pass(network, network, x)
    return tuple(shape[1:] if len(shape) == 2 else shape for shape in shapes)
