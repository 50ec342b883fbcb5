"""Codes without a model: each has an image, and between them there is none."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from vae_core.adapters.model import Adapted
from vae_core.adapters.outside import Outside
from vae_core.models.cost import ImageCost
from vae_core.models.latent_model import LatentModel

BLANK = (1, 16, 16)  # where there are no images
BRIGHTNESS = 0.5


class CodesAlone(Adapted):
    """Codes (n, d) with their images, without a decoder; with the encoder that made them, or none.

    What `decode` gives of a z is the image of the code nearest to it, grey where none were given;
    `has_decoder` says that it is no decoder's.
    """

    def __init__(
        self,
        mu: Tensor,
        images: Tensor | None,
        *,
        has_posterior: bool = False,
        encoder: LatentModel | None = None,
    ) -> None:
        """mu (n, d) float32; images (n, c, h, w) uint8; has_posterior: each code has a sigma."""
        c, h, w = BLANK if images is None else images.shape[1:]
        super().__init__(Outside("Codes alone"), (c, h, w), mu.shape[1])
        self.is_variational = has_posterior
        self.has_encoder = encoder is not None
        self._mu, self._images, self._encoder = mu, images, encoder

    @cached_property
    def cost(self) -> ImageCost:
        """A distance to each code."""
        encode = 0 if self._encoder is None else self._encoder.cost.encode
        return ImageCost(encode, self._mu.numel(), max(len(self._mu), self.latent_dim))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As the encoder does; ConfigError where there is none."""
        return super().encode(x) if self._encoder is None else self._encoder.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> the images (batch, c, h, w) of the codes nearest to each."""
        self._check_codes(z)
        if self._images is None:
            return torch.full((len(z), *self.image_shape), BRIGHTNESS)
        rows = self._in_parts(self._nearest, self._as_weights(z))
        return self._images[rows].float().div_(255)

    def _nearest(self, z: Tensor) -> Tensor:
        return torch.cdist(z, self._mu).argmin(1)
