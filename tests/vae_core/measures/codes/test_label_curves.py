"""Errors fall to nothing where classes lie apart, and stay at chance where labels say nothing."""

import json
import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from vae_core.data.rows import draw_labelled
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures.codes.few_labels import LabelErrors, label_errors
from vae_core.measures.codes.label_curves import (
    CLASSIFIERS,
    LabelCurves,
    classes_told,
    label_counts,
    label_curves,
    label_task,
    labels_at_random,
    labels_by_clusters,
    logistic_regression,
    measured_curves,
    nearest_neighbours,
)
from vae_core.measures.shares import share_interval


def test_the_interval_holds_the_mean_and_is_wider_for_draws_that_differ() -> None:
    alike, unlike = (LabelErrors(10, errors, 200) for errors in ((0.1, 0.1), (0.02, 0.18)))
    low, high = alike.interval
    assert low < alike.mean < high
    assert unlike.interval[0] < low and high < unlike.interval[1]
    single = LabelErrors(10, (0.1,), 200)  # of which no spread is known
    assert single.interval == alike.interval


def latents(mu: Tensor, labels: Tensor | None) -> Latents:
    n = len(mu)
    return Latents(mu, torch.zeros_like(mu), torch.arange(n), torch.zeros(n), labels)


def heaps(n: int = 400, apart: float = 9.0) -> Latents:
    """Four classes, each a heap of its own in the plane."""
    labels = torch.arange(n) % 4
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(0))
    return latents(apart * corners[labels] + noise, labels)


def last_errors(data: Latents, images: Tensor | None = None) -> dict[tuple[str, str], LabelErrors]:
    task = label_task(data, images)
    choose = labels_at_random(task.labels)
    return {(a, b): found for a, b, found in label_curves(task, choose, counts=[40], draws=3)}


def test_classes_that_lie_apart_are_told_without_error() -> None:
    data = heaps()
    images = torch.nn.functional.pad(data.mu, (0, 4)).reshape(-1, 1, 2, 3)
    found = last_errors(data, images)
    assert found.keys() == {(c, x) for c in CLASSIFIERS for x in ("μ", "PCA", "pixels")}
    assert {errors.errors for errors in found.values()} == {(0.0, 0.0, 0.0)}
    assert {errors.interval for errors in found.values()} == {share_interval(0.0, 200)}
    assert share_interval(0.0, 200)[1] > 0.01  # no error seen is no certainty


def test_shuffled_labels_are_told_by_chance() -> None:
    data = heaps(2_000)
    assert data.labels is not None
    shuffled = data.labels[torch.randperm(2_000, generator=torch.Generator().manual_seed(1))]
    for errors in last_errors(latents(data.mu, shuffled)).values():
        assert errors.mean == pytest.approx(0.75, abs=0.05)


def test_the_classifiers_are_those_of_scikit_learn() -> None:
    data = heaps(apart=1.5)
    task = label_task(data)
    train, test = task.codes["μ"], task.test_codes["μ"]
    rows = draw_labelled(task.labels, 80, seed=0)
    x, y = train[rows].numpy(), task.labels[rows].numpy()
    told = nearest_neighbours(train, task.labels, test)(rows, 0)
    assert told.tolist() == KNeighborsClassifier(3).fit(x, y).predict(test.numpy()).tolist()
    nearest = KNeighborsClassifier(1).fit(x[:30], y[:30]).predict(test.numpy())
    assert nearest_neighbours(train, task.labels, test)(rows[:30], 0).tolist() == nearest.tolist()
    told = logistic_regression(train, task.labels, test)(rows, 0)
    assert told.tolist() == LogisticRegression().fit(x, y).predict(test.numpy()).tolist()


def test_all_images_are_told_as_scikit_learn_tells_them() -> None:
    data = heaps(apart=1.5)
    assert data.labels is not None
    task = label_task(data)
    rows = draw_labelled(task.labels, 80, seed=0)
    told, error = classes_told(task, data.mu, rows, classifier="nearest neighbours", seed=0)
    oracle = KNeighborsClassifier(3).fit(data.mu[task.rows[rows]], task.labels[rows])
    assert told.tolist() == oracle.predict(data.mu).tolist()
    right = oracle.score(data.mu[task.test_rows], data.labels[task.test_rows])
    assert 0 < error == pytest.approx(1 - right)


def test_a_curve_has_the_errors_of_each_number_of_labels() -> None:
    task = label_task(heaps(apart=2.0))
    choose = labels_at_random(task.labels)
    only = {"nearest neighbours": nearest_neighbours}
    found = list(label_curves(task, choose, counts=[4, 40, 200], draws=4, classifiers=only))
    assert [(a, b, errors.labels) for a, b, errors in found] == [
        ("nearest neighbours", "μ", n) for n in (4, 40, 200)
    ]
    codes, test_codes = task.codes["μ"], task.test_codes["μ"]
    classify = nearest_neighbours(codes, task.labels, test_codes)
    assert found[1][2] == label_errors(classify, task.labels, task.test_labels, labels=40, draws=4)
    assert found[0][2].mean > found[2][2].mean


