"""Rows are drawn by their seed, alike from each class where they are to be labelled."""

import numpy as np
import pytest
import scipy.stats
import torch

from vae_core.data.rows import draw_labelled, draw_rows, rows_of_class
from vae_core.errors import ConfigError, DataError

LABELS = torch.tensor([2, 0, 1, 1, 0, 2, 2, 1, 0, 0, 2])


def test_rows_are_drawn_evenly_and_by_their_seed() -> None:
    assert draw_rows(5, 9).sort().values.tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(draw_rows(100, 7, seed=3), draw_rows(100, 20, seed=3)[:7])
    counts = np.bincount(np.concatenate([draw_rows(10, 3, seed) for seed in range(2_000)]))
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_the_rows_of_a_class_and_all_others_part_the_set() -> None:
    for label in (0, 1, 2, 7):
        of_class, others = rows_of_class(LABELS, label), rows_of_class(LABELS, label, but=True)
        assert of_class.tolist() == np.flatnonzero(LABELS.numpy() == label).tolist()
        assert sorted([*of_class.tolist(), *others.tolist()]) == list(range(len(LABELS)))


def test_as_many_labels_of_each_class_are_drawn() -> None:
    rows = draw_labelled(LABELS, 6, seed=0)
    assert LABELS[rows].bincount().tolist() == [2, 2, 2]
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert torch.equal(rows, draw_labelled(LABELS, 6, seed=0))
    assert len({tuple(draw_labelled(LABELS, 6, seed).tolist()) for seed in range(9)}) > 1


def test_labels_that_cannot_be_shared_evenly_are_refused() -> None:
    with pytest.raises(ConfigError, match="a multiple of 3"):
        draw_labelled(LABELS, 5, seed=0)
    with pytest.raises(ConfigError):
        draw_labelled(LABELS, -3, seed=0)
    with pytest.raises(DataError, match="Class 1 has 3 images, not 4"):
        draw_labelled(LABELS, 12, seed=0)
