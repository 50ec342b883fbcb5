"""Encoder and decoder architectures for images of any (channels, height, width).

A network is one function `(image_shape, latent_dim, hidden, activation) -> (encoder, decoder)`,
entered in the registry by its name:

    encoder  x (batch, c, h, w) in [0, 1]  ->  (batch, 2 * latent_dim), mu beside logvar
    decoder  z (batch, latent_dim)         ->  (batch, c, h, w), the likelihood's parameters

A new architecture is one decorated function; the test suite runs over all that are registered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from reprlib import repr as shown

from torch import Tensor, nn

from vae_core.errors import ConfigError

ImageShape = tuple[int, int, int]
Network = Callable[[ImageShape, int, Sequence[int], str], tuple[nn.Module, nn.Module]]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
}
_NETWORKS: dict[str, Network] = {}


def register_network(name: str) -> Callable[[Network], Network]:
    """Enter a network in the registry under `name`."""

    def register(network: Network) -> Network:
        if name in _NETWORKS:
            raise ConfigError(
                f"A network named {name!r} is registered already; choose another name."
            )
        _NETWORKS[name] = network
        return network

    return register


def network_names() -> list[str]:
    return sorted(_NETWORKS)


def build_network(
    name: str, image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str
) -> tuple[nn.Module, nn.Module]:
    """Build the registered network `name`; ConfigError when it or the activation is unknown."""
    if name not in _NETWORKS:
        raise ConfigError(
            f"Unknown network {shown(name)}; choose one of {', '.join(network_names())}."
        )
    if activation not in ACTIVATIONS:
        raise ConfigError(
            f"Unknown activation {shown(activation)}; choose one of {', '.join(ACTIVATIONS)}."
        )
    return _NETWORKS[name](image_shape, latent_dim, hidden, activation)


class Reshape(nn.Module):
    """(batch, …) -> (batch, *shape)."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.shape)


@register_network("mlp")
def mlp(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str
) -> tuple[nn.Module, nn.Module]:
    """Fully connected layers of the widths `hidden`, mirrored in the decoder.

    Without hidden layers encoder and decoder are linear, as in probabilistic PCA.
    """
    pixels = math.prod(image_shape)
    encoder = nn.Sequential(
        nn.Flatten(), *_linear_layers([pixels, *hidden, 2 * latent_dim], activation)
    )
    decoder = nn.Sequential(
        *_linear_layers([latent_dim, *reversed(hidden), pixels], activation), Reshape(image_shape)
    )
    return encoder, decoder


@register_network("conv")
def conv(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str
) -> tuple[nn.Module, nn.Module]:
    """Strided convolutions with the channels `hidden[:-1]` and one dense layer of `hidden[-1]`.

    Each convolution (3x3, stride 2, padding 1) halves a side, rounding up; the decoder's transposed
    convolutions retrace the very same sizes, so any height and width fit.
    """
    if len(hidden) < 2:
        raise ConfigError(
            f"A conv network needs channels and a dense width, hidden=(32, 64, 256) for example; "
            f"hidden has {len(hidden)} entries."
        )
    *channels, dense = hidden
    stages = [image_shape]  # (c, h, w) before each convolution and after the last
    for width in channels:
        _, h, w = stages[-1]
        stages.append((width, math.ceil(h / 2), math.ceil(w / 2)))
    flat = math.prod(stages[-1])
    act = ACTIVATIONS[activation]

    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for (c_in, h, w), (c_out, _, _) in pairwise(stages):
        down += [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), act()]
        # A transposed convolution gives 2 * ceil(s / 2) - 1; an even side wants one more.
        up = [
            nn.ConvTranspose2d(
                c_out, c_in, 3, stride=2, padding=1, output_padding=(1 - h % 2, 1 - w % 2)
            ),
            act(),
            *up,
        ]
    encoder = nn.Sequential(
        *down, nn.Flatten(), *_linear_layers([flat, dense, 2 * latent_dim], activation)
    )
    decoder = nn.Sequential(
        *_linear_layers([latent_dim, dense, flat], activation),
        act(),
        Reshape(stages[-1]),
        *up[:-1],  # no activation on the likelihood's parameters
    )
    return encoder, decoder


def _linear_layers(widths: Sequence[int], activation: str) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), ACTIVATIONS[activation]()]
    return layers[:-1]
