"""What a classifier makes of latent space: where it tells which class, and how to leave a region.

classifier = fit_linear(latents.mu[rows], latents.labels[rows])  # of codes
tells = classifier.log_probs                                    # z (n, d) -> (n, K)
tells = of_images(model, fit_linear(pixels, labels))            # or of what z decodes to
entropy(class_map(tells, z, axes, origin, half=3, side=64))     # (64, 64), in nats
nearest_other(classifier, z).z                                  # the nearest z of another class
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vae_core.errors import DataError
from vae_core.latent.decoded import decoded
from vae_core.models.latent_model import LatentModel

BATCH = 512  # places that are decoded at once
DIRECTIONS = 48  # in which a border is looked for, and
RADII = 24  # at how many places in each
HALVINGS = 12  # of the step in which it lies
FINER = 9  # directions between the two beside the best one

Tells = Callable[[Tensor], Tensor]
"""log p(y = k given z), (n, K), in nats, of z (n, d)."""


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """p(y = labels[k] given x) = softmax(W x + b)[k].

    weight (K, n), bias (K,) float32; labels (K,) int64, rising; images: from how many it learned.
    """

    weight: Tensor
    bias: Tensor
    labels: Tensor
    images: int

    def logits(self, x: Tensor) -> Tensor:
        """(m, K) of x (m, n)."""
        return x.to(self.weight) @ self.weight.T + self.bias

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(y given x), (m, K), in nats, of x (m, n)."""
        return self.logits(x).log_softmax(1)

    def told(self, x: Tensor) -> Tensor:
        """The likeliest class of each x (m, n), (m,) int64."""
        return self.labels[self.logits(x).argmax(1)]


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """z (d,): on the border to another class; label: that class; distance: from where one began."""

    z: Tensor
    label: int
    distance: float


def fit_linear(x: Tensor, labels: Tensor) -> LinearClassifier:
    """Logistic regression of labels (m,) on x (m, n), with scikit-learn's usual weight decay.

    DataError where all are of one class, for there is no border then, or numbers are not finite.
    """
    from sklearn.linear_model import LogisticRegression

    if not bool(torch.isfinite(x).all()):
        raise DataError("There are codes that are not finite; no classifier can learn from them.")
    classes = labels.unique()
    if len(classes) < 2:
        raise DataError(f"{len(labels):,} labelled images of one class: none can be told apart.")
    across = None
    if x.shape[0] < x.shape[1]:  # the weights lie in what the rows span: there it is far quicker
        across, rows = torch.linalg.qr(x.double().T)
        x = rows.T
    fit = LogisticRegression(max_iter=1_000).fit(x.numpy(), labels.numpy())
    weight, bias = torch.from_numpy(fit.coef_), torch.from_numpy(fit.intercept_)
    if across is not None:
        weight = weight.to(across) @ across.T
    if len(classes) == 2:  # one row: of the second class against the first, whose logit is 0
        weight, bias = torch.cat([0 * weight, weight]), torch.cat([0 * bias, bias])
    return LinearClassifier(weight.float(), bias.float(), classes, len(labels))


def of_images(model: LatentModel, classifier: LinearClassifier) -> Tells:
    """What a classifier of pixels (K, c * h * w) tells of the images that z decode to."""

    def tells(z: Tensor) -> Tensor:
        parts = [classifier.log_probs(decoded(model, some).flatten(1)) for some in z.split(BATCH)]
        return torch.cat(parts)

    return tells


def entropy(log_probs: Tensor) -> Tensor:
    """Of log p (…, K), (…,) in nats: 0 where it is certain, log K where all are as likely."""
    return -(log_probs.exp() * log_probs).nan_to_num(0.0).sum(-1)


