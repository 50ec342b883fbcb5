"""The user's own images as a data set: a folder, a zip, a .npz or an idx pair.

    train, test = read_images("photos.zip", form=ImageForm(size=(32, 32)))
    train.name  # "own-photos-" and a fingerprint of all that was read

Whatever comes is checked before it is decoded, and never trusted: nothing is unpickled, nothing is
unpacked to disk, no path leaves its folder, and memory is bounded by `MAX_BYTES`. What cannot be
used is one sentence in a DataError.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from vae_core.data.image_dataset import SPLITS, ImageDataset
from vae_core.data.own.arrays import array_source, idx_source
from vae_core.data.own.files import open_folder, open_image_zip
from vae_core.data.own.source import MAX_BYTES, ImageSource, Size, printable
from vae_core.errors import ConfigError, DataError
from vae_core.files.arrays import open_arrays
from vae_core.files.zips import open_zip

MAX_SIDE = 512
MIN_IMAGES = 4
TEST_SHARE = 10  # one image in so many is held out

FITS = ("crop", "pad")
CHANNELS = {"grey": 1, "colour": 3}

Source = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True)
class ImageForm:
    """What images are made into. ConfigError when a value is out of range.

    size    (height, width) in pixels; None keeps the images' own, which must then all be one
    fit     where the shape differs: "crop" cuts off what sticks out, the same on both sides; "pad"
            shows the whole image on black
    colour  "grey" or "colour"; None: colour where any image has it
    """

    size: Size | None = None
    fit: str = "crop"
    colour: str | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not (
            isinstance(self.size, Sequence)
            and len(self.size) == 2
            and all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in self.size)
        ):
            raise ConfigError(
                f"size={self.size} is no (height, width) of 1 to {MAX_SIDE} pixels each."
            )
        if self.fit not in FITS:
            raise ConfigError(f"Unknown fit {self.fit!r}; choose one of {', '.join(FITS)}.")
        if self.colour is not None and self.colour not in CHANNELS:
            raise ConfigError(
                f"Unknown colour {self.colour!r}; choose one of {', '.join(CHANNELS)}."
            )


@dataclass(frozen=True, eq=False)
class Preview:
    """Some of the images as they would be, and what is known of all.

    images (k, c, h, w) uint8; labels (k,) int64 or None; n images in all, of these n_test held out;
    smallest, largest: (height, width) as they came, equal where all are of one size; class_sizes:
    images of each class.
    """

    images: Tensor
    labels: Tensor | None
    n: int
    n_test: int
    smallest: Size
    largest: Size
    class_sizes: dict[str, int]


def read_images(
    source: Source,
    labels: Source | None = None,
    *,
    form: ImageForm | None = None,
    label: str | None = None,
    seed: int = 0,
    max_bytes: int = MAX_BYTES,
    on_progress: Callable[[float], object] = lambda done: None,
) -> tuple[ImageDataset, ImageDataset]:
    """The training and the test images of `source`, a path or an open binary file.

    A folder or a zip of image files: folders inside are classes, below `train` and `test` if there
    are these. A .npz: an array of images (n, h, w), (n, h, w, c) or (n, c, h, w), with labels (n,)
    in an array named y or labels; "train" and "test" in the names part the two. What is named `val`
    is the test where there is no other, else it counts as training. An idx file of images, or such
    a .gz, with that of its `labels`. Values run from 0 to 255, or to 1.

    Where the source does not part them, every tenth image of each class, in an order that `seed`
    shuffles, is for the test. Both are named own-<label>-<fingerprint>, the label being the file's
    name by default. max_bytes: of all images together; on_progress hears 0 to 1. DataError says
    what is wrong with the images; ConfigError, the form.
    """
    with _opened(source, labels, max_bytes) as images:
        form = _settled(form or ImageForm(), images, max_bytes)
        parts = _parts(images, seed)
        n, read = len(images), len(parts["train"])
        train = _dataset("train", images, parts["train"], form, lambda k: on_progress(k / n))
        test = _dataset("test", images, parts["test"], form, lambda k: on_progress((read + k) / n))
        if (
            int(max(train.images.max(), test.images.max())) <= 1
        ):  # 0 and 1 stand for black and white
            raise DataError(f"{images.name}: every pixel is black; there is nothing to learn.")
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
) -> Preview:
    """What `read_images` would make of `source`, shown on n images spread evenly over it."""
    with _opened(source, labels, max_bytes) as images:
        form = _settled(form or ImageForm(), images, max_bytes)
        rows = np.unique(np.linspace(0, len(images) - 1, min(n, len(images))).round().astype(int))
        shown = _dataset("train", images, rows, form)
        counts = Counter([] if images.labels is None else images.labels.tolist())
        return Preview(
            images=shown.images,
            labels=shown.labels,
            n=len(images),
            n_test=len(_parts(images, seed)["test"]),
            smallest=min(images.sizes, key=_extent),
            largest=max(images.sizes, key=_extent),
            class_sizes={name: counts[k] for k, name in enumerate(images.class_names)},
        )


def _extent(size: Size) -> tuple[int, int]:
    """By what sizes are ordered: pixels, then height."""
    return size[0] * size[1], size[0]


def write_images(path: str | os.PathLike[str], train: ImageDataset, test: ImageDataset) -> None:
    """Write both splits into one .npz, whole or not at all; `read_images` gives them back."""
    arrays: dict[str, NDArray[np.generic]] = {"class_names": np.array(train.class_names, dtype=str)}
    for data in (train, test):
        arrays[f"x_{data.split}"] = data.images.numpy()
        if data.labels is not None:
            arrays[f"y_{data.split}"] = data.labels.numpy()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as staging:
        staged = Path(staging, "images.npz")
        np.savez_compressed(staged, allow_pickle=False, **arrays)
        staged.replace(path)


def may_have_labels(source: Source) -> bool:
    """Whether `source` is an idx file, plain or packed: its labels come in another."""
    file = _file(source)
    folder = isinstance(file, Path) and file.is_dir()
    return not folder and _head(file, _name(source)) in _IDX_HEADS


@contextmanager
def _opened(source: Source, labels: Source | None, max_bytes: int) -> Iterator[ImageSource]:
    """The images of `source`; what it is, its content says and not its name."""
    file, name = _file(source), _name(source)
    is_folder = isinstance(file, Path) and os.path.isdir(file)
    head = b"" if is_folder else _head(file, name)
    is_idx = head in _IDX_HEADS
    if labels is not None and not is_idx:
        raise DataError(f"{name} is no idx file, so a file of labels cannot belong to it.")
    if isinstance(file, Path) and is_folder:
        with open_folder(file) as images:
            yield images
    elif is_idx:
        yield idx_source(file, None if labels is None else _file(labels), name, max_bytes)
    elif head == b"PK" and _holds_arrays(file, name):
        with open_arrays(file, name) as archive:
            yield array_source(archive, name, max_bytes)
    elif head == b"PK":
        with open_image_zip(file, name) as images:
            yield images
    else:
        raise DataError(f"{name} is neither a folder, a zip, a .npz nor an idx file of images.")


def _file(source: Source) -> Path | BinaryIO:
    return Path(source) if isinstance(source, (str, os.PathLike)) else source


def _name(source: Source) -> str:
    path = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    return printable(Path(path).name) if isinstance(path, (str, os.PathLike)) else "The file"


def _head(file: Path | BinaryIO, name: str) -> bytes:
    """The first two bytes."""
    if isinstance(file, Path) and not os.path.isfile(file):
        raise DataError(f"There is no file or folder {printable(str(file))!r}.")
    try:
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return opened.read(2)
        file.seek(0)
        return file.read(2)
    except (OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read: {error}.") from error


def _holds_arrays(file: Path | BinaryIO, name: str) -> bool:
    with open_zip(file, name) as bundle:
        return any(member.endswith(".npy") for member in bundle.namelist())


def _settled(form: ImageForm, images: ImageSource, max_bytes: int) -> ImageForm:
    """The form with nothing left open; DataError when the images would not fit into memory."""
    if form.size is None:
        first = images.sizes[0]
        other = next((size for size in images.sizes if size != first), None)
        if other is not None:
            raise DataError(
                f"{images.name}: the images are not of one size ({first[0]}x{first[1]} and "
                f"{other[0]}x{other[1]}, for example); choose a size for all."
            )
        if max(first) > MAX_SIDE:
            raise DataError(
                f"{images.name}: the images are {first[0]}x{first[1]}; choose a size of "
                f"{MAX_SIDE}x{MAX_SIDE} pixels at most."
            )
        form = replace(form, size=first)
    if form.colour is None:
        form = replace(form, colour="colour" if images.in_colour else "grey")
    assert form.size is not None and form.colour is not None
    wanted = len(images) * form.size[0] * form.size[1] * CHANNELS[form.colour]
    if wanted > max_bytes:
        raise DataError(
            f"{images.name}: {len(images):,} images of {form.size[0]}x{form.size[1]} take "
            f"{wanted:,} bytes, more than {max_bytes:,}; choose a smaller size."
        )
    return form


def _parts(images: ImageSource, seed: int) -> dict[str, NDArray[np.int64]]:
    """The rows of each split: as the source has them, else a tenth of each class for the test."""
    n = len(images)
    if n < MIN_IMAGES:
        raise DataError(f"{images.name} has {n} images; {MIN_IMAGES} are needed at least.")
    if images.splits is not None:
        splits = np.asarray(images.splits)
        return {split: np.flatnonzero(splits == split) for split in SPLITS}
    order = np.random.default_rng(seed).permutation(n)
    if images.labels is not None:
        order = order[np.argsort(images.labels[order], kind="stable")]
    held_out = np.arange(n) % min(TEST_SHARE, n // 2) == 0
    return {"train": np.sort(order[~held_out]), "test": np.sort(order[held_out])}


def _dataset(
    split: str,
    images: ImageSource,
    rows: NDArray[np.int64],
    form: ImageForm,
    on_image: Callable[[int], object] = lambda done: None,
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
    )


_IDX_HEADS = (b"\0\0", b"\x1f\x8b")  # as it is, and packed by gzip
_FIT = {"crop": "fit", "pad": "pad"}  # what Pillow calls them