def test_half_of_each_class_is_tested_on_and_a_single_image_left_out() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 2, 1, 0, 3, 3, 0])
    task = label_task(latents(torch.arange(11.0)[:, None], labels))
    assert task.labels.bincount().tolist() == [3, 2, 0, 1]
    assert task.test_labels.bincount().tolist() == [2, 1, 0, 1]
    assert task.alone == (2,)
    assert sorted([*task.rows.tolist(), *task.test_rows.tolist()]) == [
        i for i in range(11) if i != 5
    ]
    assert torch.equal(task.codes["μ"][:, 0], task.rows.float())
    assert torch.equal(labels[task.test_rows], task.test_labels)


def test_the_numbers_of_labels_are_round_by_class() -> None:
    assert label_counts(torch.arange(6_000) % 10) == [
        10, 20, 50, 100, 200, 500, 1000, 2000, 3000
    ]  # fmt: skip
    assert label_counts(torch.tensor([0, 5, 5, 0, 0])) == [2, 4]
    assert label_counts(torch.arange(40)) == [40]
    assert label_counts(torch.arange(5_000) % 4_000) == [4_000]


def test_clusters_spend_a_label_on_each_heap() -> None:
    task = label_task(heaps())
    rows = labels_by_clusters(task.codes["μ"])(4, 0)
    assert task.labels[rows].sort().values.tolist() == [0, 1, 2, 3]
    for row in rows.tolist():
        heap = task.codes["μ"][task.labels == task.labels[row]]
        away = (heap - heap.mean(0)).norm(dim=1)
        own = (task.codes["μ"][row] - heap.mean(0)).norm()
        assert own == pytest.approx(float(away.min()))
    assert len(labels_by_clusters(task.codes["μ"])(60, 0).unique()) == 60


def test_more_labels_than_different_codes_are_refused() -> None:
    choose = labels_by_clusters(torch.tensor([[0.0], [1.0], [1.0]]))
    with pytest.raises(ConfigError, match="2 different codes"):
        choose(3, 0)


def test_labels_of_one_class_alone_tell_that_class() -> None:
    codes, labels = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0, 1, 1])
    told = logistic_regression(codes, labels, torch.zeros(4, 1))(torch.tensor([1, 2]), 0)
    assert told.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (None, "no classes"),
        (torch.tensor([0, 0, 0, 1]), "two of them have two images each"),
        (torch.tensor([0, 0, 0, 0]), "here 1 has"),
        (torch.arange(4), "here 0 have"),
    ],
)
def test_what_cannot_be_told_is_refused(labels: Tensor | None, why: str) -> None:
    with pytest.raises(DataError, match=why):
        label_task(latents(torch.rand(4, 2), labels))


def test_measured_curves_are_those_of_the_page_and_come_back_from_json() -> None:
    data = heaps(apart=2.0)
    found = measured_curves(data, None, draws=2)
    task = label_task(data)
    expected: dict[tuple[str, str], list[LabelErrors]] = {}
    for name, code, errors in label_curves(task, labels_at_random(task.labels), draws=2):
        expected.setdefault((name, code), []).append(errors)
    assert LabelCurves.from_json(json.loads(json.dumps(found.to_json()))).by_line == expected


@pytest.mark.parametrize(
    "change",
    [
        {"draws": 3},
        {"images": 0},
        {"labels": [20, 10]},
        {"labels": "many"},
        {"errors": {}},
        {"errors": []},
        {"errors": {name: {"μ": [[0.5], [1.5]]} for name in CLASSIFIERS}},
        {"errors": {name: {"μ": [[0.5], [math.nan]]} for name in CLASSIFIERS}},
        {"errors": {name: {"magic": [[0.5], [0.5]]} for name in CLASSIFIERS}},
        {"errors": {name: {"μ": [[0.5]]} for name in CLASSIFIERS}},
        {"more": 1},
    ],
    ids=lambda change: str(change)[:40],
)
def test_curves_that_are_none_are_refused(change: dict[str, object]) -> None:
    good = {
        "labels": [10, 20],
        "draws": 1,
        "images": 50,
        "errors": {name: {"μ": [[0.5], [0.25]]} for name in CLASSIFIERS},
    }
    assert LabelCurves.from_json(good).by_line["logistic regression", "μ"][1].mean == 0.25
    with pytest.raises(DataError, match="no errors by number of labels"):
        LabelCurves.from_json({**good, **change})
