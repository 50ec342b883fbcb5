"""Which images of a set are labelled, where few are."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.errors import ConfigError, DataError


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
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    rows = []
    for k in classes:
        of_class = order[labels[order] == k][:each]
        if len(of_class) < each:
            raise DataError(f"Class {int(k)} has {len(of_class)} images, not {each}.")
        rows.append(of_class)
    return torch.cat(rows).sort().values
