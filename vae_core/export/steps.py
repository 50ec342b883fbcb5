"""A model's decoder and encoder as flat lists of steps, each a dict of plain JSON values.

An engine that knows these few steps computes every model that is made of them. The state is rows of
numbers, one image's, a tensor's numbers in their usual order; `size` is how many one image has
after a step, and weights are numbers of `Program.tensors`.

    linear      n -> m of each row: w (m, n), b (m)
    conv        in (c, h, w) -> out: w (c_out, c_in kh kw), b; kernel, stride, padding
    transposed  the same the other way: w (c_out kh kw, c_in)
    act         kind, one of KINDS; slope of those that have one
    affine      each of `channels` times its w plus its b
    pool        in -> out, the largest number under kernel; stride, padding
    take        in -> rows and columns of each channel, by their numbers
    keep, swap, add     a copy of the state goes on a pile; is exchanged with it; is added to it
    tell        one row and table (classes, n) -> for each class the row plus its own
    choose      the row of the table (classes, n) whose number in the state is the largest
    first       the first n of each row of `of`
    mean        of `rows` rows, one
    same        nothing

`map`, where a step has it, says how the state after it is shown as a layer's feature maps, see
`FeatureMaps.shares`: the first [rows, numbers of each, filling after each].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from vae_core.errors import ConfigError
from vae_core.models.config import ADAPTED
from vae_core.models.feature_maps import MOST_MAPS, SHAPING, STRIP
from vae_core.models.gan import GAN
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import (
    Bernoulli,
    ContinuousBernoulli,
    DiscretisedLogistic,
    Gaussian,
    LearnedGaussian,
    Likelihood,
)
from vae_core.models.linear import PCA, ProbabilisticPCA
from vae_core.models.m2 import M2, ByClass, ClassMixture
from vae_core.models.networks import Broadcast, Crop, Reshape, ResidualBlock
from vae_core.models.vae import VAE, Autoencoder

KINDS = {
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky",
    nn.ELU: "elu",
    nn.Sigmoid: "sigmoid",
    nn.SiLU: "silu",
    nn.Tanh: "tanh",
    nn.GELU: "gelu",
}
Shape = tuple[int, ...]
Step = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Program:
    """What decodes z (latent_dim,) to the mean image (c, h, w), and encodes an image.

    encoder: gives mu, then logvar, each (latent_dim,); None where no image has a code. has_sigma:
    whether logvar means anything; where it does not it is -inf. tensors: float32, on the CPU.
    """

    latent_dim: int
    image_shape: tuple[int, int, int]
    decoder: list[Step]
    encoder: list[Step] | None
    has_sigma: bool
    tensors: list[Tensor]


@torch.inference_mode()
def program_of(model: LatentModel, *, encoder: bool = True) -> Program:
    """`model`, in eval mode, as steps; without its encoder unless that is to go along.

    ConfigError where a part of it has no steps: it names the part and says why.
    """
    if not model.has_decoder:
        raise ConfigError("There is no decoder, so a page would have nothing to decode.")
    if model.config.kind == ADAPTED:
        raise ConfigError(
            "A model from outside decodes by a program of its own, which no page can run; a "
            "page takes models of this library, made of layers that it knows."
        )
    if not model.has_gradients:
        raise ConfigError("A network that only runs by itself cannot go into a page.")
    if type(model) not in (VAE, Autoencoder, PCA, ProbabilisticPCA, GAN, M2):
        raise ConfigError(
            f"The engine that decodes without PyTorch knows no {type(model).__name__}, which is "
            "a class of your own."
        )
    tensors: list[Tensor] = []
    decoding = _Steps(tensors, (model.latent_dim,))
    decoding.network(model.decoder, shown=True)
    decoding.likelihood(model.likelihood, model.image_shape)
    encoding = _Steps(tensors, model.image_shape) if encoder and model.has_encoder else None
    if isinstance(model, M2) and encoding is not None:
        encoding.by_likeliest_class(model)
    elif encoding is not None:
        encoding.network(model.encoder)
    return Program(
        latent_dim=model.latent_dim,
        image_shape=model.image_shape,
        decoder=decoding.steps,
        encoder=None if encoding is None else encoding.steps,
        has_sigma=model.is_variational,
        tensors=tensors,
    )


@dataclass
class _Steps:
    """The steps so far, and the shape of one image's state after them."""

    tensors: list[Tensor]
    shape: Shape
    steps: list[Step] = field(default_factory=list)
    mapped: int | None = None  # the step that has the last layer's map

    def add(self, op: str, **how: Any) -> None:
        self.steps.append({"op": op, **how, "size": math.prod(self.shape)})

    def weight(self, values: Tensor) -> int:
        self.tensors.append(values.detach().cpu().float().contiguous())
        return len(self.tensors) - 1

    def network(self, network: nn.Module, *, shown: bool = False) -> None:
        """shown: whether its layers' feature maps are."""
        if type(network) is nn.Sequential and len(network):
            for layer in network:
                self.network(layer, shown=shown)
        elif type(network) is ByClass:
            self.network(network.first, shown=shown)
            table = network.of_class.weight.T
            self.shape = tuple(table.shape)
            self.add("tell", table=self.weight(table))
            self.network(network.rest, shown=shown)
        else:
            self.layer(network)
            if shown:
                self.show(network)

    def by_likeliest_class(self, model: M2) -> None:
        """q(z|x, y) at the y that q(y|x) holds most likely."""
        encoder, image = model.encoder, self.shape
        assert isinstance(encoder, ByClass)
        self.add("keep")
        self.network(model.classifier)
        table = encoder.of_class.weight.T
        self.shape = (table.shape[1],)
        self.add("choose", table=self.weight(table))
        self.shape = image
        self.add("swap")
        self.network(nn.Sequential(nn.Flatten(), encoder.first))
        self.add("add")
        self.network(encoder.rest)

    def layer(self, layer: nn.Module) -> None:
        before = self.shape
        if type(layer) is ResidualBlock:
            self.add("keep")
            self.network(layer.residual)
            self.add("add")
            return
        if why := _why_not(layer):
            raise ConfigError(f"The engine that decodes without PyTorch cannot do {layer}: {why}.")
        self.shape = tuple(layer(torch.zeros(1, *before)).shape[1:])
        match layer:
            case Broadcast():
                of_z = layer.weight[:, :-2].repeat_interleave(layer.height * layer.width, 0)
                w, b = self.weight(of_z), self.weight(layer.of_place().flatten())
                self.add("linear", n=before[0], m=math.prod(self.shape), w=w, b=b)
            case nn.Linear():
                bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
                w, b = self.weight(layer.weight), self.weight(bias)
                self.add("linear", n=layer.in_features, m=layer.out_features, w=w, b=b)
            case nn.Conv2d() | nn.ConvTranspose2d():
                self.convolution(layer, before)
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                self.affine(layer)
            case nn.MaxPool2d():
                how = {
                    "kernel": _pair(layer.kernel_size),
                    "stride": _pair(layer.stride),
                    "padding": _pair(layer.padding),
                }
                self.add("pool", **how, **{"in": before, "out": self.shape})
            case Crop() | nn.Upsample():
                _, height, width = before
                rows = torch.arange(height, dtype=torch.float64)[:, None].expand(height, width)
                columns = torch.arange(width, dtype=torch.float64).expand(height, width)
                taken = layer(torch.stack([rows, columns])[None])[0].long()  # (2, h, w)
                both = {"rows": taken[0, :, 0].tolist(), "columns": taken[1, 0].tolist()}
                self.add("take", **both, **{"in": before})
            case nn.LeakyReLU():
                self.add("act", kind="leaky", slope=layer.negative_slope)
            case nn.ELU():
                self.add("act", kind="elu", slope=layer.alpha)
            case _ if type(layer) in KINDS:
                self.add("act", kind=KINDS[type(layer)])
            case _:
                self.add("same")

    def convolution(self, layer: nn.Conv2d | nn.ConvTranspose2d, before: Shape) -> None:
        bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias
        turned = isinstance(layer, nn.ConvTranspose2d)
        # (c_in, c_out, kh, kw) -> (c_out kh kw, c_in)
        w = layer.weight.flatten(1).T if turned else layer.weight.flatten(1)
        self.add(
            "transposed" if turned else "conv",
            **{"in": before, "out": self.shape},
            kernel=layer.kernel_size,
            stride=layer.stride,
            padding=layer.padding,
            w=self.weight(w),
            b=self.weight(bias),
        )

    def affine(self, layer: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        """As a normalisation is once it is learned."""
        assert layer.running_var is not None and layer.running_mean is not None
        scale = (layer.running_var + layer.eps).rsqrt()
        scale = scale if layer.weight is None else scale * layer.weight
        shift = -layer.running_mean * scale
        shift = shift if layer.bias is None else shift + layer.bias
        self.add("affine", channels=self.shape[0], w=self.weight(scale), b=self.weight(shift))

    def show(self, layer: nn.Module) -> None:
        """Let the last step give the layer's feature maps, with those of what it belongs to."""
        if self.mapped is not None and isinstance(layer, SHAPING):
            del self.steps[self.mapped]["map"]
        self.mapped = len(self.steps) - 1
        if len(self.shape) < 3:
            n = self.shape[-1]
            how = [math.prod(self.shape[:-1]), n, -n % min(n, STRIP)]
        else:
            how = [min(self.shape[0], MOST_MAPS), math.prod(self.shape[1:]), 0]
        self.steps[-1]["map"] = how

    def likelihood(self, likelihood: Likelihood, image_shape: Shape) -> None:
        """The mean image of the decoder's parameters."""
        numbers, rows = math.prod(image_shape), 1
        if type(likelihood) is ClassMixture:
            rows, likelihood = likelihood.classes, likelihood.of_class
        if math.prod(self.shape) != rows * numbers * likelihood.parameters_per_channel:
            raise ConfigError(f"The decoder gives {self.shape}, which is no {image_shape} image.")
        if type(likelihood) is DiscretisedLogistic:
            of = numbers * likelihood.parameters_per_channel
            self.shape = (rows, numbers)
            self.add("first", n=numbers, of=of)
        kind = {
            Bernoulli: "sigmoid",
            ContinuousBernoulli: "continuous-bernoulli",
            DiscretisedLogistic: "sigmoid",
        }.get(type(likelihood))
        if type(likelihood) in (Gaussian, LearnedGaussian):
            kind = "sigmoid" if getattr(likelihood, "link", "") == "sigmoid" else "clamp"
        if kind is None:
            raise ConfigError(
                "The engine that decodes without PyTorch knows no likelihood "
                f"{type(likelihood).__name__}."
            )
        self.add("act", kind=kind)
        self.shape = image_shape
        if rows > 1:
            self.add("mean", rows=rows)


def _pair(values: int | tuple[int, ...]) -> tuple[int, ...]:
    return (values, values) if isinstance(values, int) else values


def _why_not(layer: nn.Module) -> str:
    """Why it has no steps: another layer than those below, or more than they do; else empty."""
    if type(layer) not in _KNOWN:
        return "it knows no such layer"
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            more = layer.groups != 1 or set(layer.dilation) != {1} or layer.padding_mode != "zeros"
            if more or isinstance(layer.padding, str):
                return "it knows no groups, no dilation, and no padding but a number of zeros"
        case nn.MaxPool2d():
            more = layer.ceil_mode or layer.return_indices
            if more or _pair(layer.dilation) != (1, 1):
                return "it knows no ceil_mode, no dilation and no return_indices"
        case nn.Upsample() if layer.mode != "nearest":
            return 'it knows no mode but "nearest"'
        case nn.GELU() if layer.approximate != "none":
            return "it knows no approximation"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            if layer.training or layer.running_mean is None:
                return "it knows no normalisation by the batch at hand"
    return ""


_KNOWN = (
    *KINDS,
    *(nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.MaxPool2d),
    *(nn.Upsample, nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout2d),
    *(nn.Sequential, Broadcast, Crop, Reshape),
)
