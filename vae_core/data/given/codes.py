"""Codes that come without their model, with the images and columns that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.data.columns import Column, Unusable, column_of, free_name, within_limits
from vae_core.data.given.arrays import MOST_CLASSES, given_array, given_classes, given_dataset
from vae_core.errors import DataError

MAX_LATENT_DIM = 16_384
MAX_CODE_BYTES = 1 << 30
LABEL_NAMES = ("label", "labels", "class", "classes", "target", "targets", "y")


@dataclass(frozen=True, eq=False)
class Codes:
    """n codes and what is known of each.

    mu (n, d) float32; logvar (n, d) float32, or None of codes that are points; images (n, c, h, w)
    uint8 or None; labels (n,) int64, each an index into class_names, or None; factors (n, k)
    float32, factor_names and factor_values, sources: as `ImageDataset` has them. left_out: columns
    that are neither numbers nor categories, and why; vectors: which columns of a file they were.
    """

    mu: Tensor
    logvar: Tensor | None = None
    images: Tensor | None = None
    labels: Tensor | None = None
    class_names: tuple[str, ...] = ()
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    factor_values: tuple[tuple[str, ...], ...] = ()
    sources: Tensor | None = None
    left_out: tuple[str, ...] = ()
    vectors: str = ""


def given_codes(
    codes: Any,
    images: Any = None,
    labels: Any = None,
    table: Any = None,
    logvar: Any = None,
    value_range: tuple[float, float] | None = None,
) -> Codes:
    """Codes (n, d) with images, labels and a table of n rows; DataError where they do not fit.

    A tuple of two such arrays is mu and logvar, as an encoder gives them.
    images, labels, value_range: see `given_dataset`; table: a data frame, or a mapping of columns
    by name.
    """
    if isinstance(codes, tuple) and len(codes) == 2 and np.ndim(codes[0]) > 1 and logvar is None:
        codes, logvar = codes
    mu = _matrix("codes", codes)
    n = len(mu)
    found = Codes(mu)
    if logvar is not None:
        found = replace(found, logvar=_matrix("logvar", logvar))
        if found.logvar is not None and found.logvar.shape != mu.shape:
            raise DataError(f"logvar is {tuple(found.logvar.shape)}, but codes {tuple(mu.shape)}.")
    if images is not None:
        pixels = given_dataset(images, value_range=value_range).images
        if len(pixels) != n:
            raise DataError(f"There are {len(pixels):,} images and {n:,} codes; give one each.")
        found = replace(found, images=pixels)
    if labels is not None:
        numbers, names = given_classes(labels, n)
        found = replace(found, labels=torch.from_numpy(numbers), class_names=names)
    return found if table is None else with_columns(found, given_columns(table, n))


def given_columns(table: Any, n: int) -> dict[str, np.ndarray]:
    """The columns (n,) of a data frame or a mapping; DataError where it has other rows than n."""
    if not isinstance(table, Mapping) and not hasattr(table, "columns"):
        raise DataError(
            f"table is of type {type(table).__name__}; give a data frame or a dict of columns."
        )
    names = list(table.keys()) if isinstance(table, Mapping) else list(table.columns)
    if len(set(names)) < len(names):  # of a data frame, each by its place
        given = [table.iloc[:, k] for k in range(len(names))]
    else:
        given = [table[name] for name in names]
    columns: dict[str, np.ndarray] = {}
    for name, column in zip(names, given, strict=True):
        plain, k = str(name), 2
        while plain in columns:
            plain, k = f"{name} ({k})", k + 1
        columns[plain] = given_array(f"column {name}", column)
    for name, column in columns.items():
        if column.shape[:1] != (n,):
            raise DataError(f"The table's column {name[:40]!r} is {column.shape}; {n:,} rows come.")
    return columns


def with_columns(codes: Codes, columns: Mapping[str, np.ndarray]) -> Codes:
    """With the columns as factors; one that is named so, or the first of few texts, as labels."""
    columns = dict(columns)
    known: list[Column] = []
    left_out = list(codes.left_out)
    if codes.labels is None and (name := _label_column(columns)) is not None:
        numbers, class_names = given_classes(columns.pop(name), len(codes.mu))
        codes = replace(codes, labels=torch.from_numpy(numbers), class_names=class_names)
    for place, (name, values) in enumerate(columns.items()):
        try:
            if values.ndim != 1:
                raise Unusable("has more than a value a row")
            whole = values.astype(np.uint8) if values.dtype.kind == "b" else values
            taken = {column.name for column in known}
            known.append(column_of(free_name(name, taken, place), whole))
            left_out += [f"“{gap[:40]}” in {known[-1].name}" for gap in known[-1].gaps]
        except Unusable as why:
            left_out.append(f"{name[:40]} {why}")
    known, many = within_limits(known)
    if known:
        codes = replace(
            codes,
            factors=torch.from_numpy(np.stack([column.values for column in known], 1)),
            factor_names=tuple(column.name for column in known),
            factor_values=tuple(column.names for column in known),
        )
    return replace(codes, left_out=(*left_out, *many))


def _label_column(columns: Mapping[str, np.ndarray]) -> str | None:
    """The column that tells classes, if one does: by its name, else the first of few texts."""
    flat = {name: column for name, column in columns.items() if column.ndim == 1}
    named = [name for name in flat if name.lower() in LABEL_NAMES]
    texts = [name for name, column in flat.items() if column.dtype.kind in "OUST"]
    for name in (*named, *texts):
        column = flat[name]
        whole = column.dtype.kind != "f" or bool(np.isfinite(column).all())
        unlike = len({str(value) for value in column})
        repeated = name in named or 2 * unlike <= len(column)  # unlike names of files
        if whole and repeated and 1 < unlike <= MOST_CLASSES:
            return name
    return None


def _matrix(name: str, given: Any) -> Tensor:
    array = given_array(name, given)
    if array.ndim > 2:  # as a diffusion model's, (n, 4, h, w)
        array = array.reshape(len(array), -1)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "fiub":
        raise DataError(f"{name} are {array.dtype} {array.shape}; give numbers of (n, d).")
    if array.shape[1] > MAX_LATENT_DIM:
        raise DataError(f"{name} have {array.shape[1]:,} dimensions; {MAX_LATENT_DIM:,} at most.")
    if 4 * array.size > MAX_CODE_BYTES:
        raise DataError(
            f"{name} of {array.shape[0]:,} x {array.shape[1]:,} numbers take "
            f"{4 * array.size:,} bytes; {MAX_CODE_BYTES:,} are taken at most."
        )
    with np.errstate(over="ignore"):  # told below
        array = np.asarray(array, np.float32)
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(1))[0])
        raise DataError(f"{name} hold NaN or infinity, first in row {row}; leave such rows out.")
    return torch.from_numpy(np.array(array, order="C"))
