"""Named image data sets.

`load_dataset("mnist", "test")` returns an `ImageDataset`: all images of a split as one uint8 tensor
in memory, with their labels or the factors that drew them. Another data set is one decorated
function:

    @register_dataset("rings", files={"train": ("rings/train.npy",), "test": ("rings/test.npy",)})
    def load_rings(split: str, root: Path) -> ImageDataset: ...
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vae_core import mnist_family, sprites
from vae_core.errors import DataError

SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """The images of one split, checked for consistency when made.

    images        uint8 (n, c, h, w), n >= 1
    labels        int64 (n,), each an index into `class_names`; or None
    factors       float32 (n, k), the generative factors behind each image; or None
    class_names   one name a class
    factor_names  one name a column of `factors`

    `load_dataset` hands the same object to all who ask: treat the tensors as read-only.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    class_names: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._require(
            self.images.dtype == torch.uint8 and self.images.ndim == 4 and self.images.numel() > 0,
            f"images must be uint8 (n, c, h, w) and not empty, got {_kind(self.images)}",
        )
        n = len(self.images)
        if self.labels is not None:
            self._require(
                self.labels.dtype == torch.int64 and self.labels.shape == (n,),
                f"labels must be int64 ({n},) for {n} images, got {_kind(self.labels)}",
            )
            low, high = int(self.labels.min()), int(self.labels.max())
            self._require(
                low >= 0 and high < len(self.class_names),
                f"labels run from {low} to {high}, but class names are {len(self.class_names)}",
            )
        if self.factors is not None:
            k = len(self.factor_names)
            self._require(
                self.factors.dtype == torch.float32 and self.factors.shape == (n, k),
                f"factors must be float32 ({n}, {k}) for {n} images and {k} factor names, "
                f"got {_kind(self.factors)}",
            )

    def _require(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise DataError(f"Data set {self.name!r} ({self.split}): {complaint}.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def floats(self, indices: Tensor | slice | None = None) -> Tensor:
        """Images as float32 (n, c, h, w) in [0, 1], all of them or those at `indices`."""
        images = self.images if indices is None else self.images[indices]
        return images.to(torch.float32).div_(255)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


Loader = Callable[[str, Path], ImageDataset]
Downloader = Callable[[Path], None]


@dataclass(frozen=True)
class _Entry:
    load: Loader
    files: Mapping[str, tuple[str, ...]]
    download: Downloader | None


_REGISTRY: dict[str, _Entry] = {}


def register_dataset(
    name: str,
    *,
    files: Mapping[str, tuple[str, ...]] | None = None,
    download: Downloader | None = None,
) -> Callable[[Loader], Loader]:
    """Register `loader(split, root) -> ImageDataset` under `name`.

    files     for each split, the paths under the root that must exist, with or without ".gz" added
    download  called with the root when files are missing and the user asked for a download
    """

    def register(loader: Loader) -> Loader:
        _REGISTRY[name] = _Entry(loader, files or {}, download)
        return loader

    return register


def dataset_names() -> tuple[str, ...]:
    """The names `load_dataset` knows, in the order of registration."""
    return tuple(_REGISTRY)


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
        if entry.download is not None:
            remedy = f"download them (download=True, or --download on the command line) or {remedy}"
        raise DataError(
            f"Data set {name!r} ({split}): no {' and no '.join(missing)} (nor as .gz) in {folder}; "
            f"{remedy}."
        )
    return _load(name, split, folder)


# Bounded, so that many data sets cannot fill the memory: MNIST's training images alone are 47 MB.
@lru_cache(maxsize=8)
def _load(name: str, split: str, root: Path) -> ImageDataset:
    return _REGISTRY[name].load(split, root)


def _entry(name: str) -> _Entry:
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
    return [
        file for file in entry.files.get(split, ()) if mnist_family.find_file(root / file) is None
    ]


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
    """Images of `vae_core.sprites`, 32x32: 20,000 to train and 4,000 to test, always the same."""
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


def _register_mnist_family(name: str, class_name: str, class_names: tuple[str, ...]) -> None:
    """Register torchvision's `class_name`, one of its MNIST family, as `name`."""

    @register_dataset(
        name,
        files={split: mnist_family.idx_files(class_name, split) for split in SPLITS},
        download=partial(mnist_family.download, class_name),
    )
    def load(split: str, root: Path) -> ImageDataset:
        images, labels = mnist_family.read(class_name, split, root)
        return ImageDataset(name, split, images.unsqueeze(1), labels, class_names=class_names)


FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

_register_mnist_family("mnist", "MNIST", tuple("0123456789"))
_register_mnist_family("fashion-mnist", "FashionMNIST", FASHION_CLASSES)
