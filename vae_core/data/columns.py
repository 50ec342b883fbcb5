"""Columns of a table beside images: numbers, or the few texts that they take."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vae_core.data.names import MAX_NAME, MAX_NAMES
from vae_core.data.texts import one_line

MAX_COLUMNS = 100  # of a table: more are not used
MAX_VALUES = 100  # unlike texts of a column: more are no categories
_UNKNOWN = {"", "na", "n/a", "nan", "null"}
_FEW_WORDS, _WORDS_SHARE = 5, 0.1  # among numbers that are texts which say that none is known
_TAKEN = re.compile(
    "class|kl|reconstruction error|index|source|split|label|log_px_given_mu|"
    "(mu|sigma|pc|tsne|umap)_.*"
)
_EXACT = 1 << 24  # whole numbers beyond are rounded by a float32


@dataclass(frozen=True, eq=False)
class Column:
    """What a table says of n images.

    values float32 (n,), NaN where it is not known; names: what they count into, () of numbers;
    rounded: some numbers are too long for a float32; gaps: texts among numbers that are taken for
    not known.
    """

    name: str
    values: NDArray[np.float32]
    names: tuple[str, ...] = ()
    rounded: bool = False
    gaps: tuple[str, ...] = ()


class Unusable(ValueError):
    """Why a column is neither numbers nor categories: a clause that goes after its name."""


def column_of(name: str, values: Sequence[str] | NDArray[np.generic]) -> Column:
    """The column of texts or numbers (n,); empty, "NA" and "NaN" are not known. Unusable if none.

    Where all are numbers they are, and where all but a few such as "unknown", in `gaps`; else each
    text is a category, in the order of `ordered`.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return _numbers(name, values.astype(np.float64))
    texts = [str(value).strip() for value in values]
    known = [text for text in texts if text.casefold() not in _UNKNOWN]
    numbers = {text: number for text in set(known) if (number := _number(text)) is not None}
    words = [text for text in known if text not in numbers]
    gaps = sorted({one_line(word) for word in words})
    if words and (
        len(gaps) > _FEW_WORDS or len(words) > _WORDS_SHARE * len(known) or len(numbers) < 3
    ):
        return _categories(name, texts, known)
    found = [numbers.get(text, np.nan) for text in texts]
    return replace(_numbers(name, np.array(found, np.float64)), gaps=tuple(gaps))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(name: str, values: NDArray[np.float64]) -> Column:
    known = values[~np.isnan(values)]
    if not np.isfinite(known.astype(np.float32)).all():
        raise Unusable("has a number that is infinite or too large")
    if not len(known):
        raise Unusable("is empty")
    short = values.astype(np.float32)
    if len(np.unique(short[~np.isnan(short)])) == 1:
        raise Unusable("is the same for all")
    whole = (known == np.rint(known)) & (np.abs(known) > _EXACT)
    rounded = bool((known[whole].astype(np.float32) != known[whole]).any())
    return Column(name, short, rounded=rounded)


def _categories(name: str, texts: Sequence[str], known: Sequence[str]) -> Column:
    held = set(known)
    if len(held) == 1 and len(known) == len(texts):
        raise Unusable("is the same for all")
    if len(held) > MAX_VALUES:
        raise Unusable(f"has {len(held):,} unlike texts, more than {MAX_VALUES}")
    if max(map(len, held)) > MAX_NAME:
        raise Unusable(f"has texts of more than {MAX_NAME} characters")
    names = sorted({one_line(text) for text in held}, key=ordered)
    place = {text: names.index(one_line(text)) for text in held}
    values = [place.get(text, np.nan) for text in texts]
    return Column(name, np.array(values, np.float32), tuple(names))


def ordered(name: str) -> tuple[list[str | int], str]:
    """By what names are sorted: numbers in them as such, 2 before 10."""
    parts = re.split(r"(\d+)", name)  # what is no number, a number, and so on
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], name


def free_name(name: str, taken: Collection[str], place: int) -> str:
    """What a column is called: a line of 80 characters at most, unlike all others and our own."""
    plain = one_line(name.strip())[: MAX_NAME - 12] or f"column {place + 1}"
    found = f"{plain} (table)" if _TAKEN.fullmatch(plain.casefold()) else plain
    k = 2
    while found in taken:
        found, k = f"{plain} ({k})", k + 1
    return found


def within_limits(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """The first columns whose categories are not too many together; and the names of the others."""
    kept: list[Column] = []
    left_out, names = [], 0
    for column in columns:
        names += len(column.names)
        if len(kept) < MAX_COLUMNS and names <= MAX_NAMES:
            kept.append(column)
        else:
            names -= len(column.names)
            left_out.append(column.name)
    return kept, left_out
