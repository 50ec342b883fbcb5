"""Named image data sets.

`load_dataset("mnist", "test")` returns an `ImageDataset`: all images of a split as one uint8 tensor
in memory, with their labels or the factors that drew them. Another data set is one decorated
function:

    @register_dataset("rings", files={"train": ("rings/train.npy",), "test": ("rings/test.npy",)})
    def load_rings(split: str, root: Path) -> ImageDataset: ...

A user's own images (see `own_images`) have names, too, but lie in the folders of their runs alone.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from reprlib import repr as shown

import numpy as np
import torch

from vae_core.data import dsprites, faces, mnist_family, sprites
from vae_core.data.image_dataset import SPLITS, ImageDataset
from vae_core.data.mnist_family import Family
from vae_core.data.names import is_own
from vae_core.errors import ConfigError, DataError

Loader = Callable[[str, Path], ImageDataset]
Downloader = Callable[[Path], None]


File = str | tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    load: Loader
    files: Mapping[str, tuple[File, ...]]
    download: Downloader | None
    home: str


_REGISTRY: dict[str, _Entry] = {}


def register_dataset(
    name: str,
    *,
    files: Mapping[str, tuple[File, ...]] | None = None,
    download: Downloader | None = None,
    home: str = "",
) -> Callable[[Loader], Loader]:
    """Register `loader(split, root) -> ImageDataset` under `name`.

    files     for each split, the paths under the root that must exist, a tuple in place of a path
              where one of several will do; a file without an ending may be packed as .gz
    download  called with the root when files are missing and the user asked for a download
    home      where its publisher offers it, for the sentence that says that it is missing
    """

    def register(loader: Loader) -> Loader:
        _REGISTRY[name] = _Entry(loader, files or {}, download, home)
        return loader

    return register


def dataset_names() -> tuple[str, ...]:
    """The names `load_dataset` knows, in the order of registration."""
    return tuple(_REGISTRY)


def check_dataset(name: str) -> None:
    """ConfigError when `name` is no registered data set's and none of a user's own images."""
    if name not in _REGISTRY and not is_own(name):
        raise ConfigError(f"Unknown data set {shown(name)}; choose one of {', '.join(_REGISTRY)}.")


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder data sets are read from: `root`, else $ZSCAPE_DATA, else "data"; absolute."""
    return Path(
        os.path.abspath(os.path.expanduser(root or os.environ.get("ZSCAPE_DATA") or "data"))
    )


def dataset_available(
    name: str, root: str | os.PathLike[str] | None = None, *, split: str | None = None
) -> bool:
    """Whether the files of a split (default: of every split) are there; reads none of them."""
    entry = _entry(name)
    splits = SPLITS if split is None else (_checked_split(name, split),)
    return not any(_missing_files(entry, each, data_root(root)) for each in splits)


def load_dataset(
    name: str,
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    download: bool = False,
) -> ImageDataset:
    """Load one split of a named data set; asked again, the same object comes back from memory.

    Raises DataError when the name or split is unknown, or the files are broken, inconsistent, or
    missing (and `download` is off, or the download failed).
    """
    entry, folder = _entry(name), data_root(root)
    _checked_split(name, split)
    missing = _missing_files(entry, split, folder)
    if missing and download and entry.download is not None:
        entry.download(folder)
        missing = _missing_files(entry, split, folder)
    if missing:
        remedy = "set ZSCAPE_DATA to the folder that holds them"
        if entry.home:
            remedy = f"get them from {entry.home}, or {remedy}"
        if entry.download is not None:
            remedy = f"download them (--download, or download=True in Python) or {remedy}"
        packed = "" if Path(missing[0]).suffix else " (nor as .gz)"
        raise DataError(
            f"Data set {name!r} ({split}): no {' and no '.join(missing)}{packed} in {folder}; "
            f"{remedy}."
        )
    return _load(name, split, folder)


# Bounded, so that many data sets cannot fill the memory: MNIST's training images alone are 47 MB.
@lru_cache(maxsize=8)
def _load(name: str, split: str, root: Path) -> ImageDataset:
    return _REGISTRY[name].load(split, root)


def _entry(name: str) -> _Entry:
    if is_own(name):
        raise DataError(
            f"{name} stands for somebody's own images, which lie in the folder of their run alone."
        )
    if name not in _REGISTRY:
        raise DataError(f"Unknown data set {name!r}; choose one of {', '.join(_REGISTRY)}.")
    return _REGISTRY[name]


def _checked_split(name: str, split: str) -> str:
    if split not in SPLITS:
        raise DataError(
            f"Data set {name!r} has no split {split!r}; choose one of {', '.join(SPLITS)}."
        )
    return split


def _missing_files(entry: _Entry, split: str, root: Path) -> list[str]:
    missing = []
    for file in entry.files.get(split, ()):
        choices = (file,) if isinstance(file, str) else file
        if all(mnist_family.find_file(root / choice) is None for choice in choices):
            missing.append(" or ".join(choices))
    return missing


