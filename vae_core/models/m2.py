"""M2: the VAE that is told the class of a few images and infers those of all others.

    prior       p(y) = 1 / K, p(z) = N(0, I)
    likelihood  p(x|y, z) from the decoder
    posterior   q(y|x) the classifier, q(z|x, y) = N(mu, diag sigma^2) from the encoder

Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep generative models".
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import Likelihood, build_likelihood
from vae_core.models.networks import ACTIVATIONS


class ByClass(nn.Module):
    """Fully connected layers of which the first is told the class, of K."""

    def __init__(self, widths: list[int], activation: str, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(widths[0], widths[1])
        self.of_class = nn.Linear(classes, widths[1], bias=False)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths[1:]):
            layers += [ACTIVATIONS[activation](), nn.Linear(n_in, n_out)]
        self.rest = nn.Sequential(*layers)

    def forward(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """v (batch, n), or images (batch, c, h, w) of n values, and y (batch,) -> (batch, m).

        Without y for each of the classes, (batch, K, m); v may then be (batch, K, n).
        """
        v = v.flatten(1) if v.ndim == 4 else v
        hidden, told = self.first(v), self.of_class.weight.T  # told (K, width)
        if y is not None:
            hidden = hidden + told[y]
        else:
            hidden = (hidden if v.ndim == 3 else hidden[:, None]) + told
        output: Tensor = self.rest(hidden)
        return output


class ClassMixture(nn.Module):
    """p(x|z) = (1 / K) sum_y p(x|y, z), of a likelihood whose parameters are there for each class.

    parameters (…, K * k * c, h, w): those of one class after those of another.
    """

    def __init__(self, of_class: Likelihood, classes: int) -> None:
        super().__init__()
        self.of_class, self.classes = of_class, classes
        self.is_density_of_grey = of_class.is_density_of_grey
        self.parameters_per_channel = classes * of_class.parameters_per_channel

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        by_class = self.of_class.log_prob(self._split(parameters), x.unsqueeze(-4))  # (…, K)
        log_p: Tensor = torch.logsumexp(by_class, -1) - math.log(self.classes)
        return log_p

    def mean(self, parameters: Tensor) -> Tensor:
        return self.of_class.mean(self._split(parameters)).mean(-4)

    def _split(self, parameters: Tensor) -> Tensor:
        split: Tensor = parameters.unflatten(-3, (self.classes, -1))  # (…, K, k * c, h, w)
        return split


class M2(LatentModel):
    """The class y and all else, z, apart.

    Seen as a model of z alone, as every page sees it, its likelihood is the mixture over the
    classes, so `decode` gives the mean image over all of them, and `encode` is q(z|x, y) at the
    class that q(y|x) holds most likely. With the class it is `decode_class`.
    """

    is_variational = True

    def _build(self) -> None:
        config = self.config
        if config.network != "mlp":
            raise ConfigError(
                f"M2 has fully connected layers, network='mlp'; {config.network!r} cannot be told "
                "a class."
            )
        if config.activation not in ACTIVATIONS:
            raise ConfigError(
                f"Unknown activation {config.activation!r}; choose one of {', '.join(ACTIVATIONS)}."
            )
        of_class = build_likelihood(config.likelihood, config.sigma, config.link)
        self.likelihood = ClassMixture(of_class, config.classes)
        d, hidden, classes = config.latent_dim, list(config.hidden), config.classes
        pixels = math.prod(config.image_shape)
        outputs = of_class.parameters_per_channel * pixels
        act = config.activation
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in pairwise([pixels, *hidden, classes]):
            layers += [nn.Linear(n_in, n_out), ACTIVATIONS[act]()]
        self.classifier = nn.Sequential(*layers[:-1])
        self.encoder = ByClass([pixels, *hidden, 2 * d], act, classes)
        self.decoder = ByClass([d, *reversed(hidden), outputs], act, classes)

    def class_log_probs(self, x: Tensor) -> Tensor:
        """log q(y|x) of x (batch, c, h, w), (batch, K)."""
        return self._in_parts(lambda x: functional.log_softmax(self.classifier(x), dim=1), x)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._check_images(x)
        codes = self._in_parts(lambda x: self.encoder(x, self.classifier(x).argmax(1)), x)
        mu, logvar = codes.chunk(2, dim=-1)
        return mu, logvar

    def encode_class(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q(z|x, y) of x (batch, c, h, w) and y (batch,): mu, logvar, each (batch, latent_dim).

        Without y for each class, (batch, K, latent_dim).
        """
        mu, logvar = self.encoder(x, y).chunk(2, dim=-1)
        return mu, logvar

    def _parameters_of(self, z: Tensor) -> Tensor:
        return self._as_images(self.decoder(z)).flatten(1, 2)

    def decode_class(self, z: Tensor, y: Tensor) -> Tensor:
        """z (batch, latent_dim) and y (batch,) -> the mean image (batch, c, h, w), in [0, 1]."""
        self._check_codes(z)
        of_class = self._mixture.of_class
        return of_class.mean(self._as_images(self.decoder(z, y)))

    def log_likelihood_of_class(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        """log p(x|y, z), (batch,), in nats; without y for z (batch, K, latent_dim), (batch, K)."""
        parameters = self._as_images(self.decoder(z, y))
        return self._mixture.of_class.log_prob(parameters, x if y is not None else x[:, None])

    @property
    def _mixture(self) -> ClassMixture:
        assert isinstance(self.likelihood, ClassMixture)
        return self.likelihood

    def _as_images(self, flat: Tensor) -> Tensor:
        """The decoder's rows (…, k * c * h * w) as images."""
        _, h, w = self.image_shape
        images: Tensor = flat.unflatten(-1, (-1, h, w))
        return images
