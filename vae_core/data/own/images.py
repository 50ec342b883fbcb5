"""The user's own images as a data set: from a folder, an archive, arrays or tables of them.

    train, test = read_images("photos.zip", form=ImageForm(size=(32, 32)))
    train.name  # "own-photos-" and a fingerprint of all that was read

Nothing is left out, reordered, rescaled or renamed in silence: what was found, and what was guessed
of it, is told (`Survey`), and each guess can be made otherwise (`ImageForm`).

Whatever comes is checked before it is decoded, and never trusted: nothing is unpickled, no path of
an archive becomes one on disk or leads out of it, and memory is bounded by `MAX_BYTES`. What cannot
be used is one sentence in a DataError.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from vae_core.data.image_dataset import SPLITS, ImageDataset
from vae_core.data.own.form import CHANNELS, ImageForm, check_memory, settled
from vae_core.data.own.opening import Source, opened
from vae_core.data.own.source import MAX_BYTES, ImageSource, Size
from vae_core.data.own.values import Reading, UnclearScale, Values
from vae_core.data.own.written import arrays_to_write
from vae_core.data.texts import packed_texts
from vae_core.errors import DataError
from vae_core.files.atomic import staging

MIN_IMAGES = 4
LOOKING = 0.5  # of the time that image files take: the other half they are decoded
TEST_SHARE = 10  # one image in so many is held out


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """What was found in a source of images, and what becomes of it.

    n images in all, of these n_test held out, by a draw unless the source is `parted`; smallest,
    largest: (height, width) as they came, equal where all are of one size; class_sizes: images of
    each class; values: the range of their values; reading: which of them are black and white, or
    may be; in_colour: the channels of some differ; stored_in_colour: there are three, equal or not;
    stacks: files that hold several images; encodings of the names in an archive, axes of an array:
    those that may be meant, the likeliest first, () where it is clear; form: what they become;
    notes: sentences on what was left out, changed or guessed.
    """

    n: int
    n_test: int
    parted: bool
    smallest: Size
    largest: Size
    class_sizes: dict[str, int]
    values: Values
    reading: Reading
    in_colour: bool
    stored_in_colour: bool
    stacks: int
    encodings: tuple[str, ...]
    axes: tuple[str, ...]
    form: ImageForm
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Preview(Survey):
    """A survey, and k of the images as they would be, (k, c, h, w) uint8; labels (k,) or None."""

    images: Tensor
    labels: Tensor | None


def warn(survey: Survey) -> None:
    """Tell the notes of a survey as warnings."""
    for note in survey.notes:
        warnings.warn(note, stacklevel=3)


def read_images(
    source: Source,
    labels: Source | None = None,
    *,
    form: ImageForm | None = None,
    label: str | None = None,
    seed: int = 0,
    max_bytes: int = MAX_BYTES,
    on_progress: Callable[[float], object] = lambda done: None,
    on_survey: Callable[[Survey], object] = warn,
) -> tuple[ImageDataset, ImageDataset]:
    """The training and the test images of `source`, a path or an open binary file.

    A folder, a zip or a tar of image files, which their contents tell from others: folders inside
    are classes, below `train` and `test` if there are these; labels.csv, or `labels`, is a table of
    a row a file, told by its name. A .npz: an array of images (n, h, w), (n, h, w, c) or
    (n, c, h, w), with labels (n,) in an array named y or labels; "train" and "test" in the names
    part the two; others of n rows are columns of a table. HDF5 and MATLAB files likewise; a .npy of
    images alone. What is named `val` is the test where there is no other, else it counts as
    training. Parquet as on the Hugging Face Hub, alone or in a folder. An idx file of images, or
    such a .gz, with that of its `labels`. A file of many images, such as a TIFF. Files that cannot
    be read are left out, up to a quarter.

    Where the source does not part them, every tenth image of each class, in an order that `seed`
    shuffles, is for the test. Both are named own-<label>-<fingerprint>, the label being the file's
    name by default. max_bytes: of all images together; on_progress hears 0 to 1, of image files
    half of that while they are looked at, before on_survey; on_survey hears what was found, and
    warns of what is noteworthy by default. DataError says what is wrong with the images,
    UnclearScale and UnclearAxes what must be chosen; ConfigError, the form.
    """
    looked = 0.0

    def on_look(done: float) -> None:
        nonlocal looked
        looked = LOOKING
        on_progress(LOOKING * done)

    with opened(source, labels, form or ImageForm(), max_bytes, on_look) as images:
        parts, survey = _parts(images, seed), _survey(images, form, seed, max_bytes)
        form = survey["form"]
        on_survey(Survey(**survey))
        if images.reading.doubt:
            raise UnclearScale(images.reading)
        n, read = len(images), len(parts["train"])
        sources = packed_texts(images.origins or ())
        train, test = (
            _dataset(split, images, parts[split], form, on_image, sources)
            for split, on_image in (
                ("train", lambda k: on_progress(looked + (1 - looked) * k / n)),
                ("test", lambda k: on_progress(looked + (1 - looked) * (read + k) / n)),
            )
        )
        # Of 255, 1 is black to the eye: there, a scale was given that is not theirs.
        black = max(train.images.max(), test.images.max()) <= 1
        if black or min(train.images.min(), test.images.min()) >= 254:
            raise DataError(
                f"{images.name}: every pixel is {'black' if black else 'white'}, with values from "
                f"{images.values}; there is nothing to learn."
            )
        name = own_name(_label(images.name if label is None else label), train, test)
        return replace(train, name=name), replace(test, name=name)


def own_name(label: str, *parts: ImageDataset) -> str:
    """The name of a user's own images: the same for the same pixels, labels and class names."""
    digest = hashlib.sha256()
    for part in parts:
        labels = b"" if part.labels is None else part.labels.numpy().tobytes()
        digest.update(repr((tuple(part.images.shape), len(labels), part.class_names)).encode())
        digest.update(part.images.numpy().tobytes())
        digest.update(labels)
    return f"own-{label}-{digest.hexdigest()[:12]}"


