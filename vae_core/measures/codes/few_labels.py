"""How well classes are told with a few labels and many images without, by the draw of the labels.

M1 of Kingma et al. (2014): a VAE learns from all images, and a classifier from the codes of the few
that are labelled. Which images those are matters much, so the error is given of several draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.data.rows import draw_labelled
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures.shares import share_interval

Classify = Callable[[Tensor, int], Tensor]
Choose = Callable[[int, int], Tensor]


@dataclass(frozen=True)
class LabelErrors:
    """The share of test images whose class is told wrongly, for each draw of `labels` labels.

    images: how many test images there are, the same for all draws.
    """

    labels: int
    errors: tuple[float, ...]
    images: int

    @property
    def mean(self) -> float:
        return fmean(self.errors)

    @property
    def standard_error(self) -> float:
        """Of the mean, over the draws; not a number for a single one."""
        draws = len(self.errors)
        return stdev(self.errors) / math.sqrt(draws) if draws > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean lies, at 95 %, by the number of test images and over the draws."""
        return share_interval(self.mean, self.images, self.standard_error)


@dataclass(frozen=True)
class FewLabels:
    """The mean test error over `draws` of `labels` labels, by `seed`, with its standard error."""

    labels: int
    draws: int
    seed: int
    error: float
    error_se: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def few_label_error(
    train: Latents, test: Latents, *, labels: int, draws: int = 10, seed: int = 0
) -> FewLabels:
    """M1 by `label_spreading`; DataError where there are no labels, ConfigError for one draw."""
    if draws < 2:
        raise ConfigError(f"draws={draws} of labels: an error with its margin needs two.")
    classify = label_spreading(train.mu, _labels(train), test.mu)
    found = label_errors(
        classify, _labels(train), _labels(test), labels=labels, draws=draws, seed=seed
    )
    return FewLabels(labels, draws, seed, found.mean, found.standard_error)


def label_errors(
    classify: Classify,
    train_labels: Tensor,
    test_labels: Tensor,
    *,
    labels: int,
    draws: int = 10,
    seed: int = 0,
    choose: Choose | None = None,
) -> LabelErrors:
    """The test error for each of `draws` draws of `labels` labels.

    classify: takes the labelled rows (labels,) and a seed, and tells the test images' classes; of
    train_labels (n,) it may know those rows alone. choose: takes how many labels and a seed, and
    gives those rows; as many of each class by default.
    """
    choose = choose or partial(draw_labelled, train_labels)
    errors = []
    for draw in range(seed, seed + draws):
        errors.append(told_wrongly(classify(choose(labels, draw), draw), test_labels))
    return LabelErrors(labels, tuple(errors), len(test_labels))


def told_wrongly(told: Tensor, labels: Tensor) -> float:
    """The share of labels (n,) that the classes `told` (n,) miss, in [0, 1]."""
    return float((told != labels).double().mean())


def support_vectors(train: Latents, test: Latents, samples: int = 0) -> Classify:
    """M1: a support-vector machine on the codes of the labelled images.

    samples: draws from q(z given x) of each labelled image that it learns from beside its mu.
    """
    from sklearn.svm import SVC

    train_labels = _labels(train)

    def classify(rows: Tensor, seed: int) -> Tensor:
        mu, sigma = train.mu[rows], train.sigma[rows]
        generator = torch.Generator().manual_seed(seed)
        eps = torch.randn((samples, *mu.shape), generator=generator, dtype=mu.dtype)
        codes = torch.cat([mu, (mu + sigma * eps).flatten(0, 1)])
        machine = SVC(C=10.0, gamma="scale").fit(
            codes.numpy(), train_labels[rows].repeat(samples + 1).numpy()
        )
        return torch.from_numpy(machine.predict(test.mu.numpy()))

    return classify


def label_spreading(
    codes: Tensor, labels: Tensor, test_codes: Tensor, neighbours: int = 10
) -> Classify:
    """M1: labels spread over the graph of the training images' nearest codes (Zhou et al. 2004).

    codes (n, d) and labels (n,) of the training images, test_codes (m, d). A test image is then
    told by those nearest to it; one that no label reaches is told to be of the first class.
    """
    from scipy.sparse import coo_array
    from sklearn.neighbors import NearestNeighbors
    from sklearn.semi_supervised import LabelSpreading

    n, near = len(codes), min(neighbours, len(codes) - 1)
    search = NearestNeighbors(n_neighbors=near).fit(codes.numpy())
    among = search.kneighbors()  # each training image's own code apart
    scale = np.median(among[0][:, -1]) or 1.0  # zero where most codes are the same

    def graph(distances: np.ndarray, rows: np.ndarray) -> coo_array:
        """Weights (len(rows), n) from each row of distances to the training images at `rows`."""
        weights = np.exp(-np.square(distances / scale)).ravel()
        columns = np.repeat(np.arange(len(rows)), near)
        return coo_array((weights, (rows.ravel(), columns)), (n, len(rows)))

    within, beyond = graph(*among), graph(*search.kneighbors(test_codes.numpy()))
    within = (within + within.T).tocsr()

    def classify(rows: Tensor, seed: int) -> Tensor:
        told = np.full(n, -1)  # as scikit-learn has it of an image without a label
        told[rows.numpy()] = labels[rows].numpy()
        spreading = LabelSpreading(
            lambda x, y: within if y is x else beyond, alpha=0.99, max_iter=1_000, tol=1e-5 * n
        )
        with np.errstate(invalid="ignore"):  # 0 / 0, where no label reaches
            return torch.from_numpy(spreading.fit(codes.numpy(), told).predict(test_codes.numpy()))

    return classify


def _labels(latents: Latents) -> Tensor:
    if latents.labels is None:
        raise DataError("These images have no classes to be told.")
    return latents.labels
