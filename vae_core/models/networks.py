"""Encoder and decoder architectures for images of any (channels, height, width).

A network is one function `(image_shape, latent_dim, hidden, activation, k) -> (encoder, decoder)`,
entered in the registry by its name:

    encoder  x (batch, c, h, w) in [0, 1]  ->  (batch, 2 * latent_dim), mu beside logvar
    decoder  z (batch, latent_dim)         ->  (batch, k * c, h, w), the likelihood's parameters

A new architecture is one decorated function; the test suite runs over all that are registered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from reprlib import repr as shown

import torch
from torch import Tensor, nn
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.plugins import HOW

ImageShape = tuple[int, int, int]
Network = Callable[[ImageShape, int, Sequence[int], str, int], tuple[nn.Module, nn.Module]]

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


def registered_network(name: str) -> Network | None:
    """The function that was registered under `name`, if there is one."""
    return _NETWORKS.get(name)


def build_network(
    name: str,
    image_shape: ImageShape,
    latent_dim: int,
    hidden: Sequence[int],
    activation: str,
    k: int = 1,
) -> tuple[nn.Module, nn.Module]:
    """Build the registered network `name`; ConfigError when it or the activation is unknown.

    k: parameters of the likelihood for each channel of each pixel.
    """
    if name not in _NETWORKS:
        raise ConfigError(
            f"Unknown network {shown(name)}; choose one of {', '.join(network_names())}. {HOW}."
        )
    if activation not in ACTIVATIONS:
        raise ConfigError(
            f"Unknown activation {shown(activation)}; choose one of {', '.join(ACTIVATIONS)}."
        )
    return _NETWORKS[name](image_shape, latent_dim, hidden, activation, k)


class Reshape(nn.Module):
    """(batch, …) -> (batch, *shape)."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.shape)


class Crop(nn.Module):
    """(batch, c, at least h, at least w) -> (batch, c, h, w), the middle."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        top, left = (x.shape[2] - self.height) // 2, (x.shape[3] - self.width) // 2
        return x[:, :, top : top + self.height, left : left + self.width]


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), both 3x3 (He et al. 2016b); the shape of x."""

    def __init__(self, channels: int, activation: str) -> None:
        super().__init__()
        act = ACTIVATIONS[activation]
        self.residual = nn.Sequential(
            act(),
            nn.Conv2d(channels, channels, 3, padding=1),
            act(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.residual(x)
        return added


class Broadcast(nn.Linear):
    """z (batch, d) -> (batch, channels, h, w): z laid over every pixel, beside the pixel's place.

    A convolution of 1x1 of the d + 2 channels z, x and y, the last two from -1 to 1 (Watters et al.
    2019). What it makes of z is the same everywhere, so it is computed once.
    """

    def __init__(self, latent_dim: int, channels: int, height: int, width: int) -> None:
        super().__init__(latent_dim + 2, channels)
        self.height, self.width = height, width

    def forward(self, z: Tensor) -> Tensor:
        of_z = functional.linear(z, self.weight[:, :-2])  # (batch, channels)
        return of_z[:, :, None, None] + self.of_place()

    def of_place(self) -> Tensor:
        """What it gives at z = 0, (channels, h, w)."""
        of_x, of_y = self.weight[:, -2:, None, None].unbind(1)
        x = torch.linspace(-1, 1, self.width).to(self.weight)
        y = torch.linspace(-1, 1, self.height).to(self.weight)[:, None]
        return of_x * x + of_y * y + self.bias[:, None, None]

    def extra_repr(self) -> str:
        channels, inputs = self.weight.shape
        return f"{inputs - 2} and x, y, {channels}, size=({self.height}, {self.width})"


@register_network("mlp")
def mlp(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str, k: int
) -> tuple[nn.Module, nn.Module]:
    """Fully connected layers of the widths `hidden`, mirrored in the decoder.

    One layer of 500, tanh, is Kingma & Welling's (2014). Without hidden layers encoder and decoder
    are linear, as in probabilistic PCA.
    """
    c, h, w = image_shape
    encoder = nn.Sequential(
        nn.Flatten(), *_linear_layers([c * h * w, *hidden, 2 * latent_dim], activation)
    )
    decoder = nn.Sequential(
        *_linear_layers([latent_dim, *reversed(hidden), k * c * h * w], activation),
        Reshape((k * c, h, w)),
    )
    return encoder, decoder


@register_network("conv")
def conv(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str, k: int
) -> tuple[nn.Module, nn.Module]:
    """Strided convolutions with the channels `hidden[:-1]` and one dense layer of `hidden[-1]`.

    Each convolution (3x3, stride 2, padding 1) halves a side, rounding up; the decoder's transposed
    convolutions retrace the very same sizes, so any height and width fit.
    """
    stages, dense = _stages("conv", image_shape, hidden)
    act = ACTIVATIONS[activation]
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for index, ((c_in, h, w), (c_out, _, _)) in enumerate(pairwise(stages)):
        down += [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), act()]
        # A transposed convolution gives 2 * ceil(s / 2) - 1; an even side wants one more.
        even = (1 - h % 2, 1 - w % 2)
        c_back = c_in if index else k * c_in
        up = [
            nn.ConvTranspose2d(c_out, c_back, 3, stride=2, padding=1, output_padding=even),
            act(),
            *up,
        ]
    flat = math.prod(stages[-1])
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


@register_network("resnet")
def resnet(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str, k: int
) -> tuple[nn.Module, nn.Module]:
    """Residual blocks with the channels `hidden[:-1]` and one dense layer of `hidden[-1]`.

    Each stage halves a side, rounding up, by a strided convolution, and a block follows; the
    decoder has the block first, then doubles by the nearest neighbour and a convolution, which
    leaves no checkerboard (Odena et al. 2016). No normalisation: an image is encoded alone as among
    others.
    """
    stages, dense = _stages("resnet", image_shape, hidden)
    act = ACTIVATIONS[activation]
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for index, ((c_in, h, w), (c_out, _, _)) in enumerate(pairwise(stages)):
        down += [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), ResidualBlock(c_out, activation)]
        up = [
            ResidualBlock(c_out, activation),
            act(),
            nn.Upsample(size=(h, w)),
            nn.Conv2d(c_out, c_in if index else k * c_in, 3, padding=1),
            *up,
        ]
    flat = math.prod(stages[-1])
    encoder = nn.Sequential(
        *(*down, act(), nn.Flatten()), *_linear_layers([flat, dense, 2 * latent_dim], activation)
    )
    decoder = nn.Sequential(
        *_linear_layers([latent_dim, dense, flat], activation), Reshape(stages[-1]), *up
    )
    return encoder, decoder


