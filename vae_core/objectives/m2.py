"""What M2 minimises: a bound of log p(x) where the class is inferred, of log p(x, y) where told.

Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep generative models".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.models.m2 import M2
from vae_core.models.priors import kl_to_standard_normal
from vae_core.objectives.terms import ObjectiveTerms


@torch.no_grad()
def class_error(model: M2, x: Tensor, y: Tensor) -> float:
    """The share of images x (n, c, h, w) whose class, y (n,), the model itself tells wrongly."""
    return float((model.class_log_probs(x).argmax(1) != y).double().mean())


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


def labelled_bound(
    model: M2, x: Tensor, y: Tensor, *, generator: torch.Generator, kl_weight: float = 1.0
) -> Tensor:
    """A lower bound of log p(x, y), (batch,), in nats: -L(x, y) of Kingma et al. (2014, eq. 6).

    x (batch, c, h, w), y (batch,); kl_weight: of the KL of z.
    """
    mu, logvar = model.encode_class(x, y)
    z = model.sample_posterior(mu, logvar, generator)
    kl = kl_to_standard_normal(mu, logvar).sum(1)
    return model.log_likelihood_of_class(x, z, y) - math.log(model.config.classes) - kl_weight * kl


def m2_objective(
    model: M2,
    x: Tensor,
    labelled: tuple[Tensor, Tensor],
    *,
    generator: torch.Generator,
    alpha: float = 1.0,
    share: float = 0.0,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """Minus both bounds, and the classifier's cross-entropy on what is labelled (eq. 8 and 9).

    x (batch, c, h, w): images whose class is not told; labelled: images and their classes; share:
    labelled images of the data set for each that is not; alpha: the weight of the cross-entropy,
    for each image that is not labelled (theirs is 0.1); kl_weight: of the KL of z, less than 1
    while it is warmed up. All are means, in nats.
    """
    terms = unlabelled_terms(model, x, generator=generator)
    images, classes = labelled
    told = labelled_bound(model, images, classes, generator=generator, kl_weight=kl_weight).mean()
    bound = terms.reconstruction - kl_weight * terms.kl.sum(1) - terms.class_kl
    cross_entropy = functional.nll_loss(model.class_log_probs(images), classes)
    loss = -bound.mean() - share * told + alpha * cross_entropy
    parts = {"class_kl": terms.class_kl.mean(), "cross_entropy": cross_entropy}
    return ObjectiveTerms(terms.reconstruction, terms.kl, loss, parts)
