"""A generative adversarial network (Goodfellow et al. 2014): a decoder that never sees an image.

    generator      z from N(0, I) -> an image
    discriminator  an image -> the log odds that it is real

It has no encoder, hence no posterior, no reconstruction and no bound of log p(x).
"""

from __future__ import annotations

from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.networks import build_network


class GAN(LatentModel):
    """A generator, `decoder`, and the `discriminator` that it was trained against.

    Both are of the config's network; the discriminator is an encoder of two outputs whose
    difference is the log odds. The generator's image is the mean of the config's likelihood, of
    which nothing else is used.
    """

    is_variational = False
    has_encoder = False
    has_likelihood = False

    def _build(self) -> None:
        super()._build()
        del self.encoder
        config = self.config
        self.discriminator, _ = build_network(
            config.network, config.image_shape, 1, config.hidden, config.activation
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """ConfigError: there is no encoder."""
        raise ConfigError("A GAN has no encoder, so no image has a code; choose a VAE to encode.")

    def log_odds(self, x: Tensor) -> Tensor:
        """log p(real) - log p(generated) by the discriminator, (batch,); x (batch, c, h, w)."""
        real, generated = self._in_parts(self.discriminator, x).unbind(1)
        odds: Tensor = real - generated
        return odds