@register_network("broadcast")
def broadcast(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str, k: int
) -> tuple[nn.Module, nn.Module]:
    """The encoder of `conv`, and a decoder that is told at each pixel where it is (`Broadcast`).

    Convolutions of 3x3, one fewer than the encoder has, keep `hidden[0]` channels on a grid of half
    the sides, rounded up; a transposed one of 4x4 gives the image. That a shape moves need not be
    learned: it falls out of comparing z with the place (Watters et al. 2019, whose grid is as large
    as the image, and four times as much work).
    """
    _stages("broadcast", image_shape, hidden)  # a ConfigError names this network
    encoder, _ = conv(image_shape, latent_dim, hidden, activation, k)
    (c, h, w), channels, act = image_shape, hidden[0], ACTIVATIONS[activation]
    layers: list[nn.Module] = [
        Broadcast(latent_dim, channels, math.ceil(h / 2), math.ceil(w / 2)),
        act(),
    ]
    for _ in hidden[1:-1]:
        layers += [nn.Conv2d(channels, channels, 3, padding=1), act()]
    layers += [nn.ConvTranspose2d(channels, k * c, 4, stride=2, padding=1), Crop(h, w)]
    return encoder, nn.Sequential(*layers)


@register_network("lecture-conv")
def lecture_conv(
    image_shape: ImageShape, latent_dim: int, hidden: Sequence[int], activation: str, k: int
) -> tuple[nn.Module, nn.Module]:
    """The small convolutional autoencoder of many lectures, for 28x28; `hidden` is (16, 8) there.

    Conv 1-16 k3 s3 p1, pool 2/2, Conv 16-8 k3 s2 p1, pool 2/1: 28, 10, 5, 3, 2. Back by
    ConvTranspose 8-16 k3 s2, 16-8 k5 s3 p1, 8-1 k2 s2 p1: 2, 5, 15, 28. A dense layer each leads to
    mu and logvar, and from z. The closing tanh, on images in [-1, 1], is the likelihoods' sigmoid
    on images in [0, 1]: (1 + tanh a) / 2 = sigmoid(2 a).

    On other sizes a pool never exceeds what it is given, and the decoder begins with the fewest
    pixels s whose 12 s + 4 cover the image, of which it keeps the middle.
    """
    if len(hidden) != 2:
        raise ConfigError(
            f"A lecture-conv network has two numbers of channels, hidden=(16, 8) in the lecture; "
            f"hidden has {len(hidden)} entries."
        )
    (c, h, w), (wide, narrow) = image_shape, hidden
    act = ACTIVATIONS[activation]
    sides = [(side + 2) // 3 for side in (h, w)]
    first, sides = _pool(sides, 2)
    sides = [(side + 1) // 2 for side in sides]
    second, sides = _pool(sides, 1)
    start = [max(1, math.ceil((side - 4) / 12)) for side in (h, w)]
    encoder = nn.Sequential(
        *(nn.Conv2d(c, wide, 3, stride=3, padding=1), act(), first),
        *(nn.Conv2d(wide, narrow, 3, stride=2, padding=1), act(), second),
        *(nn.Flatten(), nn.Linear(narrow * math.prod(sides), 2 * latent_dim)),
    )
    decoder = nn.Sequential(
        *(nn.Linear(latent_dim, narrow * math.prod(start)), Reshape((narrow, *start))),
        *(nn.ConvTranspose2d(narrow, wide, 3, stride=2), act()),
        *(nn.ConvTranspose2d(wide, narrow, 5, stride=3, padding=1), act()),
        *(nn.ConvTranspose2d(narrow, k * c, 2, stride=2, padding=1), Crop(h, w)),
    )
    return encoder, decoder


def _pool(sides: Sequence[int], stride: int) -> tuple[nn.MaxPool2d, list[int]]:
    """Max pooling over 2x2, or what there is of it, and the sides that are left."""
    kernel = [min(2, side) for side in sides]
    left = [(side - size) // stride + 1 for side, size in zip(sides, kernel, strict=True)]
    return nn.MaxPool2d((kernel[0], kernel[1]), stride), left


def _stages(
    name: str, image_shape: ImageShape, hidden: Sequence[int]
) -> tuple[list[ImageShape], int]:
    """(c, h, w) of the image and after each halving; the width of the dense layer."""
    if len(hidden) < 2:
        raise ConfigError(
            f"A {name} network needs channels and a dense width, hidden=(32, 64, 256) for example; "
            f"hidden has {len(hidden)} entries."
        )
    *channels, dense = hidden
    stages = [image_shape]
    for width in channels:
        _, h, w = stages[-1]
        stages.append((width, math.ceil(h / 2), math.ceil(w / 2)))
    return stages, dense


def _linear_layers(widths: Sequence[int], activation: str) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), ACTIVATIONS[activation]()]
    return layers[:-1]