def _label(name: str) -> str:
    """What of a file's name can be part of a data set's."""
    words = re.sub(r"[^a-z0-9]+", "_", Path(name).stem.lower())
    return words[:16].strip("_") or "images"


def preview_images(
    source: Source,
    labels: Source | None = None,
    *,
    form: ImageForm | None = None,
    n: int = 12,
    seed: int = 0,
    max_bytes: int = MAX_BYTES,
    on_progress: Callable[[float], object] = lambda done: None,
) -> Preview:
    """What `read_images` would make of `source`, shown on n images spread evenly over it.

    on_progress hears 0 to 1 where that takes long, and may end it.
    """
    with opened(source, labels, form or ImageForm(), max_bytes, on_progress) as images:
        survey = _survey(images, form, seed, max_bytes)
        rows = np.unique(np.linspace(0, len(images) - 1, min(n, len(images))).round().astype(int))
        shown = _dataset("train", images, rows, survey["form"])
        return Preview(images=shown.images, labels=shown.labels, **survey)


def _survey(
    images: ImageSource, asked: ImageForm | None, seed: int, max_bytes: int
) -> dict[str, Any]:
    """The fields of a `Survey`; DataError when the images would not fit into memory."""
    asked = asked or ImageForm()
    form = settled(asked, images)
    check_memory(form, images.name, images.sizes, images.in_colour, max_bytes)
    notes = list(images.notes)
    if images.stacks:
        files = (
            f"{images.stacks:,} file{'s hold' if images.stacks > 1 else ' holds'} several images"
        )
        read = "each is read" if form.frames == "all" else "the first alone is read"
        if images.films and not images.splits:
            if _films_apart(images):
                read += ", and those of one file are all to learn from or all to test by"
            else:
                read += ", and some of the same file are learned from and others tested by"
        notes.append(f"{files}: {read}.")
    if asked.colour is None and images.stored_in_colour and not images.in_colour:
        notes.append("The images are stored in colour, but grey: their channels are equal.")
    counts = Counter([] if images.labels is None else images.labels.tolist())
    return {
        "n": len(images),
        "n_test": len(_parts(images, seed)["test"]),
        "parted": images.splits is not None,
        "smallest": min(images.sizes, key=_extent),
        "largest": max(images.sizes, key=_extent),
        "class_sizes": {name: counts[k] for k, name in enumerate(images.class_names)},
        "values": images.values,
        "reading": images.reading,
        "in_colour": images.in_colour,
        "stored_in_colour": images.stored_in_colour,
        "stacks": images.stacks,
        "encodings": images.encodings,
        "axes": images.axes,
        "form": form,
        "notes": tuple(notes),
    }


