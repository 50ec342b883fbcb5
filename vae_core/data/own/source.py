"""Images of the user's own that are not decoded yet: what their readers give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vae_core.errors import DataError

MAX_BYTES = 1 << 30  # of all images together, and of any array that is read
MAX_CLASSES = 1_000

_PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_PARTS |= dict.fromkeys(("val", "valid", "validation"), "validation")

Size = tuple[int, int]


@dataclass(frozen=True)
class ImageSource:
    """n images: what is known of them at once, and how each is had.

    sizes        (height, width) of each, as it stands in its file
    in_colour    whether any of them has colour
    image        `image(index, at_least)`, in mode L or RGB; both sides may come out smaller than in
                 its file, but none below `at_least` pixels
    splits       "train" or "test" for each; None where nobody has said
    labels       int64 (n,), each an index into `class_names`; or None
    """

    name: str
    sizes: Sequence[Size]
    in_colour: bool
    image: Callable[[int, int], Image.Image]
    splits: Sequence[str] | None = None
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sizes)


def labelled(name: str, classes: NDArray[np.generic]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels (n,) and the names they index, in order, from the class of each image (n,)."""
    held, labels = np.unique(classes, return_inverse=True)
    if len(held) > MAX_CLASSES:
        raise DataError(f"{name} has {len(held):,} classes; {MAX_CLASSES:,} are read at most.")
    return labels.astype(np.int64), tuple(printable(str(each)) for each in held)


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


def printable(name: str) -> str:
    """A name from outside as it can be shown: one line of 80 characters at most."""
    return "".join(c if c.isprintable() else "?" for c in name[-80:])
