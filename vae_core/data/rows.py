"""Which images of a set: some by a draw, those of a class, those labelled where few are."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.errors import ConfigError, DataError


def draw_rows(n: int, most: int, seed: int = 0) -> Tensor:
    """`most` of the rows 0 to n - 1, all where there are no more, in an order drawn by `seed`.

    (min(n, most),) int64; fewer of the same seed are the first of more.
    """
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:most]


def rows_of_class(labels: Tensor, label: int, *, but: bool = False) -> Tensor:
    """The rows of labels (n,) that are of a class, or all but these, rising, int64."""
    return ((labels == label) != but).nonzero().flatten()


def draw_labelled(labels: Tensor, n: int, seed: int) -> Tensor:
    """Rows (n,) of the images whose labels are told, as many of each class, rising.

    labels (images,) int64. ConfigError when n is no multiple of the number of classes, DataError
    when a class has too few images.
    """
    classes = labels.unique()
    each, rest = divmod(n, len(classes))
    if each < 1 or rest:
        raise ConfigError(
            f"{n} labels cannot be as many of each of {len(classes)} classes; give a multiple of "
            f"{len(classes)}."
        )
    order = draw_rows(len(labels), len(labels), seed)
    rows = []
    for k in classes:
        of_class = order[labels[order] == k][:each]
        if len(of_class) < each:
            raise DataError(f"Class {int(k)} has {len(of_class)} images, not {each}.")
        rows.append(of_class)
    return torch.cat(rows).sort().values
