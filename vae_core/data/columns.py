"""Columns of a table beside images: numbers, or the few texts that they take."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vae_core.data.names import MAX_NAME, MAX_NAMES
from vae_core.data.texts import one_line

MAX_COLUMNS = 100  # of a table: more are not used
MAX_VALUES = 100  # unlike texts of a column: more are no categories
_UNKNOWN = {"", "na", "n/a", "nan", "nat", "null"}
_FEW_WORDS, _WORDS_SHARE = 5, 0.1  # among numbers that are texts which say that none is known
_NO_NUMBER = {"-", "--", "–", "—", ".", "?", "none", "missing", "unknown", "n.a.", "#n/a", "<na>"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# A currency, a number, a unit.
_WITH_UNIT = re.compile(r"([$€£¥]?) ?([-+]?\d[\d.,'’ ]*) ?((?:[%°$€£¥]|[^\W\d_])[^\d,;]{0,15})?")
_POINT = re.compile(r"[-+]?([1-9]\d{0,2}([,'’ ]\d{3})+|\d+)(\.\d+)?")  # 1,234.5
_COMMA = re.compile(r"[-+]?([1-9]\d{0,2}([.'’ ]\d{3})+|\d+)(,\d+)?")  # 1.234,5
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
    not known; read: a number that is not written as programs do, and as what it is read.
    """

    name: str
    values: NDArray[np.float32]
    names: tuple[str, ...] = ()
    rounded: bool = False
    gaps: tuple[str, ...] = ()
    read: str = ""


class Unusable(ValueError):
    """Why a column is neither numbers nor categories: a clause that goes after its name."""


def column_of(name: str, values: Sequence[str] | NDArray[np.generic]) -> Column:
    """The column of texts or numbers (n,); empty, "NA" and "NaN" are not known. Unusable if none.

    Where all are numbers they are, as people write them too ("1,234", "12,5", "79 years"), days as
    decimal years ("2024-07-01"), and where all but a few such as "unknown", in `gaps`; else each
    text is a category, in the order of `ordered`.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return _numbers(name, values.astype(np.float64))
    texts = [" ".join(str(value).split()) for value in values]
    known = [text for text in texts if text.casefold() not in _UNKNOWN]
    numbers = _written(set(known))
    words = [text for text in known if text not in numbers]
    gaps = sorted({one_line(word) for word in words})
    few = len(gaps) <= _FEW_WORDS and len(words) <= _WORDS_SHARE * len(known)
    if words and (
        len(numbers) < 3 or not (few or all(word.casefold() in _NO_NUMBER for word in words))
    ):
        return _categories(name, texts, known)
    found = np.array([numbers.get(text, np.nan) for text in texts], np.float64)
    odd = next((text for text in known if text in numbers and _number(text) is None), None)
    read = "" if odd is None else f"“{one_line(odd)}” as {numbers[odd]:.10g}"
    return replace(_numbers(name, found), gaps=tuple(gaps), read=read)


def _written(texts: set[str]) -> dict[str, float]:
    """Those of the texts that are numbers: as programs write them, or all in one other way."""
    plain = {text: number for text in texts if (number := _number(text)) is not None}
    if texts and not plain and (dates := _years(texts)):
        return dates
    parts = {t: found.groups() for t in texts - plain.keys() if (found := _WITH_UNIT.fullmatch(t))}
    if len({(before, after) for before, _, after in parts.values()}) != 1:
        return plain
    digits = {text: number.strip() for text, (_, number, _) in parts.items()}
    for pattern, mark in ((_POINT, "."), (_COMMA, ",")):
        if all(map(pattern.fullmatch, digits.values())):
            return plain | {text: _bare(number, mark) for text, number in digits.items()}
    return plain


def _years(texts: set[str]) -> dict[str, float]:
    """Those that are days, with or without a time, as decimal years; {} where few are."""
    days = [text for text in texts if _DAY.match(text)]
    if 2 * len(days) < len(texts):
        return {}
    years: dict[str, float] = {}
    for text in days:
        with suppress(ValueError):  # the 30th of February, or what goes on otherwise
            when = datetime.fromisoformat(text).replace(tzinfo=None)
            first, end = (datetime(when.year + k, 1, 1) for k in (0, 1))
            years[text] = when.year + (when - first) / (end - first)
    return years


def _bare(number: str, mark: str) -> float:
    return float(
        "".join("." if c == mark else c for c in number if c in f"+-{mark}" or c.isdigit())
    )


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
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
