"""Which images a model takes for strange: scores, and how well they part two kinds of images.

A score is larger for a stranger image. Those that are likelihoods need no anomalies to learn from
(An & Cho 2015); they can be misled, as an image that is simple is likely, whatever it shows
(Nalisnick et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures.likelihood.importance import importance_log_likelihood
from vae_core.measures.shares import CONFIDENCE
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import elbo_terms

# score -> whether it needs a posterior
SCORES = {
    "elbo": True,
    "log_px": True,
    "reconstruction": False,
    "relative": False,
    "smoothed": False,
    "latent": False,
}
WITHOUT_LIKELIHOOD = ("relative", "smoothed", "latent")
SMOOTHING = 1 / 28  # of an image's shorter side, the deviation of what smooths it
BATCH = 100
STRANGERS = ("noise", "shuffled pixels", "quarter turn")
SINGULAR = 1e-5  # of the covariance's largest eigenvalue: directions that vary less do not count


@dataclass(frozen=True)
class ClassGaussians:
    """A Gaussian for the codes mu of each class, all of one covariance.

    means (classes, d) float64; precision (d, d) float64, the covariance's (pseudo-)inverse.
    """

    means: Tensor
    precision: Tensor

    def distance(self, mu: Tensor) -> Tensor:
        """The Mahalanobis distance of mu (n, d) to the class nearest to it, (n,) float64."""
        apart = mu.double()[:, None] - self.means  # (n, classes, d)
        squares = torch.einsum("nki,ij,nkj->nk", apart, self.precision, apart)
        return squares.amin(1).clamp_min(0).sqrt()


def class_gaussians(latents: Latents) -> ClassGaussians:
    """Fitted to the codes of normal images (Lee et al. 2018, eq. 1); one class without labels.

    DataError where there are no more images than classes.
    """
    mu = latents.mu.double()
    labels = torch.zeros(len(mu), dtype=torch.int64) if latents.labels is None else latents.labels
    classes, own = labels.unique(return_inverse=True)
    if len(mu) <= len(classes):
        raise DataError(f"{len(mu)} images of {len(classes)} classes have no covariance; add some.")
    means = torch.stack([mu[own == k].mean(0) for k in range(len(classes))])
    apart = mu - means[own]
    covariance = apart.T @ apart / len(mu)
    return ClassGaussians(means, torch.linalg.pinv(covariance, rtol=SINGULAR, hermitian=True))


@torch.no_grad()
def anomaly_scores(
    model: LatentModel,
    x: Tensor,
    score: str,
    *,
    generator: torch.Generator,
    samples: int = 1,
    normal: ClassGaussians | None = None,
    on_progress: Callable[[float], object] = lambda fraction: None,
) -> Tensor:
    """How strange each image of x (n, c, h, w) is, (n,) float64; the larger, the stranger.

    elbo: -ELBO by `samples` draws; log_px: -log p(x) by importance sampling with so many;
    reconstruction: -log p(x given z = mu), all in nats; relative: |x - y|^2 / (|x|^2 + |y|^2) with
    the reconstruction y, which is 1 less Dice's coefficient (Milletari et al. 2016, section 3);
    smoothed: the same of both under a Gaussian, as `smooth` has it, so that a stroke beside its
    place is less strange than one too many, and with the 3-norm of the difference in the place of
    its 2-norm, so that one fault is stranger than many small ones of the same sum of squares;
    latent: the Mahalanobis distance of mu to the nearest class of the images that are `normal`.
    on_progress takes the share of the images done. ConfigError where the model has no such score,
    DataError where one overflows.
    """
    if score not in scores_of(model):
        has = f"only {', '.join(scores_of(model))}" if scores_of(model) else "none"
        raise ConfigError(f"This model has no score {score!r}; it has {has}.")
    if score == "latent" and normal is None:
        raise ConfigError("A distance in latent space needs the codes of normal images; give them.")
    found = []
    for k, part in enumerate(x.split(BATCH), start=1):
        found.append(_scores(model, part, score, generator, samples, normal).double())
        on_progress(min(1.0, k * BATCH / len(x)))
    scores = torch.cat(found)
    if not bool(scores.isfinite().all()):
        raise DataError(
            f"The score {score!r} of some images is not finite: their codes lie too far out. "
            "Choose reconstruction."
        )
    return scores


def _scores(
    model: LatentModel,
    x: Tensor,
    score: str,
    generator: torch.Generator,
    samples: int,
    normal: ClassGaussians | None,
) -> Tensor:
    if score == "log_px":
        return -importance_log_likelihood(model, x, samples=samples, generator=generator)
    if score == "elbo":
        return -elbo_terms(model, x, generator=generator, samples=samples).elbo
    mu, _ = model.encode(x)
    if normal is not None and score == "latent":
        return normal.distance(mu)
    if score == "relative":
        return _relative_error(x, model.decode(mu))
    if score == "smoothed":
        return _relative_error(smooth(x), smooth(model.decode(mu)), power=3)
    return -model.log_likelihood(x, mu)


def _relative_error(x: Tensor, y: Tensor, power: int = 2) -> Tensor:
    """The square of the difference's `power`-norm over both images' sum of squares, (n,)."""
    both = (x.square() + y.square()).sum((1, 2, 3))
    apart: Tensor = torch.linalg.vector_norm(x - y, power, (1, 2, 3))
    return apart.square() / both.clamp_min(1e-12)


def smooth(x: Tensor) -> Tensor:
    """x (n, c, h, w) under a Gaussian, SMOOTHING of its shorter side wide: a pixel of MNIST's."""
    from scipy.ndimage import gaussian_filter

    sigma = SMOOTHING * min(x.shape[2:])
    return torch.from_numpy(gaussian_filter(x.cpu().numpy(), sigma, axes=(2, 3))).to(x.device)


