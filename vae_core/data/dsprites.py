"""dSprites: 737,280 images, 64x64, of three shapes drawn from five factors (Matthey et al. 2017).

All combinations of the factors, in the order of their names below, the last running fastest, so
that an image's number says its factors. Two parts of the whole serve here:

    grid   every 4th orientation and every 2nd position: 46,080 images, all combinations of those
    rest   20,000 of the others, drawn at random

They are read from the published archive, or from two small ones that hold just these. Only what is
wanted is ever in memory, 189 MB for the grid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError
from vae_core.files.arrays import ArrayArchive, open_arrays

FACTORS = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
SIZES = (3, 6, 40, 32, 32)
SIDE = 64
N = 737_280
REST = 20_000

PUBLISHED = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
GRID = "dsprites/dsprites_downsampled.npz"
SUBSET = "dsprites/dsprites_subset.npz"
HOME = "https://github.com/google-deepmind/dsprites-dataset"

_AT_ONCE = 1_000  # images, 4 MB

Indices = NDArray[np.int64]


def in_grid(indices: Indices) -> NDArray[np.bool_]:
    """Which images, by their numbers (n,), belong to the grid."""
    _, _, orientation, x, y = np.unravel_index(indices, SIZES)
    return np.asarray((orientation % 4 == 0) & (x % 2 == 0) & (y % 2 == 0))


def factors(indices: Indices) -> NDArray[np.float32]:
    """The factors (n, 5) of images by their numbers (n,).

    shape 0, 1 or 2, an index into `SHAPES`; scale 0.5 to 1; orientation 0 to 2 pi radians, both
    included; x and y 0 to 1, rightwards and downwards.
    """
    shape, scale, orientation, x, y = np.unravel_index(indices, SIZES)
    values = [shape, 0.5 + scale / 10, orientation * 2 * np.pi / 39, x / 31, y / 31]
    return np.stack(values, axis=1).astype(np.float32)


def read(split: str, root: Path) -> tuple[NDArray[np.uint8], Indices]:
    """Images (n, 1, 64, 64), 0 and 255, with their numbers (n,): "train" the grid, "test" the rest.

    DataError when an archive is broken or is not dSprites.
    """
    if split == "train":
        small, wanted = root / GRID, in_grid
    else:
        small, wanted = root / SUBSET, _not_in_grid
    path = small if small.is_file() else root / PUBLISHED
    with open_arrays(path, path.name) as archive:
        _check(archive, path.name)
        indices = _indices(archive, path.name)
        rows = np.flatnonzero(wanted(indices))
        if split == "test" and len(rows) > REST:
            rows = np.sort(np.random.default_rng(0).choice(rows, REST, replace=False))
        return _images(archive, rows), indices[rows]


def _not_in_grid(indices: Indices) -> NDArray[np.bool_]:
    return ~in_grid(indices)


def _check(archive: ArrayArchive, name: str) -> None:
    images = archive.entries.get("imgs")
    if images is None or images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        raise DataError(f"{name} is not dSprites: it holds no uint8 images imgs (n, 64, 64).")


def _indices(archive: ArrayArchive, name: str) -> Indices:
    """The numbers of the archive's images: all of them, or as it says itself."""
    n = archive.entries["imgs"].shape[0]
    if n == N:
        return np.arange(N)
    if "original_dataset_indices" not in archive.entries:
        raise DataError(f"{name} has {n:,} images of dSprites, but does not say which.")
    indices: NDArray[Any] = archive.read("original_dataset_indices", 8 * N)
    if indices.shape != (n,) or indices.dtype.kind not in "iu":
        raise DataError(f"{name}: original_dataset_indices are no {n:,} whole numbers.")
    if n == 0 or indices.min() < 0 or indices.max() >= N:
        raise DataError(f"{name}: original_dataset_indices are not within 0 and {N - 1:,}.")
    return indices.astype(np.int64)


def _images(archive: ArrayArchive, rows: Indices) -> NDArray[np.uint8]:
    images = np.empty((len(rows), 1, SIDE, SIDE), np.uint8)
    start = taken = 0
    for block in archive.rows("imgs", _AT_ONCE):
        here = rows[taken : np.searchsorted(rows, start + len(block))] - start
        np.multiply(block[here], 255, out=images[taken : taken + len(here), 0])
        start, taken = start + len(block), taken + len(here)
    return images
