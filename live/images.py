"""The images behind a model's stored latents: from the data set where it is at hand."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from live.models import OpenModel
from vae_core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

_lock = threading.Lock()


def stored_images(opened: OpenModel, rows: list[int]) -> Tensor | None:
    """The test images (n, c, h, w) uint8 at `rows` of the stored latents, None where not at hand.

    The first call for a data set reads it from disk, which may take seconds.
    """
    if opened.latents is None:
        return None
    with _lock:
        images = _test_images(opened.config.get("dataset"), tuple(opened.model.image_shape))
    return None if images is None else images[opened.latents.indices[rows]]


@lru_cache(maxsize=4)
def _test_images(dataset: str | None, image_shape: tuple[int, ...]) -> Tensor | None:
    from vae_core.datasets import load_dataset

    try:
        found = load_dataset(dataset or "", "test")
    except DataError:
        return None  # a checkpoint alone is enough: the decoder's own images stand in
    return found.images if tuple(found.image_shape) == image_shape else None
