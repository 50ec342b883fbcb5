"""What all kinds of models have in common: an encoder, a decoder, a likelihood, a prior.

`encode` and `decode` never sample; sampling is a call of its own and takes a torch.Generator.
Without gradients they take `images_at_once` after one another, so that a batch of any size fills
no more memory between the layers than a small one; with gradients all layers are kept anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

import torch
from torch import Tensor, nn

from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.cost import ImageCost, image_cost
from vae_core.models.likelihoods import Likelihood, build_likelihood
from vae_core.models.networks import build_network
from vae_core.models.priors import Prior, StandardNormal

# Numbers that a layer gives in one pass: on a processor 4 MB, which its cache holds, elsewhere 256.
AT_ONCE = {"cpu": 1 << 20}
AT_ONCE_ELSEWHERE = 1 << 26
ROUNDING = 1e-3  # as far beyond [0, 1] as arithmetic leads

Around = Callable[[], AbstractContextManager[object]]
_around: Around = nullcontext


def surround_passes(around: Around) -> None:
    """From now on each pass of a model, in any thread, is made inside of `around()`.

    A pass takes `images_at_once`; what `around` raises ends the work.
    """
    global _around
    _around = around


def wait_for_turn() -> None:
    """Wait as a pass would, before one that another process computes; may raise as that does."""
    with _around():
        pass


class LatentModel(nn.Module):
    """Encoder, decoder and likelihood; what all kinds of models have in common.

    What a kind can do, each of which may be missing:

    has_encoder: `encode` gives a code; is_variational: it gives a posterior, with a sigma above 0.
    has_decoder: `decode` gives an image; has_gradients: it can be differentiated by torch.
    has_likelihood: `log_likelihood` is what the model was meant to have.
    is_elsewhere: another process computes, and who asks only waits.
    """

    is_variational: bool
    has_encoder = True
    has_decoder = True
    has_likelihood = True
    has_gradients = True
    is_elsewhere = False

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

    @cached_property
    def cost(self) -> ImageCost:
        """What one image costs it."""
        return image_cost(type(self), self.config)

    @property
    def images_at_once(self) -> int:
        """How many images go through the networks in one pass, by what the widest layer gives."""
        numbers = AT_ONCE.get(next(self.parameters()).device.type, AT_ONCE_ELSEWHERE)
        return max(1, numbers // self.cost.widest)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, c, h, w) in [0, 1] -> mu, logvar, each (batch, latent_dim)."""
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> the mean image (batch, c, h, w), in [0, 1]."""
        self._check_codes(z)
        return self._in_parts(lambda part: self.likelihood.mean(self._parameters_of(part)), z)

    def decode_parameters(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> the likelihood's parameters, (batch, k * c, h, w)."""
        self._check_codes(z)
        return self._in_parts(self._parameters_of, z)

    def _parameters_of(self, z: Tensor) -> Tensor:
        """`decode_parameters` in one pass."""
        parameters: Tensor = self.decoder(self._as_weights(z))
        return parameters

    def _in_parts(self, compute: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        """`compute` of a batch, of `images_at_once` after one another where no gradient is kept."""
        one = len(batch[0]) == 1 or torch.is_grad_enabled()
        if one or len(batch[0]) <= (at_once := self.images_at_once):
            with _around():
                return compute(*batch)
        answers = []
        for part in zip(*(each.split(at_once) for each in batch), strict=True):
            with _around():
                answers.append(compute(*part))
        return torch.cat(answers)

    def _as_weights(self, numbers: Tensor) -> Tensor:
        """Floating-point numbers of any precision, in that of the weights."""
        if not numbers.is_floating_point():
            raise ConfigError(f"{numbers.dtype} are no brightnesses or codes; give floats.")
        return numbers.to(next(self.parameters()).dtype)

    def _check_codes(self, z: Tensor) -> None:
        _check_tensor("z", z)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            columns = z.shape[1] if z.ndim == 2 else tuple(z.shape)
            raise ConfigError(
                f"latent_dim={self.latent_dim}, but z has {columns} columns; give z as "
                f"(batch, {self.latent_dim})."
            )

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x given z), (batch,), in nats; x (batch, c, h, w), z (batch, latent_dim)."""
        _check_tensor("x", x)
        self._check_codes(z)
        x = x.expand(len(z), *x.shape[1:])
        return self._in_parts(
            lambda x, z: self.likelihood.log_prob(self._parameters_of(z), x), x, z
        )

    def prior(self) -> Prior:
        """p(z) as the weights now have it; keep it where many z are asked for."""
        return StandardNormal(self.latent_dim, next(self.parameters()).dtype)

    def sample_prior(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws of z from the prior, (n, latent_dim)."""
        return self.prior().sample(n, generator)

    def sample_posterior(self, mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
        """z = mu + sigma * eps, eps from N(0, I); of mu's shape (Kingma & Welling 2014, 2.4)."""
        eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + torch.exp(0.5 * logvar) * eps

    def _encoder_output(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._check_images(x)
        codes = self._in_parts(self.encoder, self._as_weights(x))
        mu, logvar = codes.chunk(2, dim=1)  # each (batch, latent_dim)
        return mu, logvar

    def _check_images(self, x: Tensor) -> None:
        _check_tensor("x", x)
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape:
            raise ConfigError(
                f"image_shape={self.image_shape}, but x is {tuple(x.shape)}; give x as "
                f"(batch, {', '.join(map(str, self.image_shape))})."
            )
        # An identity link means any numbers; and while learning, looking would wait for the device.
        bounded = self.config.link == "sigmoid" and not self.training
        if bounded and x.numel() and not torch.compiler.is_compiling():
            low, high = (float(each) for each in x.detach().aminmax())
            if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # NaN is neither
                remedy = "divide by 255" if high > 2 and low >= 0 else "bring them there"
                raise ConfigError(
                    f"x runs from {low:.4g} to {high:.4g}, but brightnesses in [0, 1] are "
                    f"expected; {remedy}."
                )


def _check_tensor(name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        kind = type(value)
        raise ConfigError(
            f"{name} is a {kind.__module__}.{kind.__name__}, not a tensor; give "
            f"torch.as_tensor({name})."
        )