@register_dataset("digits")
def load_digits(split: str, root: Path) -> ImageDataset:
    """scikit-learn's 1,797 handwritten digits, 8x8; 1,437 to train and 360 to test, stratified."""
    from sklearn import datasets as sklearn_datasets
    from sklearn.model_selection import train_test_split

    digits = sklearn_datasets.load_digits()
    rows = train_test_split(
        np.arange(len(digits.target)), test_size=360, stratify=digits.target, random_state=0
    )[SPLITS.index(split)]
    levels = np.round(digits.images[rows] * (255 / 16)).astype(np.uint8)  # published as 0 .. 16
    return ImageDataset(
        name="digits",
        split=split,
        images=torch.from_numpy(levels).unsqueeze(1),
        labels=torch.from_numpy(digits.target[rows].astype(np.int64)),
        class_names=tuple("0123456789"),
    )


@register_dataset("sprites")
def load_sprites(split: str, root: Path) -> ImageDataset:
    """Images of `sprites`, 32x32: 20,000 to train and 4,000 to test, always the same."""
    n, seed = {"train": (20_000, 1), "test": (4_000, 2)}[split]
    factors = sprites.random_factors(n, seed)
    return ImageDataset(
        name="sprites",
        split=split,
        images=torch.from_numpy(sprites.draw_sprites(factors)),
        labels=torch.from_numpy(factors[:, 0].astype(np.int64)),
        factors=torch.from_numpy(factors),
        class_names=sprites.SHAPES,
        factor_names=sprites.FACTORS,
    )


@register_dataset(
    "dsprites",
    files={
        "train": ((dsprites.GRID, dsprites.PUBLISHED),),
        "test": ((dsprites.SUBSET, dsprites.PUBLISHED),),
    },
    home=dsprites.HOME,
)
def load_dsprites(split: str, root: Path) -> ImageDataset:
    """`dsprites`: 46,080 images, a complete grid of factors, and some of the others."""
    images, indices = dsprites.read(split, root)
    factors = dsprites.factors(indices)
    return ImageDataset(
        name="dsprites",
        split=split,
        images=torch.from_numpy(images),
        labels=torch.from_numpy(factors[:, 0].astype(np.int64)),
        factors=torch.from_numpy(factors),
        class_names=dsprites.SHAPES,
        factor_names=dsprites.FACTORS,
    )


@register_dataset("frey", files=dict.fromkeys(SPLITS, (faces.FREY_FILE,)), home=faces.HOME)
def load_frey(split: str, root: Path) -> ImageDataset:
    """1,965 frames of a film of one face, 28x20: the first four fifths to train, the rest to test.

    Neighbouring frames are nearly the same, so a random split would test on what was learned.
    """
    frames = faces.read_frey(root / faces.FREY_FILE)
    first = len(frames) * 4 // 5
    part = frames[:first] if split == "train" else frames[first:]
    return ImageDataset("frey", split, torch.from_numpy(part.copy()).unsqueeze(1))


@register_dataset("olivetti", files=dict.fromkeys(SPLITS, (faces.OLIVETTI_FILE,)), home=faces.HOME)
def load_olivetti(split: str, root: Path) -> ImageDataset:
    """400 portraits of 40 people, 64x64: the first eight of each to train, the last two to test."""
    portraits = faces.read_olivetti(root / faces.OLIVETTI_FILE)
    people = np.repeat(np.arange(40), 10)
    rows = (np.arange(400) % 10 < 8) == (split == "train")
    return ImageDataset(
        name="olivetti",
        split=split,
        images=torch.from_numpy(portraits[rows].copy()).unsqueeze(1),
        labels=torch.from_numpy(people[rows].astype(np.int64)),
        class_names=tuple(f"person {k + 1}" for k in range(40)),
    )


def _register_mnist_family(name: str, family: Family, class_names: tuple[str, ...]) -> None:
    """Register one of torchvision's MNIST family as `name`."""

    @register_dataset(
        name,
        files={split: family.files(split) for split in SPLITS},
        download=partial(mnist_family.download, family),
    )
    def load(split: str, root: Path) -> ImageDataset:
        images, labels = mnist_family.read(family, split, root)
        if family is mnist_family.EMNIST_LETTERS:  # published on their sides, and counted from 1
            images, labels = images.transpose(1, 2).contiguous(), labels - 1
        return ImageDataset(name, split, images.unsqueeze(1), labels, class_names=class_names)


FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")

_register_mnist_family("mnist", mnist_family.MNIST, tuple("0123456789"))
_register_mnist_family("fashion-mnist", mnist_family.FASHION_MNIST, FASHION_CLASSES)
_register_mnist_family("kmnist", mnist_family.KMNIST, KANA)
_register_mnist_family("emnist-letters", mnist_family.EMNIST_LETTERS, LETTERS)
