"""M2: the VAE that is told the class of a few images and infers those of all others.

    prior       p(y) = 1 / K, p(z) = N(0, I)
    likelihood  p(x|y, z) from the decoder
    posterior   q(y|x) the classifier, q(z|x, y) = N(mu, diag sigma^2) from the encoder

Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep generative models".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from vae_core.data.binarisation import binarise
from vae_core.errors import ConfigError
from vae_core.measures.codes.few_labels import draw_labelled
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import Likelihood, build_likelihood
from vae_core.models.networks import ACTIVATIONS
from vae_core.models.priors import kl_to_standard_normal
from vae_core.objectives.terms import ObjectiveTerms
from vae_core.training.learners import Batch, Learner, descend, learning_rate

if TYPE_CHECKING:
    from vae_core.data.datasets import ImageDataset
    from vae_core.training.config import TrainConfig


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
        return functional.log_softmax(self.classifier(x), dim=1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._check_images(x)
        return self.encode_class(x, self.classifier(x).argmax(1))

    def encode_class(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q(z|x, y) of x (batch, c, h, w) and y (batch,): mu, logvar, each (batch, latent_dim).

        Without y for each class, (batch, K, latent_dim).
        """
        mu, logvar = self.encoder(x, y).chunk(2, dim=-1)
        return mu, logvar

    def decode_parameters(self, z: Tensor) -> Tensor:
        self._check_codes(z)
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


@torch.inference_mode()
def class_error(model: M2, x: Tensor, y: Tensor) -> float:
    """The share of images x (n, c, h, w) whose class, y (n,), the model itself tells wrongly."""
    told = torch.cat([model.class_log_probs(batch).argmax(1) for batch in x.split(1_000)])
    return float((told != y).double().mean())


@dataclass(frozen=True)
class ClassTerms:
    """What the bound of images consists of whose class is inferred, per image, in nats.

    reconstruction (batch,): E_q(y|x) E_q(z|x,y) log p(x|y, z); kl (batch, latent_dim): that of z,
    its mean over q(y|x); class_kl (batch,): KL(q(y|x) || p(y)); log_q (batch, K): log q(y|x).
    """

    reconstruction: Tensor
    kl: Tensor
    class_kl: Tensor
    log_q: Tensor

    @property
    def bound(self) -> Tensor:
        """A lower bound of log p(x), (batch,): -U(x) of Kingma et al. (2014, eq. 7)."""
        return self.reconstruction - self.kl.sum(1) - self.class_kl


def unlabelled_terms(model: M2, x: Tensor, *, generator: torch.Generator) -> ClassTerms:
    """The terms of x (batch, c, h, w), with one draw of z for every class and a sum over all."""
    log_q = model.class_log_probs(x)
    q = log_q.exp()  # (batch, K)
    mu, logvar = model.encode_class(x)  # (batch, K, d)
    z = model.sample_posterior(mu, logvar, generator)
    reconstruction = (q * model.log_likelihood_of_class(x, z)).sum(1)
    kl = (q[:, :, None] * kl_to_standard_normal(mu, logvar)).sum(1)
    class_kl = (q * (log_q + math.log(log_q.shape[1]))).sum(1)
    return ClassTerms(reconstruction, kl, class_kl, log_q)


