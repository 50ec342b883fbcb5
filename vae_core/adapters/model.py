"""A model from outside with the contract of all models."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_core.adapters.outside import ImageShape, Outside, as_images, as_tensor, laid_out
from vae_core.errors import ConfigError
from vae_core.models.config import ADAPTED, ModelConfig
from vae_core.models.cost import ImageCost, one_pass
from vae_core.models.latent_model import LatentModel

WIDER = 8  # than its image or its code, the widest layer of what has none that can be counted
UNKNOWN = 1 << 25  # multiply-adds of such a one: it is taken for a slow model


class Adapted(LatentModel):
    """An encoder, a decoder, or both, from outside: a point in latent space has a code each way.

    It has no likelihood, and `prior` is N(0, I), whatever the codes were made for. Codes of more
    than one axis are flattened; images are brought to (c, h, w) and [0, 1], and clipped, NaN to 0.
    name: what it is, for a sentence. `adapted` makes one, and finds out what stands here.
    told: what it was seen to break, a sentence each.
    """

    has_likelihood = False
    told: tuple[str, ...] = ()

    def __init__(
        self,
        outside: Outside,
        image_shape: ImageShape,
        latent_dim: int,
        *,
        is_variational: bool = False,
        has_gradients: bool = False,
    ) -> None:
        self.name, self._outside = outside.name, outside
        self._code_shape = outside.code_shape or (latent_dim,)
        super().__init__(
            ModelConfig(image_shape, latent_dim, ADAPTED, network="", hidden=(), likelihood="none")
        )
        self.is_variational = is_variational
        self.has_encoder = outside.encode is not None
        self.has_decoder = outside.decode is not None
        self.has_gradients = has_gradients
        self.eval().requires_grad_(False)

    def _build(self) -> None:
        floats = (t for t in self._outside.network.state_dict().values() if t.is_floating_point())
        like = next(floats, torch.empty(0))
        # Tells device and precision, of which an object without weights of torch's has none.
        self.place = nn.Parameter(torch.empty(0, dtype=like.dtype, device=like.device))
        self.decoder = self._outside.network

    @cached_property
    def cost(self) -> ImageCost:
        """What one image costs it: counted where its layers are torch's, else a guess."""
        pixels = math.prod(self.image_shape)
        guess = ImageCost(
            UNKNOWN * self.has_encoder,
            UNKNOWN * self.has_decoder,
            WIDER * max(pixels, self.latent_dim),
        )
        if not any(True for _ in self.decoder.parameters()):
            return guess
        shapes: list[tuple[int, ...]] = [self.image_shape]
        work = [0, 0]
        sides = (
            (self.has_encoder, self._encoded, self.image_shape),
            (self.has_decoder, self._decoded, (self.latent_dim,)),
        )
        try:
            with torch.no_grad():
                for side, (there, compute, shape) in enumerate(sides):
                    if there:
                        x = torch.zeros(1, *shape).to(self.place)
                        seen, work[side] = one_pass(self.decoder, compute, x)
                        shapes += seen
        except (AttributeError, ConfigError):  # a layer that gives more than one tensor
            return guess
        return ImageCost(work[0], work[1], max(map(math.prod, shapes)))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, c, h, w) in [0, 1] -> mu, logvar, each (batch, latent_dim).

        logvar is -inf where the object gives none. ConfigError where it does not encode.
        """
        if self._outside.encode is None:
            raise ConfigError(f"{self.name} has no encoder, so no image has a code; give encode=.")
        self._check_images(x)
        width = self.latent_dim * (1 + self.is_variational)
        x = self._as_weights(x)
        codes = self._in_parts(self._encoded, x) if len(x) else x.new_empty(0, width)
        if self.is_variational:
            mu, logvar = codes.chunk(2, dim=1)
            return mu, logvar
        return codes, torch.full_like(codes, -math.inf)

    def decode(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> the image (batch, c, h, w), clipped to [0, 1].

        ConfigError where it does not decode.
        """
        if self._outside.decode is None:
            raise ConfigError(f"{self.name} has no decoder, so no code has an image; give decode=.")
        self._check_codes(z)
        z = self._as_weights(z)
        return self._in_parts(self._decoded, z) if len(z) else z.new_empty(0, *self.image_shape)

    def decode_parameters(self, z: Tensor) -> Tensor:
        """ConfigError: there is no likelihood."""
        raise ConfigError(f"{self.name} has no likelihood, only an image for each code.")

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """ConfigError: there is no likelihood."""
        return self.decode_parameters(z)

    def unclipped(self, z: Tensor) -> Tensor:
        """`decode` in one pass, with whatever lies beyond black and white."""
        assert self._outside.decode is not None
        z = z if self.has_gradients else z.detach()
        z_own = z.reshape(-1, *self._code_shape)
        given = as_tensor(self._asked("decode", self._outside.decode, z_own), "decode")
        images = as_images(given, self.image_shape, self._outside.layouts[0])
        low, high = self._outside.black, self._outside.white
        return self._own((images - low) / (high - low), z)

    def _decoded(self, z: Tensor) -> Tensor:
        return self.unclipped(z).nan_to_num(0.0).clamp(0, 1)

    def _encoded(self, x: Tensor) -> Tensor:
        """mu (batch, d), or mu and logvar side by side, in one pass."""
        assert self._outside.encode is not None
        low, high = self._outside.black, self._outside.white
        x_own = laid_out(low + (high - low) * x, self._outside.layouts[0])
        given = self._asked("encode", self._outside.encode, x_own)
        return self._own(torch.cat([code.flatten(1) for code in codes_of(given, len(x))], 1), x)

    def _asked(self, name: str, function: Callable[[Tensor], object], batch: Tensor) -> object:
        """What a side gives; ConfigError where it fails, as a stranger's may at any time."""
        try:
            return function(batch)
        except Exception as error:
            said = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"{self.name} failed to {name} {tuple(batch.shape)}: {type(error).__name__}: {said}"
            ) from error

    def _own(self, numbers: Tensor, batch: Tensor) -> Tensor:
        if len(numbers) != len(batch):
            raise ConfigError(
                f"{self.name} gives {len(numbers)} rows for {len(batch)}; it must give one each."
            )
        return (numbers if self.has_gradients else numbers.detach()).to(self.place)


def codes_of(given: object, n: int) -> list[Tensor]:
    """What an encoder gives for n images: mu (n, …), or mu and logvar, those of a distribution too.

    ConfigError where it is neither an array of n rows nor a pair of such.
    """
    if isinstance(given, Distribution):
        given = (given.mean, given.variance.log())
    pair = given if isinstance(given, tuple | list) else (given,)
    codes = [as_tensor(each, "encode") for each in pair]
    if not 1 <= len(codes) <= 2 or any(
        code.ndim < 2 or code.shape != codes[0].shape or len(code) != n for code in codes
    ):
        shapes = " and ".join(str(tuple(code.shape)) for code in codes[:4])
        raise ConfigError(
            f"encode gives {shapes} for {n} images; give mu ({n}, latent_dim), or a pair of such, "
            "mu and logvar."
        )
    return codes
