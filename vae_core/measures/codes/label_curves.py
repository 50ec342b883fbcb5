"""How the error falls as more images are labelled: by their codes, the classifier, the images.

    task = label_task(latents, images)
    for classifier, code, found in label_curves(task, labels_at_random(task.labels)):
        print(classifier, code, found.labels, found.mean, found.standard_error)

A VAE learns from images without labels; if its codes keep what tells the classes apart, few labels
do for a simple classifier on them (M1 of Kingma et al. 2014).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.data.rows import draw_labelled, draw_rows
from vae_core.errors import DataError
from vae_core.latent.latents import Latents
from vae_core.latent.projections import principal_components
from vae_core.measures.codes.clusters import check_distinct
from vae_core.measures.codes.few_labels import (
    Choose,
    Classify,
    LabelErrors,
    label_errors,
    label_spreading,
    told_wrongly,
)
from vae_core.measures.codes.regions import fit_linear

MOST_NEIGHBOURS = 9
MOST_LABELS = 3_000
MOST_IMAGES = 10_000
MOST_COUNTED = 1_000_000_000
MU, PCA, PIXELS = "μ", "PCA", "pixels"

Build = Callable[[Tensor, Tensor, Tensor], Classify]


@dataclass(frozen=True, eq=False)
class LabelTask:
    """Images whose labels may be told, and others whose class is then to be told.

    rows (n,), test_rows (m,): of the stored latents; labels (n,), test_labels (m,) int64; codes,
    test_codes: by name, (n, k) and (m, k); alone: classes of a single image, which are left out.
    """

    rows: Tensor
    test_rows: Tensor
    labels: Tensor
    test_labels: Tensor
    codes: Mapping[str, Tensor]
    test_codes: Mapping[str, Tensor]
    alone: tuple[int, ...]


def label_task(latents: Latents, images: Tensor | None = None, *, seed: int = 0) -> LabelTask:
    """Half of each class to be labelled, half to be tested on, parted by `seed`.

    images (len(latents), c, h, w): with them there are pixels and as many principal components of
    them as mu has dimensions, beside mu. Of more than MOST_IMAGES images so many are used.
    DataError where there are no two classes with two images each.
    """
    if latents.labels is None:
        raise DataError("These images have no classes to be told.")
    order = draw_rows(len(latents), MOST_IMAGES, seed)
    of_class = {int(k): order[latents.labels[order] == k] for k in latents.labels.unique()}
    told = [rows for rows in of_class.values() if len(rows) > 1]
    if len(told) < 2:
        raise DataError(
            "Classes can be told apart where at least two of them have two images each, one to be "
            f"labelled and one to be tested on; here {len(told)} {'has' if told else 'have'}."
        )
    rows = torch.cat([r[: math.ceil(len(r) / 2)] for r in told]).sort().values
    test_rows = torch.cat([r[math.ceil(len(r) / 2) :] for r in told]).sort().values
    of_all = {MU: latents.mu}
    if images is not None:
        pixels = images.flatten(1)
        components = principal_components(pixels[rows], latents.mu.shape[1])
        of_all |= {PCA: components.encode(pixels), PIXELS: pixels}
    return LabelTask(
        rows,
        test_rows,
        latents.labels[rows],
        latents.labels[test_rows],
        {name: codes[rows] for name, codes in of_all.items()},
        {name: codes[test_rows] for name, codes in of_all.items()},
        tuple(k for k, rows in of_class.items() if len(rows) == 1),
    )


def label_counts(labels: Tensor, most: int = MOST_LABELS) -> list[int]:
    """Rising numbers of labels, as many of each class: 1, 2, 5, 10, … for each.

    As far as `most` labels (one of each class at least), or as the rarest class of labels (n,)
    goes.
    """
    images = labels.unique(return_counts=True)[1]
    last = max(1, min(int(images.min()), most // len(images)))
    round_ = [m * 10**p for p in range(1 + int(math.log10(last))) for m in (1, 2, 5)]
    return [len(images) * each for each in [*(r for r in round_ if r < last), last]]


def labels_at_random(labels: Tensor) -> Choose:
    """As many of each class, drawn by the seed; those of fewer labels are among those of more."""
    return partial(draw_labelled, labels)


def labels_by_clusters(codes: Tensor) -> Choose:
    """The image nearest to the centre of each of so many clusters of codes (n, d), by k-means.

    No label is looked at, and a class may be missed. ConfigError where there are fewer different
    codes than labels.
    """
    from sklearn.cluster import KMeans

    points = codes.numpy()

    @cache
    def choose(n: int, seed: int) -> Tensor:
        check_distinct(codes, n)
        fit = KMeans(n, n_init=1, max_iter=50, random_state=seed).fit(points)
        away = np.linalg.norm(points - fit.cluster_centers_[fit.labels_], axis=1)
        order = np.lexsort((away, fit.labels_))
        first = np.unique(fit.labels_[order], return_index=True)[1]
        return torch.from_numpy(np.sort(order[first]))

    return choose


def nearest_neighbours(codes: Tensor, labels: Tensor, test_codes: Tensor) -> Classify:
    """By the majority of the nearest labelled codes.

    Of an odd number of them: about a tenth of the labels that a class has, 9 at most. codes (n, d),
    labels (n,), test_codes (m, d).
    """
    from sklearn.neighbors import KNeighborsClassifier

    classes = len(labels.unique())

    def classify(rows: Tensor, seed: int) -> Tensor:
        near = min(MOST_NEIGHBOURS, len(rows) // classes // 10 | 1)
        fit = KNeighborsClassifier(near).fit(codes[rows].numpy(), labels[rows].numpy())
        return torch.from_numpy(fit.predict(test_codes.numpy()))

    return classify


def logistic_regression(codes: Tensor, labels: Tensor, test_codes: Tensor) -> Classify:
    """By a linear classifier of the labelled codes, with scikit-learn's usual weight decay.

    codes (n, d), labels (n,), test_codes (m, d).
    """

    def classify(rows: Tensor, seed: int) -> Tensor:
        told = labels[rows]
        if len(told.unique()) == 1:  # clusters may meet one class alone; a line needs two
            return told[:1].expand(len(test_codes))
        return fit_linear(codes[rows], told).told(test_codes)

    return classify


CLASSIFIERS: dict[str, Build] = {
    "nearest neighbours": nearest_neighbours,
    "logistic regression": logistic_regression,
    "label spreading": label_spreading,
}


def classes_told(
    task: LabelTask, mu: Tensor, rows: Tensor, *, classifier: str, seed: int
) -> tuple[Tensor, float]:
    """The class that each image is told to be by its mu, and the share told wrongly.

    mu (N, d): of all images, among which are the task's. rows (labels,): those of `task.rows` that
    are labelled. Returns (N,) int64, and the error over the task's test images, in [0, 1].
    """
    told = CLASSIFIERS[classifier](task.codes[MU], task.labels, mu)(rows, seed)
    return told, told_wrongly(told[task.test_rows], task.test_labels)


@dataclass(frozen=True)
class LabelCurves:
    """What `label_curves` gives with labels at random, as metrics.json keeps it.

    labels (k,): rising numbers of them; draws: of each; images: on which classes are told;
    errors[classifier][code] (k, draws): the shares told wrongly.
    """

    labels: list[int]
    draws: int
    images: int
    errors: dict[str, dict[str, list[list[float]]]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> LabelCurves:
        """DataError where a JSON value is none such."""
        try:
            curves = cls(**value)  # type: ignore[arg-type]
            table = np.array(
                [[curves.errors[name][code] for code in curves.codes] for name in CLASSIFIERS],
                dtype=float,
            )
            whole = [curves.draws, curves.images, *curves.labels]
            good = (
                all(type(n) is int and 0 < n <= MOST_COUNTED for n in whole)
                and curves.errors.keys() == CLASSIFIERS.keys()
                and curves.labels == sorted(set(curves.labels))
                and {*curves.codes} <= {MU, PCA, PIXELS}
                and all([*codes] == curves.codes for codes in curves.errors.values())
                and table.shape[2:] == (len(curves.labels), curves.draws)
                and bool(((table >= 0) & (table <= 1)).all())
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError("These are no errors by number of labels.") from error
        if not good:
            raise DataError("These are no errors by number of labels.")
        return curves

    @property
    def codes(self) -> list[str]:
        """What the classifiers were given."""
        return list(next(iter(self.errors.values()), {}))

    @property
    def by_line(self) -> dict[tuple[str, str], list[LabelErrors]]:
        """By classifier and code, from the fewest labels to the most."""
        return {
            (name, code): [
                LabelErrors(n, tuple(errors), self.images)
                for n, errors in zip(self.labels, table, strict=True)
            ]
            for name, codes in self.errors.items()
            for code, table in codes.items()
        }


def measured_curves(latents: Latents, images: Tensor | None, *, draws: int) -> LabelCurves:
    """`label_curves` of a task by seed 0, labels at random; DataError where none can be told."""
    task = label_task(latents, images)
    found: dict[str, dict[str, list[list[float]]]] = {}
    for name, code, each in label_curves(task, labels_at_random(task.labels), draws=draws):
        found.setdefault(name, {}).setdefault(code, []).append(list(each.errors))
    return LabelCurves(label_counts(task.labels), draws, len(task.test_labels), found)


def label_curves(
    task: LabelTask,
    choose: Choose,
    *,
    counts: Sequence[int] | None = None,
    draws: int = 5,
    classifiers: Mapping[str, Build] = CLASSIFIERS,
) -> Iterator[tuple[str, str, LabelErrors]]:
    """Each classifier's errors on each code of the task, from the fewest labels to the most.

    choose: which of the task's images are labelled, the same for all. counts: by default those of
    `label_counts`. Yields (classifier, code, errors of `draws` draws) as each is found.
    """
    built = {
        (name, code): cache(partial(build, task.codes[code], task.labels, task.test_codes[code]))
        for name, build in classifiers.items()
        for code in task.codes
    }
    for n in label_counts(task.labels) if counts is None else counts:
        for (name, code), classifier in built.items():
            yield (
                name,
                code,
                label_errors(
                    classifier(),
                    task.labels,
                    task.test_labels,
                    labels=n,
                    draws=draws,
                    choose=choose,
                ),
            )
