"""A user's own images as `write_images` keeps them beside a run: nothing of them is guessed again.

x_train, x_test              uint8 (n, c, h, w)
y_train, y_test              labels (n,), which count into class_names, if there are classes
sources_train, sources_test  uint8 (n, width), see `data.texts`, where they are known
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from vae_core.data.image_dataset import SPLITS, ImageDataset
from vae_core.data.own.source import CHANNELS
from vae_core.data.texts import MAX_BYTES, MAX_BYTES_IN_ALL, texts_of
from vae_core.errors import DataError
from vae_core.files.arrays import ArrayArchive

WRITTEN = {f"{name}_{split}" for name in ("x", "y", "sources") for split in SPLITS}


def arrays_to_write(train: ImageDataset, test: ImageDataset) -> dict[str, NDArray[np.generic]]:
    """Both splits as arrays by name."""
    arrays: dict[str, NDArray[np.generic]] = {"class_names": np.array(train.class_names, dtype=str)}
    for data in (train, test):
        columns = {"x": data.images, "y": data.labels, "sources": data.sources}
        arrays |= {f"{k}_{data.split}": v.numpy() for k, v in columns.items() if v is not None}
    return arrays


def is_written(archive: ArrayArchive, keys: Mapping[str, str]) -> bool:
    """Whether `write_images` made it: (n, c, h, w), as bytes, beside the names of the classes."""
    images = [archive.entries[key] for key in keys.values()]
    return (
        keys == {"train": "x_train", "test": "x_test"}
        and "class_names" in archive.entries
        and all(each.dtype == np.uint8 and len(each.shape) == 4 for each in images)
        and all(each.shape[1] in CHANNELS for each in images)
    )


def written_origins(archive: ArrayArchive, name: str) -> list[str] | None:
    """Where each image came from, those of train first; None where it is not told."""
    found: list[str] = []
    for split in SPLITS:
        key, n = f"sources_{split}", archive.entries[f"x_{split}"].shape[0]
        if key not in archive.entries:
            return None
        entry = archive.entries[key]
        width = entry.shape[-1] if entry.shape else 0
        if entry.dtype != np.uint8 or entry.shape != (n, width) or not 0 < width <= MAX_BYTES:
            raise DataError(
                f"{name}: {key} is {entry.dtype} {entry.shape}; uint8 ({n}, width) is expected."
            )
        found += texts_of(torch.from_numpy(archive.read(key, MAX_BYTES_IN_ALL)))
    return found
