"""A user's own images as `write_images` keeps them beside a run: nothing of them is guessed again.

x_train, x_test              uint8 (n, c, h, w)
y_train, y_test              labels (n,), which count into class_names, if there are classes
sources_train, sources_test  uint8 (n, width), see `data.texts`, where they are known
factors_train, factors_test  float32 (n, k), where there was a table beside them
columns                      JSON: its columns' names, and what their values count into
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from vae_core.data.columns import Column
from vae_core.data.image_dataset import SPLITS, ImageDataset
from vae_core.data.names import check_names
from vae_core.data.own.source import CHANNELS
from vae_core.data.texts import MAX_BYTES, MAX_BYTES_IN_ALL, texts_of
from vae_core.errors import DataError
from vae_core.files.arrays import ArrayArchive

WRITTEN = {f"{name}_{split}" for name in ("x", "y", "sources", "factors") for split in SPLITS}
WRITTEN |= {"class_names", "columns"}
MAX_TABLE_BYTES = 512 << 20
_MAX_COLUMNS_BYTES = 4 << 20


def arrays_to_write(train: ImageDataset, test: ImageDataset) -> dict[str, NDArray[np.generic]]:
    """Both splits as arrays by name."""
    arrays: dict[str, NDArray[np.generic]] = {"class_names": np.array(train.class_names, dtype=str)}
    if train.factors is not None:
        values = train.factor_values or [()] * len(train.factor_names)
        told = dict(zip(train.factor_names, values, strict=True))
        arrays["columns"] = np.array(json.dumps(told, ensure_ascii=False))
    for data in (train, test):
        columns = {"x": data.images, "y": data.labels}
        columns |= {"sources": data.sources, "factors": data.factors}
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


def written_columns(archive: ArrayArchive, name: str) -> tuple[Column, ...]:
    """What a table said of each image, those of train first."""
    if "columns" not in archive.entries:
        return ()
    refusal = DataError(f"{name}: its table is not as it was written; give the images again.")
    entries = [archive.entries.get(f"factors_{split}") for split in SPLITS]
    lengths = [archive.entries[f"x_{split}"].shape[0] for split in SPLITS]
    text = archive.read("columns", _MAX_COLUMNS_BYTES)
    try:
        told = json.loads(str(text)) if text.dtype.kind == "U" and not text.shape else None
    except ValueError as error:
        raise refusal from error
    if not isinstance(told, dict) or not all(
        isinstance(names, list) and all(isinstance(each, str) for each in names)
        for names in told.values()
    ):
        raise refusal
    check_names([*told, *(each for names in told.values() for each in names)], name, DataError)
    shapes = [None if e is None or e.dtype != np.float32 else e.shape for e in entries]
    if shapes != [(n, len(told)) for n in lengths]:
        raise refusal
    table = np.concatenate([archive.read(f"factors_{s}", MAX_TABLE_BYTES) for s in SPLITS])
    return tuple(
        Column(title, column, tuple(names))
        for (title, names), column in zip(told.items(), table.T, strict=True)
    )