def class_map(
    tells: Tells, z: Tensor, axes: Tensor, origin: Tensor, *, half: float, side: int
) -> Tensor:
    """log p(y given z) at the centres of side x side cells of a plane's square up to +-half.

    The plane is z = origin + axes' a, axes (2, d) orthonormal, moved until it passes through
    z (d,): whatever of z lies along neither axis stays as it is. (side, side, K), the topmost row
    first.
    """
    centres = ((torch.arange(side) + 0.5) / side * 2 - 1) * half
    x, y = torch.meshgrid(centres, -centres, indexing="xy")
    off = z - ((z - origin) @ axes.T) @ axes
    return tells(off + torch.stack([x, y], -1).flatten(0, 1) @ axes).view(side, side, -1)


def nearest_other(classifier: LinearClassifier, z: Tensor) -> Counterfactual:
    """The nearest place to z (d,), in all d dimensions, where codes are told to be another class.

    Class k beats the one told at z beyond a hyperplane. The foot of the perpendicular on the
    nearest of them lies beyond no other, so it is on the border, and no border is nearer.
    """
    weight, logits = classifier.weight.double(), classifier.logits(z[None])[0].double()
    here = int(logits.argmax())
    normals = weight - weight[here]  # (K, d)
    lengths = normals.norm(dim=1)
    lengths[here] = 0
    away = torch.where(lengths > 0, (logits[here] - logits) / lengths, math.inf)
    there = int(away.argmin())
    distance = float(away[there])
    if math.isinf(distance):
        raise DataError("The classifier tells one class everywhere: no other is near.")
    foot = z.double() + distance * normals[there] / lengths[there]
    return Counterfactual(foot.float(), int(classifier.labels[there]), distance)


def nearest_on_plane(
    tells: Tells, labels: Tensor, z: Tensor, axes: Tensor, *, most: float
) -> Counterfactual | None:
    """The nearest place to z (d,) along axes (2, d) at which another class is told, by search.

    labels (K,): of the columns of `tells`. Looks in DIRECTIONS directions at RADII places each, up
    to a distance of `most`, halves the first step that crosses a border, and looks again between
    the neighbours of the best direction. None where no other class is met.
    """
    here = int(tells(z[None]).argmax())
    step = 2 * math.pi / DIRECTIONS
    angles = torch.arange(DIRECTIONS) * step
    distances = _borders(tells, here, z, axes, angles, most)
    if not bool(distances.isfinite().any()):
        return None
    best = angles[distances.argmin()]
    finer = best + torch.linspace(-step, step, FINER)
    reach = float(distances.min()) * (1 + 1 / RADII)
    angles = torch.cat([angles, finer])
    distances = torch.cat([distances, _borders(tells, here, z, axes, finer, reach)])
    nearest = int(distances.argmin())
    place = z + distances[nearest] * (_directions(angles[nearest : nearest + 1]) @ axes)[0]
    told = tells(place[None]).argmax()
    return Counterfactual(place, int(labels[told]), float(distances[nearest]))


def _borders(
    tells: Tells, here: int, z: Tensor, axes: Tensor, angles: Tensor, most: float
) -> Tensor:
    """How far in each direction (n,) the first border lies, (n,), just beyond it; inf for none."""
    ways = _directions(angles) @ axes  # (n, d)

    def left(radii: Tensor) -> Tensor:
        """Whether another class is told at radii (n, k)."""
        places = z + radii[..., None] * ways[:, None]
        return (tells(places.flatten(0, 1)).argmax(1) != here).view(radii.shape)

    radii = torch.linspace(0, most, RADII + 1)[1:].expand(len(angles), -1)
    crossed = left(radii)
    first = crossed.int().argmax(1, keepdim=True)
    beyond = radii.gather(1, first)
    within = beyond - most / RADII
    for _ in range(HALVINGS):
        middle = (within + beyond) / 2
        out = left(middle)
        beyond, within = torch.where(out, middle, beyond), torch.where(out, within, middle)
    return torch.where(crossed.any(1), beyond[:, 0], math.inf)


def _directions(angles: Tensor) -> Tensor:
    return torch.stack([angles.cos(), angles.sin()], 1)