def _extent(size: Size) -> tuple[int, int]:
    """By what sizes are ordered: pixels, then height."""
    return size[0] * size[1], size[0]


def write_images(path: str | os.PathLike[str], train: ImageDataset, test: ImageDataset) -> None:
    """Write both splits into one .npz, whole or not at all; `read_images` gives them back."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with staging(path) as place:
        staged = place / "images.npz"
        np.savez_compressed(staged, allow_pickle=False, **arrays_to_write(train, test))
        staged.replace(path)


def _parts(images: ImageSource, seed: int) -> dict[str, NDArray[np.int64]]:
    """The rows of each split: as the source has them, else a tenth of each class for the test.

    Images of one file stay together where there are files enough.
    """
    n = len(images)
    if n < MIN_IMAGES:
        found = f"{images.name} has {n} {'image' if n == 1 else 'images'}"
        raise DataError(" ".join((f"{found}; {MIN_IMAGES} are needed at least.", *images.notes)))
    if images.splits is not None:
        splits = np.asarray(images.splits)
        return {split: np.flatnonzero(splits == split) for split in SPLITS}
    first, film = np.arange(n), np.arange(n)
    if _films_apart(images):
        _, first, film = np.unique(np.array(images.films), return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    if images.labels is not None:
        order = order[np.argsort(images.labels[first[order]], kind="stable")]
    held_out = np.isin(film, order[:: min(TEST_SHARE, len(first) // 2)])
    return {"train": np.flatnonzero(~held_out), "test": np.flatnonzero(held_out)}


def _films_apart(images: ImageSource) -> bool:
    return images.films is not None and len(set(images.films)) >= TEST_SHARE


def _dataset(
    split: str,
    images: ImageSource,
    rows: NDArray[np.int64],
    form: ImageForm,
    on_image: Callable[[int], object] = lambda done: None,
    sources: Tensor | None = None,
) -> ImageDataset:
    assert form.size is not None and form.colour is not None
    height, width = form.size
    channels = CHANNELS[form.colour]
    mode, to_fit = "L" if channels == 1 else "RGB", getattr(ImageOps, _FIT[form.fit])
    pixels = np.empty((len(rows), height, width, channels), np.uint8)
    for place, row in enumerate(rows):
        image = images.image(int(row), 2 * max(form.size)).convert(mode)
        if image.size != (width, height):
            image = to_fit(image, (width, height), Image.Resampling.LANCZOS)
        pixels[place] = np.asarray(image).reshape(height, width, channels)
        on_image(place + 1)
    return ImageDataset(
        name="own",
        split=split,
        images=torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        labels=None if images.labels is None else torch.from_numpy(images.labels[rows]),
        class_names=images.class_names,
        sources=None if sources is None else sources[torch.from_numpy(rows)],
        factors=_table_of(images, rows),
        factor_names=tuple(each.name for each in images.columns),
        factor_values=tuple(each.names for each in images.columns),
    )


def _table_of(images: ImageSource, rows: NDArray[np.int64]) -> Tensor | None:
    if not images.columns:
        return None
    return torch.from_numpy(np.stack([column.values[rows] for column in images.columns], 1))


_FIT = {"crop": "fit", "pad": "pad"}  # what Pillow calls them
