"""The variational autoencoder, the plain autoencoder beside it, and what every kind has in common.

    prior       p(z)   = N(0, I), or a VampPrior (see `priors`)
    posterior   q(z|x) = N(mu(x), diag sigma(x)^2), logvar = log sigma^2
    likelihood  p(x|z) from the decoder

`encode` and `decode` never sample; sampling is a call of its own and takes a torch.Generator.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from reprlib import repr as shown
from typing import Any

import torch
from torch import Tensor, nn

from vae_core.errors import ConfigError
from vae_core.models.likelihoods import LINKS, Likelihood, build_likelihood
from vae_core.models.networks import ImageShape, build_network
from vae_core.models.priors import PRIORS, EqualMixture, Prior, StandardNormal

MAX_LATENT_DIM = 512
MAX_WIDTH = 8192
MAX_SIDE = 512
MAX_SIGMA = 100.0
MAX_PSEUDO_INPUTS = 2_000
MAX_CLASSES = 1_000


@dataclass(frozen=True)
class ModelConfig:
    """What a model is, apart from its weights; plain JSON values only.

    kind: one of MODELS; hidden: layer widths (see `networks`); sigma and link belong to the
    Gaussian likelihoods; prior: one of PRIORS, of which "vamp" has so many pseudo_inputs; classes:
    of the kind "m2". ConfigError when a value is out of range.
    """

    image_shape: ImageShape
    latent_dim: int = 2
    kind: str = "vae"
    network: str = "mlp"
    hidden: tuple[int, ...] = (512, 512, 256)
    activation: str = "silu"
    likelihood: str = "bernoulli"
    sigma: float = 0.1
    link: str = "sigmoid"
    prior: str = "normal"
    pseudo_inputs: int = 100
    classes: int = 10

    def __post_init__(self) -> None:
        check_texts(self)
        object.__setattr__(self, "image_shape", _int_tuple("image_shape", self.image_shape))
        object.__setattr__(self, "hidden", _int_tuple("hidden", self.hidden))
        if len(self.image_shape) != 3 or not (
            self.image_shape[0] in (1, 3) and all(1 <= s <= MAX_SIDE for s in self.image_shape[1:])
        ):
            raise ConfigError(
                f"image_shape={shown(self.image_shape)} is not (channels, height, width) with 1 or "
                f"3 channels and sides of 1 to {MAX_SIDE}."
            )
        if not _is_int(self.latent_dim) or not 1 <= self.latent_dim <= MAX_LATENT_DIM:
            raise ConfigError(
                f"latent_dim={shown(self.latent_dim)} is not a whole number from 1 to "
                f"{MAX_LATENT_DIM}."
            )
        if self.kind not in MODELS:
            raise ConfigError(
                f"Unknown model kind {shown(self.kind)}; choose one of {', '.join(MODELS)}."
            )
        if len(self.hidden) > 16 or not all(1 <= width <= MAX_WIDTH for width in self.hidden):
            raise ConfigError(
                f"hidden={shown(self.hidden)} wants at most 16 layer widths, each from 1 to "
                f"{MAX_WIDTH}."
            )
        if self.link not in LINKS:
            raise ConfigError(f"Unknown link {shown(self.link)}; choose {' or '.join(LINKS)}.")
        if self.prior not in PRIORS or (self.prior != "normal" and self.kind != "vae"):
            raise ConfigError(
                f"prior={shown(self.prior)} is none for the kind {self.kind}; a VAE's is one of "
                f"{', '.join(PRIORS)}, that of all others normal."
            )
        if not _is_int(self.pseudo_inputs) or not 1 <= self.pseudo_inputs <= MAX_PSEUDO_INPUTS:
            raise ConfigError(
                f"pseudo_inputs={shown(self.pseudo_inputs)} is not a whole number from 1 to "
                f"{MAX_PSEUDO_INPUTS:,}."
            )
        if not _is_int(self.classes) or not 1 <= self.classes <= MAX_CLASSES:
            raise ConfigError(
                f"classes={shown(self.classes)} is not a whole number from 1 to {MAX_CLASSES}."
            )
        number = isinstance(self.sigma, (int, float)) and not isinstance(self.sigma, bool)
        if not number or not 0 < self.sigma <= MAX_SIGMA:
            raise ConfigError(
                f"sigma={shown(self.sigma)} is not a number above 0, {MAX_SIGMA:g} at most."
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"image_shape": list(self.image_shape), "hidden": list(self.hidden)}


class LatentModel(nn.Module):
    """Encoder, decoder and likelihood; what all kinds of models have in common.

    is_variational: `encode` gives a posterior, with a sigma above 0; has_encoder: it gives a code.
    """

    is_variational: bool
    has_encoder = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.latent_dim
        self.image_shape = config.image_shape
        self._build()

    def _build(self) -> None:
        """Make the likelihood and the networks that the config names."""
        config = self.config
        self.likelihood: Likelihood = build_likelihood(config.likelihood, config.sigma, config.link)
        self.encoder, self.decoder = build_network(
            config.network,
            config.image_shape,
            config.latent_dim,
            config.hidden,
            config.activation,
            self.likelihood.parameters_per_channel,
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, c, h, w) in [0, 1] -> mu, logvar, each (batch, latent_dim)."""
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> the mean image (batch, c, h, w), in [0, 1]."""
        return self.likelihood.mean(self.decode_parameters(z))

    def decode_parameters(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> the likelihood's parameters, (batch, k * c, h, w)."""
        self._check_codes(z)
        parameters: Tensor = self.decoder(self._as_weights(z))
        return parameters

    def _as_weights(self, numbers: Tensor) -> Tensor:
        """Floating-point numbers of any precision, in that of the weights."""
        if not numbers.is_floating_point():
            raise ConfigError(f"{numbers.dtype} are no brightnesses or codes; give floats.")
        return numbers.to(next(self.parameters()).dtype)

    def _check_codes(self, z: Tensor) -> None:
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            columns = z.shape[1] if z.ndim == 2 else tuple(z.shape)
            raise ConfigError(
                f"latent_dim={self.latent_dim}, but z has {columns} columns; give z as "
                f"(batch, {self.latent_dim})."
            )

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x given z), (batch,), in nats; x (batch, c, h, w), z (batch, latent_dim)."""
        return self.likelihood.log_prob(self.decode_parameters(z), x)

    def prior(self) -> Prior:
        """p(z) as the weights now have it; keep it where many z are asked for."""
        return StandardNormal(self.latent_dim)

    def sample_prior(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws of z from the prior, (n, latent_dim)."""
        return self.prior().sample(n, generator)

    def sample_posterior(self, mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
        """z = mu + sigma * eps, eps from N(0, I); of mu's shape (Kingma & Welling 2014, 2.4)."""
        eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + torch.exp(0.5 * logvar) * eps

    def _encoder_output(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._check_images(x)
        mu, logvar = self.encoder(self._as_weights(x)).chunk(2, dim=1)  # each (batch, latent_dim)
        return mu, logvar

    def _check_images(self, x: Tensor) -> None:
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape:
            raise ConfigError(
                f"image_shape={self.image_shape}, but x is {tuple(x.shape)}; give x as "
                f"(batch, {', '.join(map(str, self.image_shape))})."
            )


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


# kind -> the module and class that it is, loaded when it is first built
MODELS = {
    "vae": ("latent_model", "VAE"),
    "autoencoder": ("latent_model", "Autoencoder"),
    "pca": ("linear", "PCA"),
    "ppca": ("linear", "ProbabilisticPCA"),
    "gan": ("gan", "GAN"),
    "m2": ("m2", "M2"),
}


def build_model(config: ModelConfig) -> LatentModel:
    """A model with fresh weights drawn from torch's global generator."""
    module, name = MODELS[config.kind]
    model: LatentModel = getattr(import_module(f"vae_core.models.{module}"), name)(config)
    return model


def prior_samples(model: LatentModel, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n draws from the prior, z (n, latent_dim), and their mean images, (n, c, h, w)."""
    z = model.sample_prior(n, torch.Generator().manual_seed(seed))
    return z, decoded(model, z)


@torch.no_grad()
def decoded(model: LatentModel, z: Tensor) -> Tensor:
    """The mean images (n, c, h, w) of z (n, latent_dim), on the CPU; gradients may start there."""
    return model.decode(z.to(next(model.parameters()).device)).cpu()


def check_texts(config: Any) -> None:
    """ConfigError where a field of the dataclass `config` that is declared a str is none."""
    for field in fields(config):
        value = getattr(config, field.name)
        if field.type == "str" and not isinstance(value, str):
            raise ConfigError(f"{field.name}={shown(value)} is not a text.")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _int_tuple(name: str, values: Any) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or not all(_is_int(v) for v in values):
        raise ConfigError(f"{name}={shown(values)} is not a list of whole numbers.")
    return tuple(values)
