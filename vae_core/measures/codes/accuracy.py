"""How well classes can be read off the codes, beside those of a PCA of the same size."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset, check_is_dataset
from vae_core.data.rows import draw_rows
from vae_core.errors import DataError
from vae_core.latent.latents import encode_dataset
from vae_core.models.latent_model import LatentModel

NEIGHBOURS = 10


@dataclass(frozen=True)
class CodeAccuracy:
    """Shares of test images whose class is found, each with its standard error `*_se`.

    knn: by the majority of the `neighbours` nearest training codes; linear: by a logistic
    regression on standardised codes; pca_*: the same on the first `dimensions` principal
    components of the training images, as many as the model has if there are so many; chance: the
    share of the most frequent class.
    """

    train_images: int
    test_images: int
    dimensions: int
    neighbours: int
    seed: int
    knn: float
    knn_se: float
    linear: float
    linear_se: float
    pca_knn: float
    pca_knn_se: float
    pca_linear: float
    pca_linear_se: float
    chance: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def classify_codes(
    model: LatentModel,
    train: ImageDataset,
    test: ImageDataset,
    *,
    neighbours: int = NEIGHBOURS,
    at_most: int = 10_000,
    seed: int = 0,
) -> CodeAccuracy:
    """Classify the posterior means mu of `test` by those of `train`, with scikit-learn.

    Of each split at most `at_most` images are used, drawn by `seed`. DataError when the data sets
    have no labels, or `train` one class.
    """
    from sklearn.decomposition import PCA

    (x, mu, y), (x_test, mu_test, y_test) = (
        _codes(model, data, at_most, seed) for data in (train, test)
    )
    d = min(model.latent_dim, *x.shape)
    if len(np.unique(y)) < 2:
        raise DataError(f"{train.name} has images of one class; there is nothing to tell apart.")
    pca = PCA(n_components=d, random_state=seed).fit(x)
    correct = {
        **_correct("", mu, y, mu_test, y_test, neighbours),
        **_correct("pca_", pca.transform(x), y, pca.transform(x_test), y_test, neighbours),
    }
    figures: dict[str, float] = {}
    for name, hits in correct.items():
        share = float(hits.mean())
        error = math.sqrt(share * (1 - share) / len(hits))
        figures |= {name: share, f"{name}_se": error}
    return CodeAccuracy(
        train_images=len(y),
        test_images=len(y_test),
        dimensions=d,
        neighbours=neighbours,
        seed=seed,
        chance=float(np.bincount(y_test).max() / len(y_test)),
        **figures,
    )


def _codes(
    model: LatentModel, data: ImageDataset, at_most: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Pixels (n, c * h * w), mu (n, d) and labels (n,) of some of the images."""
    check_is_dataset(data, "each of train and test")
    if data.labels is None:
        raise DataError(f"{data.name} has no labels, so no class can be read off its codes.")
    rows = draw_rows(len(data), at_most, seed)
    latents = encode_dataset(model, data, rows)
    pixels: Tensor = data.floats(rows).flatten(1)
    return pixels.numpy(), latents.mu.numpy(), data.labels[rows].numpy()


def _correct(
    prefix: str,
    codes: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_codes: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    neighbours: int,
) -> dict[str, NDArray[np.bool_]]:
    """Which test images each classifier gets right, (n,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifiers = {
        "knn": KNeighborsClassifier(n_neighbors=min(neighbours, len(labels))),
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)),
    }
    return {
        prefix + name: classifier.fit(codes, labels).predict(test_codes) == test_labels
        for name, classifier in classifiers.items()
    }
