"""Images with what is known of them, and the splits that they come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from reprlib import repr as shown
from typing import Any

import torch
from torch import Tensor

from vae_core.data.texts import joined_rows
from vae_core.errors import DataError

SPLITS = ("train", "test")
_COLUMNS = ("images", "labels", "factors", "sources")


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """The images of one split, checked for consistency when made.

    images        uint8 (n, c, h, w), n >= 1
    labels        int64 (n,), each an index into `class_names`; or None
    factors       float32 (n, k), what is known of each image: the factors that made it, the columns
                  of a table; NaN where one is not known; or None
    class_names   one name a class
    factor_names  one name a column of `factors`
    factor_values of each column of `factors` the names that it counts into, () of numbers; or ()
    sources       uint8 (n, width), the file or row that each image came from, see `data.texts`

    `load_dataset` hands the same object to all who ask: treat the tensors as read-only.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    class_names: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()
    sources: Tensor | None = None
    factor_values: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        self._require(
            isinstance(self.images, Tensor),
            f"images must be a torch tensor, got {type(self.images).__name__}; "
            "torch.from_numpy makes one of an array",
        )
        self._require(
            self.images.dtype == torch.uint8 and self.images.ndim == 4 and self.images.numel() > 0,
            f"images must be uint8 (n, c, h, w) and not empty, got {_kind(self.images)}",
        )
        n = len(self.images)
        if self.labels is not None:
            self._require(
                self.labels.dtype == torch.int64 and self.labels.shape == (n,),
                f"labels must be int64 ({n},) for {n} images, got {_kind(self.labels)}",
            )
            low, high = int(self.labels.min()), int(self.labels.max())
            self._require(
                low >= 0 and high < len(self.class_names),
                f"labels run from {low} to {high}, but class names are {len(self.class_names)}",
            )
        if self.factors is not None:
            k = len(self.factor_names)
            self._require(
                self.factors.dtype == torch.float32 and self.factors.shape == (n, k),
                f"factors must be float32 ({n}, {k}) for {n} images and {k} factor names, "
                f"got {_kind(self.factors)}",
            )
            self._require(
                len(self.factor_values) in (0, k),
                f"factor_values are of {len(self.factor_values)} columns, not of {k}",
            )
        if self.sources is not None:
            self._require(
                self.sources.dtype == torch.uint8
                and self.sources.ndim == 2
                and len(self.sources) == n,
                f"sources must be uint8 ({n}, width) for {n} images, got {_kind(self.sources)}",
            )

    def _require(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise DataError(f"Data set {self.name!r} ({self.split}): {complaint}.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def floats(self, indices: Tensor | slice | None = None) -> Tensor:
        """Images as float32 (n, c, h, w) in [0, 1], all of them or those at `indices`."""
        images = self.images if indices is None else self.images[indices]
        return images.to(torch.float32).div_(255)

    def label_of(self, name: str) -> int:
        """The label of the class of that name; DataError where there is none."""
        self._require(bool(self.class_names), "it has no classes, so that none can be left out")
        known = ", ".join(self.class_names[:20])
        more = f" and {len(self.class_names) - 20} more" if len(self.class_names) > 20 else ""
        self._require(
            name in self.class_names,
            f"no class is named {shown(name)}, to be left out; the classes are {known}{more}",
        )
        return self.class_names.index(name)

    def without(self, label: int) -> ImageDataset:
        """All images but those of one class; DataError where there is no other or no such class."""
        self._require(self.labels is not None, "it has no classes, so that none can be left out")
        self._require(
            0 <= label < len(self.class_names),
            f"class {label} cannot be left out of {len(self.class_names)} classes, from 0 on",
        )
        assert self.labels is not None
        rows = torch.nonzero(self.labels != label).flatten()
        self._require(len(rows) > 0, "it has no other class than the one left out")
        return replace(self, **{name: column[rows] for name, column in self._columns().items()})

    def joined(self, other: ImageDataset) -> ImageDataset:
        """These images, then those of `other`, its other split; the split is "all" then."""
        columns: dict[str, Any] = {
            name: joined_rows(column, getattr(other, name))
            for name, column in self._columns().items()
        }
        return replace(self, split="all", **columns)

    def _columns(self) -> dict[str, Any]:
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return {name: column for name, column in columns.items() if column is not None}


def check_is_dataset(given: object, name: str) -> None:
    """DataError where what is given as `name` is no ImageDataset: an array, a tensor."""
    if not isinstance(given, ImageDataset):
        raise DataError(
            f"{name} is of type {type(given).__name__}, not an ImageDataset; make one of images "
            '(n, c, h, w) in uint8 with ImageDataset("name", "test", tensor), or read files with '
            "read_images."
        )


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
