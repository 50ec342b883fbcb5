"""Clusters of codes: found without any label, then set beside the classes.

clusters = k_means(latents.mu, 10)
agreement(clusters, latents.labels).adjusted_rand
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import ConfigError, DataError

STARTS = 4  # of k-means, of which the best is kept


@dataclass(frozen=True)
class Agreement:
    """How far clusters agree with classes: 1 wholly, the adjusted figures 0 by chance.

    adjusted_rand: Hubert & Arabie (1985); adjusted_information, normalised_information: mutual
    information over the arithmetic mean of both entropies, less its expectation by chance or not
    (Vinh et al. 2010); purity: the share of images in a cluster of whose images most are of their
    class.
    """

    adjusted_rand: float
    adjusted_information: float
    normalised_information: float
    purity: float


def k_means(codes: Tensor, k: int, *, seed: int = 0) -> Tensor:
    """The cluster (n,) int64, 0 … k - 1, of each of codes (n, d): the best of four starts.

    ConfigError where there are fewer than k different codes.
    """
    from sklearn.cluster import KMeans

    check_distinct(codes, k)
    fit = KMeans(k, n_init=STARTS, random_state=seed)
    return torch.from_numpy(fit.fit_predict(codes.numpy())).long()


def gaussian_mixture(codes: Tensor, k: int, *, seed: int = 0) -> Tensor:
    """The likeliest of k Gaussians of full covariance, (n,) int64, for each of codes (n, d).

    By EM, begun by k-means. ConfigError where there are fewer than k different codes.
    """
    from sklearn.mixture import GaussianMixture

    check_distinct(codes, k)
    fit = GaussianMixture(k, reg_covar=1e-6, tol=1e-2, max_iter=300, random_state=seed)
    return torch.from_numpy(fit.fit_predict(codes.double().numpy())).long()


METHODS: dict[str, Callable[..., Tensor]] = {
    "k-means": k_means,
    "Gaussian mixture": gaussian_mixture,
}


def check_distinct(codes: Tensor, k: int) -> None:
    """ConfigError unless codes (n, d) hold k different ones."""
    different = len(np.unique(codes.numpy(), axis=0))
    if not 1 <= k <= different:
        if different < 2:
            raise ConfigError(
                "All images have the same code, as constant images have; there is nothing to "
                "cluster."
            )
        raise ConfigError(
            f"{k} clusters were asked for, but there are {different:,} different codes; ask for 1 "
            "to so many."
        )


def agreement(clusters: Tensor, labels: Tensor) -> Agreement:
    """How far clusters (n,) agree with classes (n,), both int64, by scikit-learn."""
    from sklearn import metrics
    from sklearn.metrics.cluster import contingency_matrix

    if clusters.shape != labels.shape or not len(labels):
        raise DataError(
            f"clusters are {tuple(clusters.shape)} and labels {tuple(labels.shape)}; both must be "
            "(n,), of at least one image."
        )
    found, classes = clusters.numpy(), labels.numpy()
    table = contingency_matrix(classes, found)
    return Agreement(
        adjusted_rand=float(metrics.adjusted_rand_score(classes, found)),
        adjusted_information=float(metrics.adjusted_mutual_info_score(classes, found)),
        normalised_information=float(metrics.normalized_mutual_info_score(classes, found)),
        purity=float(table.max(0).sum() / len(classes)),
    )


def numbered(clusters: Tensor, labels: Tensor | None) -> Tensor:
    """The same clusters (n,) under other numbers, so that they can be seen beside classes (n,).

    As far as there are both, cluster j shares most images with class j (the assignment of Kuhn
    1955); other clusters follow, and without labels all, by falling size.
    """
    from scipy.optimize import linear_sum_assignment

    k = int(clusters.max()) + 1
    by_size = clusters.bincount(minlength=k).argsort(descending=True).tolist()
    number: dict[int, int] = {}
    if labels is not None:
        shared = torch.zeros(k, int(labels.max()) + 1)
        shared.index_put_((clusters, labels), torch.ones(len(labels)), accumulate=True)
        pairs = zip(*linear_sum_assignment(shared.numpy(), maximize=True), strict=True)
        number = {int(cluster): int(label) for cluster, label in pairs if label < k}
    free = (n for n in range(k) if n not in number.values())
    number |= {cluster: next(free) for cluster in by_size if cluster not in number}
    return torch.tensor([number[j] for j in range(k)])[clusters]


def cluster_means(values: Tensor, clusters: Tensor) -> Tensor:
    """The mean of values (n, …) over each cluster, (k, …); not a number for an empty one."""
    k = int(clusters.max()) + 1
    sums = torch.zeros(k, *values.shape[1:]).index_add_(0, clusters, values)
    sizes = clusters.bincount(minlength=k)
    return sums / sizes.reshape(-1, *[1] * (values.ndim - 1))
