"""Images and labels that a program gives as arrays: NumPy's, tensors, or what becomes an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import DataError

MOST_CLASSES = 256  # a point's is told by a byte
MAX_SIDE = 512


def given_dataset(
    images: Any,
    labels: Any = None,
    name: str = "data",
    *,
    value_range: tuple[float, float] | None = None,
) -> ImageDataset:
    """The images, and the classes that the labels name, as a data set.

    images: (n, c, h, w) or (n, h, w, c) of 1 or 3 channels, or (n, h, w) of grey ones, uint8 or in
    [0, 1], or from black to white as value_range has them. labels: (n,) numbers or names, sorted,
    or None. DataError where they are none of these.
    """
    pixels = torch.from_numpy(_pixels(given_array("images", images), *(value_range or (0, 1))))
    if labels is None:
        return ImageDataset(name, "test", pixels)
    numbers, names = given_classes(labels, len(pixels))
    return ImageDataset(name, "test", pixels, torch.from_numpy(numbers), class_names=names)


def given_classes(labels: Any, n: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels of n images, numbers or names, as classes (n,) int64 and their names, sorted."""
    column = given_array("labels", labels)
    if column.shape != (n,):
        raise DataError(f"labels are {column.shape}, but there are {n} images; give ({n},).")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise DataError("A label is NaN or infinite; give whole numbers or names.")
    if column.dtype == object:
        column = np.array([str(label) for label in column])
    names, numbers = np.unique(column, return_inverse=True)
    if len(names) > MOST_CLASSES:
        raise DataError(f"There are {len(names)} classes; {MOST_CLASSES} at most are shown.")
    return numbers.astype(np.int64), tuple(f"{name}" for name in names.tolist())


def given_array(name: str, given: Any) -> np.ndarray:
    """A tensor or anything that NumPy takes for an array."""
    given = given.detach().cpu() if hasattr(given, "detach") else given
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} are no array: {error}. Give a NumPy array or a tensor.") from error


def _pixels(images: np.ndarray, black: float, white: float) -> np.ndarray:
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim == 4 and images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or not images.size or images.shape[1] not in (1, 3):
        raise DataError(
            f"images are {images.shape}; give (n, c, h, w) of 1 or 3 channels, (n, h, w, c), or "
            "(n, h, w) of grey ones."
        )
    if max(images.shape[2:]) > MAX_SIDE:
        height, width = images.shape[2:]
        raise DataError(f"images are {width} x {height}; {MAX_SIDE} pixels a side at most.")
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind not in ("fb" if (black, white) == (0, 1) else "fbiu"):
        raise DataError(
            f"images are {images.dtype}; give uint8, or floats in [0, 1], or say what black and "
            "white are, value_range=(black, white)."
        )
    if not np.isfinite(images).all():
        raise DataError("images hold NaN or infinity; leave such images out.")
    brightness = (images.astype(np.float32) - black) / (white - black)
    if not -1e-3 <= brightness.min() <= brightness.max() <= 1 + 1e-3:
        raise DataError(
            f"images run from {images.min():.4g} to {images.max():.4g}, not from {black:g} to "
            f"{white:g}; say what black and white are, value_range=(black, white)."
        )
    pixels: np.ndarray = np.rint(brightness.clip(0, 1) * 255).astype(np.uint8)
    return pixels
