"""Each kind of model by its name, and a model of a config."""

from __future__ import annotations

from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.gan import GAN
from vae_core.models.latent_model import LatentModel
from vae_core.models.linear import PCA, ProbabilisticPCA
from vae_core.models.m2 import M2
from vae_core.models.vae import VAE, Autoencoder

_CLASSES: dict[str, type[LatentModel]] = {
    "vae": VAE,
    "autoencoder": Autoencoder,
    "pca": PCA,
    "ppca": ProbabilisticPCA,
    "gan": GAN,
    "m2": M2,
}


def build_model(config: ModelConfig) -> LatentModel:
    """A model with fresh weights drawn from torch's global generator.

    ConfigError for a model from outside, which only the program that has it can adapt.
    """
    if config.kind not in _CLASSES:
        raise ConfigError(
            f"A model of the kind {config.kind} is not built from a config; give the object "
            "itself to vae_core.adapted."
        )
    return _CLASSES[config.kind](config)
