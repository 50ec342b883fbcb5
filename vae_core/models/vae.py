"""The variational autoencoder, and the plain autoencoder beside it.

prior       p(z)   = N(0, I), or a VampPrior (see `priors`)
posterior   q(z|x) = N(mu(x), diag sigma(x)^2), logvar = log sigma^2
likelihood  p(x|z) from the decoder
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vae_core.models.config import ModelConfig
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import EqualMixture, Prior


class VAE(LatentModel):
    """The variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014)."""

    is_variational = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.prior == "vamp":
            self.pseudo_logits = nn.Parameter(
                torch.randn(config.pseudo_inputs, *config.image_shape)
            )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._encoder_output(x)

    @property
    def pseudo_inputs(self) -> Tensor:
        """The images whose posteriors are a VampPrior's components, (K, c, h, w) in [0, 1]."""
        return torch.sigmoid(self.pseudo_logits)

    def prior(self) -> Prior:
        if self.config.prior == "vamp":
            return EqualMixture(*self.encode(self.pseudo_inputs))
        return super().prior()


class Autoencoder(LatentModel):
    """The plain autoencoder: its code is a point, so logvar is -inf (sigma = 0) throughout."""

    is_variational = False

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, _ = self._encoder_output(x)
        return mu, torch.full_like(mu, -math.inf)
