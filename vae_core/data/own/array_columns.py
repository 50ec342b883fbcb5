"""Arrays of a .npz that stand beside its images: which part they are of, and what they say."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vae_core.data.columns import MAX_COLUMNS, Column
from vae_core.data.own.tables import columns_of
from vae_core.files.arrays import ArrayArchive

MAX_LABEL_BYTES = 64 << 20
_PART = re.compile(
    r"(?P<before>[xy]?)"
    r"(?:(?P<part>train|test)(?:ing)?(?P<rest>.*)"
    r"|(?:val|valid|validation|eval|evaluation)(?P<after>[xy]?))"
)


def part_of(key: str) -> tuple[str, str]:
    """The part that an array's name speaks of, and the rest: `y_train`, `testLabels`, `xval`."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", key)]
    for k, word in enumerate(words):
        if found := _PART.fullmatch(word):
            rest = (*words[:k], found["before"], found["rest"] or found["after"], *words[k + 1 :])
            part = found["part"] or "validation"
            return part, "_".join(filter(None, rest))
    return "", key.lower().strip("_- ")


def further_columns(
    archive: ArrayArchive,
    name: str,
    parts: Mapping[str, NDArray[np.generic]],
    used: Collection[str | None],
) -> tuple[tuple[Column, ...], list[str], set[str]]:
    """What further arrays say of each image, what is to be said, and which arrays those are.

    parts: the images by the part that they are; used: arrays that say something else.
    """
    by_name: dict[str, dict[str, str]] = {}
    for key, entry in archive.entries.items():
        part, rest = part_of(key)
        fits = part in parts and entry.shape[:1] == (len(parts[part]),) and len(entry.shape) < 3
        narrow = len(entry.shape) < 2 or entry.shape[1] <= MAX_COLUMNS
        if key not in used and fits and narrow and entry.dtype.kind in "biufU":
            by_name.setdefault(rest if part else key, {})[part] = key
    found: dict[str, Sequence[str] | NDArray[np.generic]] = {}
    held: set[str] = set()
    for title, keys in by_name.items():
        if keys.keys() == parts.keys():
            some = [archive.read(keys[part], MAX_LABEL_BYTES) for part in parts]
            if len({each.shape[1:] for each in some}) == 1:
                whole = np.concatenate(some)
                wide = whole.ndim == 2 and whole.shape[1] > 1
                found |= {
                    f"{title} {k + 1}" if wide else title: column
                    for k, column in enumerate(whole.reshape(len(whole), -1).T)
                }
                held |= set(keys.values())
    columns, notes = columns_of(name, found)
    return columns, notes, held