def scores_of(model: LatentModel) -> tuple[str, ...]:
    """Those of SCORES that a model has; none without an encoder and a decoder."""
    if not (model.has_encoder and model.has_decoder):
        return ()
    return tuple(
        score
        for score, posterior in SCORES.items()
        if (model.is_variational or not posterior)
        and (model.has_likelihood or score in WITHOUT_LIKELIHOOD)
    )


@dataclass(frozen=True)
class Auroc:
    """The area under the receiver operating characteristic, with its standard error.

    It is the share of pairs of a normal image and an anomaly that the score puts in order.
    interval: between which areas that of all images lies, at 95 %; of a width also at 0 and 1,
    where the standard error has none. false_positive_rate, true_positive_rate (thresholds,): the
    curve.
    """

    area: float
    standard_error: float
    interval: tuple[float, float]
    false_positive_rate: Tensor
    true_positive_rate: Tensor


def auroc(normal: Tensor, anomalies: Tensor) -> Auroc:
    """Of the scores of normal images (n,) and of anomalies (m,).

    The standard error is that of DeLong, DeLong & Clarke-Pearson (1988), by ranks (Sun & Xu 2014),
    the interval that of Newcombe (2006, method 5), as Wilson's is of a share.
    DataError for fewer than two of either.
    """
    from scipy.stats import rankdata
    from sklearn.metrics import roc_curve

    n, m = len(normal), len(anomalies)
    if min(n, m) < 2:
        raise DataError(f"{n} normal images and {m} anomalies: an AUROC needs two of each.")
    low, high = normal.double().cpu().numpy(), anomalies.double().cpu().numpy()
    both = np.concatenate([high, low])
    ranks = rankdata(both)
    # Of each anomaly, the share of normal images below it; of each normal image, of anomalies above
    below = (ranks[:m] - rankdata(high)) / n
    above = 1 - (ranks[m:] - rankdata(low)) / m
    false_positives, true_positives, _ = roc_curve(np.arange(n + m) < m, both)
    area = float(below.mean())
    return Auroc(
        area=area,
        standard_error=float(np.sqrt(below.var(ddof=1) / m + above.var(ddof=1) / n)),
        interval=_area_interval(area, n, m),
        false_positive_rate=torch.from_numpy(false_positives),
        true_positive_rate=torch.from_numpy(true_positives),
    )


def _area_interval(area: float, n: int, m: int) -> tuple[float, float]:
    """The areas that lie as far from `area` as their own error at 95 % allows, below and above."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    far = norm.ppf((1 + CONFIDENCE) / 2)
    others = (n + m) / 2 - 1

    def beyond(a: float) -> float:
        spread = 1 + others * ((1 - a) / (2 - a) + a / (1 + a))  # Hanley & McNeil (1982)
        return float((a - area) ** 2 - far**2 * a * (1 - a) * spread / (n * m))

    apart = 1e-9  # at 0 and 1 the area itself is a root, too
    low = 0.0 if area == 0 else brentq(beyond, 0, area - apart)
    high = 1.0 if area == 1 else brentq(beyond, area + apart, 1)
    return float(low), float(high)


@dataclass(frozen=True)
class ScoreHistogram:
    """Two kinds of scores over common bins.

    edges (bins + 1,) float64, from the lower to the upper outer fence of both; normal, anomalies
    (bins,) float64: the shares of each kind, in [0, 1]; beyond: how many scores lie farther out.
    """

    edges: Tensor
    normal: Tensor
    anomalies: Tensor
    beyond: int


def score_histogram(normal: Tensor, anomalies: Tensor, bins: int) -> ScoreHistogram:
    """Of the scores of normal images (n,) and of anomalies (m,), as far as their `outer_fences`."""
    kinds = [scores.cpu().numpy() for scores in (normal, anomalies)]
    ends = [outer_fences(scores) for scores in kinds]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    counts = [np.histogram(scores, edges)[0] for scores in kinds]
    return ScoreHistogram(
        edges=torch.from_numpy(edges),
        normal=torch.from_numpy(counts[0] / len(normal)),
        anomalies=torch.from_numpy(counts[1] / len(anomalies)),
        beyond=len(normal) + len(anomalies) - int(np.sum(counts)),
    )


def outer_fences(scores: np.ndarray) -> tuple[float, float]:
    """Three times the middle half's width beyond it, or the extremes (n,) if nearer (Tukey 1977).

    What lies beyond is far out: it would squeeze the rest of a picture.
    """
    low, lower, upper, high = np.percentile(scores, (0, 25, 75, 100))
    far = 3 * (upper - lower)
    return max(low, lower - far), min(high, upper + far)


def strangers(x: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Images that no data set holds, made of x (n, c, h, w), of its shape.

    noise: pixels uniform in [0, 1]; shuffled pixels: each image's own, in an order of its own;
    quarter turn: each turned to the left. ConfigError when there is no such kind, or no turn, as
    the images are not square.
    """
    n, channels, height, width = x.shape
    if kind == "noise":
        return torch.rand(x.shape, generator=generator)
    if kind == "shuffled pixels":
        order = torch.rand((n, 1, height * width), generator=generator).argsort(2)
        return x.flatten(2).gather(2, order.expand(-1, channels, -1)).view_as(x)
    if kind != "quarter turn":
        raise ConfigError(f"Unknown kind {kind!r}; choose one of {', '.join(STRANGERS)}.")
    if height != width:
        raise ConfigError(f"Images of {height} x {width} pixels do not fit when turned.")
    return x.rot90(1, (2, 3)).contiguous()