def labelled_bound(model: M2, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
    """A lower bound of log p(x, y), (batch,), in nats: -L(x, y) of Kingma et al. (2014, eq. 6).

    x (batch, c, h, w), y (batch,).
    """
    mu, logvar = model.encode_class(x, y)
    z = model.sample_posterior(mu, logvar, generator)
    kl = kl_to_standard_normal(mu, logvar).sum(1)
    return model.log_likelihood_of_class(x, z, y) - math.log(model.config.classes) - kl


def m2_objective(
    model: M2,
    x: Tensor,
    labelled: tuple[Tensor, Tensor],
    *,
    generator: torch.Generator,
    alpha: float = 1.0,
    share: float = 0.0,
) -> ObjectiveTerms:
    """Minus both bounds, and the classifier's cross-entropy on what is labelled (eq. 8 and 9).

    x (batch, c, h, w): images whose class is not told; labelled: images and their classes; share:
    labelled images of the data set for each that is not; alpha: the weight of the cross-entropy,
    for each image that is not labelled (theirs is 0.1). All are means, in nats.
    """
    terms = unlabelled_terms(model, x, generator=generator)
    images, classes = labelled
    told = labelled_bound(model, images, classes, generator=generator).mean()
    cross_entropy = functional.nll_loss(model.class_log_probs(images), classes)
    loss = -terms.bound.mean() - share * told + alpha * cross_entropy
    parts = {"class_kl": terms.class_kl.mean(), "cross_entropy": cross_entropy}
    return ObjectiveTerms(terms.reconstruction, terms.kl, loss, parts)


def labelled_rows(config: TrainConfig, data: ImageDataset) -> Tensor:
    """The rows of `data` whose class M2 is told, as many of each class, drawn by the config's seed.

    ConfigError or DataError where the settings of the objective do not go with the data.
    """
    classes, labels = config.objective_settings["classes"], data.labels
    there = 0 if labels is None else int(labels.max()) + 1
    if labels is None or there > classes:
        raise ConfigError(
            f"M2 was set up for {classes} classes, but {data.name} has {there}; choose data that "
            "have classes, and set classes to how many those are."
        )
    return draw_labelled(labels, config.objective_settings["labels"], config.seed)


class Labelled(nn.Module):
    """n images (n, c, h, w) uint8 and their classes (n,) int64, zeros until they are set."""

    images: Tensor
    labels: Tensor

    def __init__(self, n: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros((n, *image_shape), dtype=torch.uint8))
        self.register_buffer("labels", torch.zeros(n, dtype=torch.int64))


class M2Learner(Learner):
    """Every image of a batch without its label, beside a draw of those whose labels are told.

    Those are as many of each class, drawn by the config's seed, and go with the state.
    """

    model: M2

    def __init__(self, config: TrainConfig, model: LatentModel) -> None:
        if not isinstance(model, M2):
            raise ConfigError("The objective m2 trains a model of the kind m2.")
        labelled = Labelled(config.objective_settings["labels"], model.image_shape)
        self.labelled = labelled.to(next(model.parameters()).device)
        super().__init__(config, model, labelled=self.labelled)
        self.optimizer = self.adam("optimizer", model, config.learning_rate)

    def begin(self, data: ImageDataset) -> None:
        rows = labelled_rows(self.config, data)
        assert data.labels is not None
        self.labelled.images.copy_(data.images[rows])
        self.labelled.labels.copy_(data.labels[rows])

    def step(self, batch: Batch) -> ObjectiveTerms:
        told, generator = self.labelled, batch.generator
        n = len(told.labels)
        size = min(n, len(batch.x))
        rows = torch.randperm(n, generator=generator, device=batch.x.device)[:size]
        x = told.images[rows].float() / 255
        if self.config.binarisation == "dynamic":
            x = binarise(x, generator)
        terms = m2_objective(
            self.model,
            batch.x,
            (x, told.labels[rows]),
            generator=generator,
            alpha=self.config.objective_settings["alpha"],
            share=n / batch.images,
        )
        descend(self.optimizer, terms.loss, learning_rate(self.config, batch))
        return terms

    def terms(self, batch: Batch) -> ObjectiveTerms:
        terms = unlabelled_terms(self.model, batch.x, generator=batch.generator)
        parts = {"class_kl": terms.class_kl.mean()}
        if batch.labels is not None:
            parts["error"] = (terms.log_q.argmax(1) != batch.labels).double().mean()
        return ObjectiveTerms(terms.reconstruction, terms.kl, -terms.bound.mean(), parts)
