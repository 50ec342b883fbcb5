"""Labels are drawn alike from each class, errors are counted, and clear classes are told."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vae_core.data.rows import draw_labelled
from vae_core.latent.latents import Latents
from vae_core.measures.codes.few_labels import (
    Classify,
    label_errors,
    label_spreading,
    support_vectors,
)

LABELS = torch.tensor([2, 0, 1, 1, 0, 2, 2, 1, 0, 0, 2])


def test_errors_are_the_share_told_wrongly_by_draw() -> None:
    seen = []

    def classify(rows: Tensor, seed: int) -> Tensor:
        seen.append(rows)
        told = LABELS.clone()
        told[:seed] = 9  # the first of them wrong
        return told

    errors = label_errors(classify, LABELS, LABELS, labels=3, draws=3, seed=1)
    assert errors.errors == pytest.approx([1 / 11, 2 / 11, 3 / 11])
    assert errors.mean == pytest.approx(2 / 11)
    assert errors.standard_error == pytest.approx(1 / 11 / 3**0.5)
    assert torch.equal(seen[2], draw_labelled(LABELS, 3, seed=3))


def rings(n: int, seed: int) -> Latents:
    """Two classes on circles of radius 1 and 3, with some noise; sigma as large as the noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    angle = 6.2832 * torch.rand(n, generator=generator)
    radius = 1 + 2 * labels + 0.1 * torch.randn(n, generator=generator)
    mu = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return Latents(mu, torch.full((n, 2), -4.6), torch.arange(n), torch.zeros(n), labels)


def spreading(train: Latents, test: Latents) -> Classify:
    assert train.labels is not None
    return label_spreading(train.mu, train.labels, test.mu)


@pytest.mark.parametrize(
    ("build", "labels"),
    [
        (support_vectors, 60),
        (lambda train, test: support_vectors(train, test, samples=5), 60),
        (spreading, 4),
    ],
)
@pytest.mark.parametrize("tested", [100, 600])
def test_classes_that_lie_apart_are_told(
    build: Callable[[Latents, Latents], Classify], labels: int, tested: int
) -> None:
    train, test = rings(600, 0), rings(tested, 1)
    assert train.labels is not None and test.labels is not None
    errors = label_errors(build(train, test), train.labels, test.labels, labels=labels, draws=2)
    assert errors.mean < 0.02


def test_no_label_but_those_drawn_is_looked_at() -> None:
    train, test = rings(600, 0), rings(100, 1)
    assert train.labels is not None
    rows = draw_labelled(train.labels, 20, seed=0)
    hidden = torch.full_like(train.labels, 1)
    hidden[rows] = train.labels[rows]
    blind = Latents(train.mu, train.logvar, train.indices, train.reconstruction, hidden)
    for build in (support_vectors, spreading):
        assert torch.equal(build(train, test)(rows, 0), build(blind, test)(rows, 0))


def test_codes_that_are_all_the_same_are_no_division_by_zero() -> None:
    labels = torch.arange(40) % 2
    told = label_spreading(torch.zeros(40, 2), labels, torch.zeros(9, 2))(torch.arange(4), 0)
    assert set(told.tolist()) <= {0, 1}


def test_images_may_be_chosen_by_other_than_their_labels() -> None:
    told = []

    def classify(rows: Tensor, seed: int) -> Tensor:
        told.append(rows.tolist())
        return LABELS

    def choose(n: int, seed: int) -> Tensor:
        return torch.arange(seed, seed + n)

    errors = label_errors(classify, LABELS, LABELS, labels=2, draws=2, seed=3, choose=choose)
    assert (told, errors.errors) == ([[3, 4], [4, 5]], (0.0, 0.0))
