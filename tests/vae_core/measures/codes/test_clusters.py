"""Clusters that are there are found, and agree with the classes as scikit-learn has it."""

import numpy as np
import pytest
import torch
from scipy.special import comb
from torch import Tensor

from vae_core.errors import ConfigError, DataError
from vae_core.measures.codes.clusters import (
    METHODS,
    agreement,
    cluster_means,
    gaussian_mixture,
    k_means,
    numbered,
)

CLUSTERS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])
CLASSES = torch.tensor([1, 1, 0, 0, 0, 1, 1, 1, 0])


def heaps(n: int = 300) -> tuple[Tensor, Tensor]:
    """Three heaps far apart in the plane, and which of them each point is of."""
    generator = torch.Generator().manual_seed(0)
    heap = torch.arange(n) % 3
    centres = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    return centres[heap] + torch.randn(n, 2, generator=generator), heap


@pytest.mark.parametrize("method", METHODS)
def test_heaps_that_lie_apart_are_the_clusters(method: str) -> None:
    codes, heap = heaps()
    found = agreement(METHODS[method](codes, 3), heap)
    assert (found.adjusted_rand, found.purity) == (1, 1)
    assert found.adjusted_information == pytest.approx(1)
    assert found.normalised_information == pytest.approx(1)


def test_a_mixture_finds_a_narrow_heap_within_a_wide_one() -> None:
    generator = torch.Generator().manual_seed(0)
    wide = torch.arange(600) % 2
    codes = torch.randn(600, 2, generator=generator) * (0.1 + 5 * wide[:, None])
    assert agreement(gaussian_mixture(codes, 2), wide).adjusted_rand > 0.9
    assert agreement(k_means(codes, 2), wide).adjusted_rand < 0.5


def test_the_adjusted_rand_index_counts_pairs() -> None:
    # Hubert & Arabie (1985, eq. 5), of the contingency table of CLASSES and CLUSTERS.
    table = np.array([[1, 2, 1], [2, 0, 3]])
    both, rows, columns = (comb(t, 2).sum() for t in (table, table.sum(1), table.sum(0)))
    chance = rows * columns / comb(9, 2)
    expected = (both - chance) / ((rows + columns) / 2 - chance)
    found = agreement(CLUSTERS, CLASSES)
    assert found.adjusted_rand == pytest.approx(expected)
    assert found.purity == pytest.approx((2 + 2 + 3) / 9)


def test_clusters_by_chance_agree_by_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    clusters, labels = torch.randint(5, (2, 4_000), generator=generator)
    found = agreement(clusters, labels)
    assert abs(found.adjusted_rand) < 0.005 and abs(found.adjusted_information) < 0.005


def test_clusters_are_numbered_as_the_classes_they_share_most_with() -> None:
    # Cluster 2 holds most of class 1, cluster 1 most of class 0; cluster 0 is left.
    assert numbered(CLUSTERS, CLASSES).tolist() == [2, 2, 2, 0, 0, 1, 1, 1, 1]
    assert numbered(CLUSTERS, None).tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 0]
    fewer = numbered(torch.tensor([0, 0, 1, 1]), torch.tensor([3, 3, 0, 1]))
    assert sorted(set(fewer.tolist())) == [0, 1] and fewer[2] == 0


def test_the_means_are_those_of_each_cluster() -> None:
    images = torch.arange(9.0).reshape(9, 1, 1, 1).expand(9, 1, 2, 2)
    means = cluster_means(images, CLUSTERS)
    assert means.shape == (3, 1, 2, 2)
    assert means[:, 0, 0, 0].tolist() == [1, 3.5, 6.5]


@pytest.mark.parametrize("method", METHODS)
def test_more_clusters_than_different_codes_are_refused(method: str) -> None:
    codes = torch.tensor([[0.0], [1.0]]).repeat(20, 1)
    assert METHODS[method](codes, 2).unique().tolist() == [0, 1]
    with pytest.raises(ConfigError, match="2 different codes"):
        METHODS[method](codes, 3)


@pytest.mark.parametrize("method", METHODS)
def test_constant_images_are_spoken_of_and_not_a_number_that_nobody_chose(method: str) -> None:
    with pytest.raises(ConfigError, match="All images have the same code"):
        METHODS[method](torch.zeros(40, 2), 10)


def test_clusters_and_classes_of_other_images_are_refused() -> None:
    with pytest.raises(DataError, match=r"clusters are \(9,\) and labels \(8,\)"):
        agreement(CLUSTERS, CLASSES[:8])
