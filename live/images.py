"""The images behind a model's stored latents: from the data set where it is at hand.

Images that a visitor brought are shown to that visitor, and to others where the visitor said so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from live.models import OpenModel, here_name, run_token
from vae_core.data.names import is_own
from vae_core.errors import DataError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.data.image_dataset import ImageDataset

TRAINING = 1 << 31  # from here on rows count the training images, and not the stored latents
_lock = threading.Lock()


def shown_to(opened: OpenModel, visitor: Callable[[], str], *, alone: bool) -> OpenModel:
    """The model with the images that its visitor brought, where `visitor` may see them.

    Who may not is not told their files' names, either.

    visitor: gives whose it would be, as runs are marked, empty where it is not known; asked of
    such images alone. alone: see `live.visitors`.
    """
    if not _brought(opened):
        return opened
    run = Run(opened.path.parent)
    mine = alone or run.images_shown or ((name := visitor()) and run.owner == name)
    return opened.with_own_images if mine else opened.without_sources


def _brought(opened: OpenModel) -> bool:
    """Whether a visitor brought the images that the model learned."""
    return bool(run_token(opened.id)) and is_own(str(opened.config.get("dataset")))


def stored_images(opened: OpenModel, rows: list[int]) -> Tensor | None:
    """The test images (n, c, h, w) uint8 at `rows` of the stored latents, None where not at hand.

    Rows from TRAINING on are training images. None, too, for rows that there are not. The first
    call for a data set reads it from disk, which may take seconds.
    """
    import torch

    if opened.latents is None:
        return None
    with _lock:
        dataset = test_dataset(opened)
        learned = training_dataset(opened) if max(rows, default=0) >= TRAINING else dataset
    if dataset is None or learned is None:
        return None
    wanted = torch.tensor(rows, dtype=torch.int64)
    trained = wanted >= TRAINING
    if bool((wanted[trained] - TRAINING >= len(learned)).any()):
        return None
    images = torch.empty(len(rows), *dataset.image_shape, dtype=torch.uint8)
    images[~trained] = dataset.images[opened.latents.indices[wanted[~trained]]]
    images[trained] = learned.images[wanted[trained] - TRAINING]
    return images


def training_dataset(opened: OpenModel) -> ImageDataset | None:
    """The images that the model learned from, as `test_dataset` has those of the test."""
    return _dataset(opened, "train")


def test_dataset(opened: OpenModel) -> ImageDataset | None:
    """The test set as the model was evaluated on it, from memory or disk; None if not at hand.

    None, too, where it is not to be shown: see `shown_to`.
    """
    found = _dataset(opened, "test")
    if found is None or opened.latents is None:
        return found
    # else these are of other images
    return found if int(opened.latents.indices.max()) < len(found) else None


def _dataset(opened: OpenModel, split: str) -> ImageDataset | None:
    from vae_core.runs.data import run_dataset

    if here_name(opened.id):  # whatever it is called, no data set of that name
        return opened.dataset if split == "test" else None
    if _brought(opened) and not opened.own_images:
        return None
    try:
        found = run_dataset(opened.path.parent, opened.config.get("dataset") or "", split)
    except DataError:
        return None  # a checkpoint alone is enough: the decoder's own images stand in
    if found.image_shape != opened.model.image_shape:
        return None
    return seen_by(opened, found)


def seen_by(opened: OpenModel, dataset: ImageDataset) -> ImageDataset:
    """The images as the model learned to see them: drawn to 0 and 1 where it learned such."""
    return _binarised(dataset) if learned_binary(opened) else dataset


def learned_binary(opened: OpenModel) -> bool:
    """Whether the model was trained on pixels drawn to 0 and 1."""
    from vae_core.checkpoints.reading import learned_binarisation

    return learned_binarisation(opened.config) != "none"


@lru_cache(maxsize=8)
def _binarised(dataset: ImageDataset) -> ImageDataset:
    from vae_core.data.binarisation import binarised

    return binarised(dataset)
