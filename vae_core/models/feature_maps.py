"""What the decoder makes of one z, layer by layer, up to the image."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_core.models.latent_model import LatentModel
from vae_core.models.networks import ACTIVATIONS, Crop, Reshape, ResidualBlock

MOST_MAPS = 64  # of a layer that are shown
STRIP = 32  # units in a row of the image that they make
NO_UNIT = -128

SHAPING = (*ACTIVATIONS.values(), Crop, Reshape)  # what belongs to the layer before it


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What leaves one layer, after its activation and whatever only reshapes it.

    name: of the layer and of what follows it, as "Linear + SiLU"; settings: as PyTorch prints them.
    maps: (m,) units, (channels, h, w) maps, or (classes, m) units where a layer of M2 is computed
    for each class.
    """

    name: str
    settings: str
    maps: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.maps.shape)

    @property
    def shares(self) -> Tensor:
        """The maps as they are shown, (n, h, w) int8: 127 is the layer's largest absolute value.

        The first MOST_MAPS maps; units in rows of STRIP, the last filled up with NO_UNIT.
        """
        units = self.maps.ndim < 3
        shown = _strips(torch.atleast_2d(self.maps)) if units else self.maps[:MOST_MAPS]
        most = self.maps.abs().max()
        scaled = (shown / torch.where(most > 0, most, 1) * 127).round().clamp(-127, 127)
        shares: Tensor = scaled.nan_to_num(NO_UNIT).to(torch.int8)
        return shares


def _strips(units: Tensor) -> Tensor:
    """(rows, m) -> (rows, lines, STRIP at most), NaN where there are no more."""
    width = min(units.shape[1], STRIP)
    padding = -units.shape[1] % width
    padded: Tensor = nn.functional.pad(units, (0, padding), value=torch.nan)
    return padded.view(len(units), -1, width)


@torch.no_grad()
def feature_maps(model: LatentModel, z: Tensor) -> list[FeatureMaps]:
    """The outputs of the decoder's layers at z (d,), on the CPU, in the order of computation.

    The last are the image's own: (c, h, w), in [0, 1]. Read by forward hooks, which are gone
    afterwards and deaf to other threads: models are shared.
    """
    found: list[FeatureMaps] = []
    here = threading.get_ident()

    def keep(layer: nn.Module, _inputs: object, output: object) -> None:
        output = output[0] if isinstance(output, tuple) and output else output  # as attention's is
        if threading.get_ident() != here or not isinstance(output, Tensor) or not output.ndim:
            return
        name, maps = type(layer).__name__, output[0].cpu()
        if isinstance(layer, SHAPING) and found:
            before = found[-1]
            shown = before.name if isinstance(layer, Crop | Reshape) else f"{before.name} + {name}"
            found[-1] = FeatureMaps(shown, before.settings, maps)
        else:
            found.append(FeatureMaps(name, layer.extra_repr(), maps))

    hooks = [layer.register_forward_hook(keep) for layer in _layers(model.decoder)]
    try:
        image = model.decode(z[None].to(next(model.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    name = "mean of p(x|z)" if model.has_likelihood else "image"
    return [*found, FeatureMaps(name, model.config.likelihood, image[0].cpu())]


def _layers(network: nn.Module) -> list[nn.Module]:
    """Its layers, from the outside in; a residual block counts as one."""
    if isinstance(network, ResidualBlock) or not any(True for _ in network.children()):
        return [network]
    return [layer for child in network.children() for layer in _layers(child)]
