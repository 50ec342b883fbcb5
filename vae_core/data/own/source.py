"""Images of the user's own that are not decoded yet: what their readers give."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vae_core.data.columns import Column, ordered
from vae_core.data.names import MAX_NAMES, check_names
from vae_core.data.own.values import ALL_BYTES, AS_BYTES, Reading, Values
from vae_core.data.texts import one_line
from vae_core.errors import DataError

CHANNELS = (1, 3)
LABEL_NAMES = ("y", "label", "labels", "target", "targets", "class", "classes", "arr_1")
MAX_BYTES = 1 << 30  # of all images together, and of any array that is read

_PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_PARTS |= dict.fromkeys(("val", "valid", "validation", "eval", "evaluation"), "validation")

Size = tuple[int, int]


@dataclass(frozen=True)
class ImageSource:
    """n images: what is known of them at once, and how each is had.

    sizes        (height, width) of each, as it stands in its file
    in_colour    whether the channels of any of them differ
    image        `image(index, at_least)`, in mode L or RGB; both sides may come out smaller than in
                 its file, but none below `at_least` pixels
    origins      the file of each, or its place in an array; None where nobody knows
    splits       "train" or "test" for each; None where nobody has said
    labels       int64 (n,), each an index into `class_names`; or None
    values       the range of their values, and `reading`, which of them are black and white
    stored_in_colour, stacks: whether the files have three channels, how many hold several images
    films        the file of each, where any holds several: frames of one film are much alike
    encodings, axes: in what the names in an archive may be written, and what the axes of an array
                 may be, the likeliest first; () where that is clear
    columns      what a table beside them says of each
    notes        sentences on what was left out of them, changed or guessed
    """

    name: str
    sizes: Sequence[Size]
    in_colour: bool
    image: Callable[[int, int], Image.Image]
    origins: Sequence[str] | None = None
    splits: Sequence[str] | None = None
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    values: Values = ALL_BYTES
    reading: Reading = AS_BYTES
    stored_in_colour: bool = False
    stacks: int = 0
    films: Sequence[str] | None = None
    encodings: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    columns: Sequence[Column] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sizes)


def labelled(name: str, classes: NDArray[np.generic]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels (n,) and the names they index, in order, from the class of each image (n,).

    Numbers in names are ordered as such: 2 before 10. Accents may be written in either of the two
    ways that Unicode has for them.
    """
    held, which = np.unique(classes, return_inverse=True)
    if len(held) > MAX_NAMES:
        raise DataError(f"{name} has {len(held):,} classes; {MAX_NAMES:,} are read at most.")
    full = [unicodedata.normalize("NFC", str(each)) for each in held]
    check_names(full, name, DataError)
    shown = {each: printable(each) for each in full}
    if len(set(shown.values())) < len(shown):
        alike = next(each for each in shown.values() if list(shown.values()).count(each) > 1)
        raise DataError(f"{name} has two classes that both read {alike}; rename one of them.")
    numbers = all(re.fullmatch(r"-?\d+([.,]\d+)?", each) for each in shown.values())
    order = sorted(shown.values(), key=_by_value if numbers else ordered)
    labels = np.array([order.index(shown[each]) for each in full], np.int64)[which]
    return labels, tuple(order)


def _by_value(name: str) -> tuple[float, str]:
    return float(name.replace(",", ".")), name


def parted(parts: Sequence[str]) -> list[str] | None:
    """ "train" or "test" for each of images in parts of these names; None where they are no such.

    What is for validation counts as training where there is a test, else it is the test.
    """
    names = [_PARTS.get(part.lower(), "") for part in parts]
    held = set(names)
    if "" in held or "train" not in held or len(held) == 1:
        return None
    validation = "train" if "test" in held else "test"
    return [validation if name == "validation" else name for name in names]


def names_part(name: str) -> bool:
    """Whether a folder's name is that of a split."""
    return name.lower() in _PARTS


def part_notes(parts: Sequence[str]) -> list[str]:
    """What became of images for validation, where `parts` of these names are such."""
    splits = {
        name: split
        for name, split in zip(parts, parted(parts) or (), strict=False)
        if _PARTS[name.lower()] == "validation"
    }
    return [
        f"The images of {printable(name)} count as training, as there is a test beside them."
        if split == "train"
        else f"The images of {printable(name)} are the test, as there is no other."
        for name, split in splits.items()
    ]


def lacking_notes(
    splits: Sequence[str] | None, labels: NDArray[np.int64] | None, class_names: Sequence[str]
) -> list[str]:
    """Which classes one of the parts lacks, where there are parts."""
    if splits is None or labels is None:
        return []
    notes = []
    for split, use in (("train", "to learn from"), ("test", "in the test")):
        held = set(labels[np.asarray(splits) == split].tolist())
        if lacking := [name for k, name in enumerate(class_names) if k not in held]:
            notes.append(f"Classes without an image {use}: {listed(lacking)}.")
    return notes


def printable(name: str) -> str:
    """A name from outside as it can be shown: one line of 80 characters at most."""
    return one_line(name[-80:])


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some of the names, as they can be shown, and how many more there are."""
    shown = ", ".join(printable(name) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
