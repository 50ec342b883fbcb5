"""Images of the user's own that stand in arrays: a .npz, or an idx file as MNIST's."""

from __future__ import annotations

import gzip
import re
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vae_core.data.mnist_family import read_idx
from vae_core.data.own.source import MAX_CLASSES, ImageSource, labelled, parted, printable
from vae_core.errors import DataError
from vae_core.files.arrays import ArrayArchive

MAX_NAMES_BYTES = 1 << 20
MAX_IMAGES = 1_000_000
MAX_LABEL_BYTES = 64 << 20
LABEL_NAMES = ("y", "label", "labels", "target", "targets", "class", "classes", "arr_1")
_PART = re.compile(
    r"(?P<before>[xy]?)"
    r"(?:(?P<part>train|test)(?:ing)?(?P<rest>.*)|(?:val|valid|validation)(?P<after>[xy]?))"
)


def array_source(archive: ArrayArchive, name: str, max_bytes: int) -> ImageSource:
    """The images of a .npz, by the shapes and names of its arrays of max_bytes at most each."""
    if archive.refused:
        raise DataError(
            f"{name}: {archive.refused[0][:80]} holds Python objects, which are never unpickled; "
            "save it as an array of numbers, or of text."
        )
    keys = _image_keys(archive, name)
    arrays = [_checked(archive.read(key, max_bytes), name, key) for key in keys.values()]
    scale = 255 if max(float(array.max()) for array in arrays) <= 1 else 1
    pictures = [_pictures(array, scale) for array in arrays]
    if len({each.shape[1:] for each in pictures}) > 1:
        raise DataError(f"{name}: the images of train and test are not of one shape.")
    splits = parted([part for part, each in zip(keys, pictures, strict=True) for _ in each])
    classes = [
        _classes(archive, name, part, len(each)) for part, each in zip(keys, pictures, strict=True)
    ]
    given = [each for each in classes if each is not None]
    if len(given) not in (0, len(classes)):
        raise DataError(f"{name} has labels for some of {', '.join(keys)} alone.")
    labels, class_names = _labels(archive, name, np.concatenate(given)) if given else (None, ())
    every = np.concatenate(pictures)
    return _picture_source(name, every, splits, labels, class_names)


def _image_keys(archive: ArrayArchive, name: str) -> dict[str, str]:
    """The arrays that hold images, by the part that they are; by "" where there is one of all."""
    found: dict[str, list[str]] = {}
    for key, entry in archive.entries.items():
        if len(entry.shape) in (3, 4):
            found.setdefault(_part_of(key)[0], []).append(key)
    named = [part for part in found if part]
    for parts in (named if parted(named) else ["train", "test"], [""]):
        if all(len(found.get(part, ())) == 1 for part in parts):
            return {part: found[part][0] for part in parts}
    every = ", ".join(key for keys in found.values() for key in keys)
    raise DataError(
        f"{name} is expected to hold one array of images, (n, h, w) or with 1 or 3 channels, or "
        f"two with train and test in their names; it holds {every[:200] or 'none'}."
    )


def _part_of(key: str) -> tuple[str, str]:
    """The part that an array's name speaks of, and the rest: `y_train`, `testLabels`, `xval`."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", key)]
    for k, word in enumerate(words):
        if found := _PART.fullmatch(word):
            rest = (*words[:k], found["before"], found["rest"] or found["after"], *words[k + 1 :])
            part = found["part"] or "validation"
            return part, "_".join(filter(None, rest))
    return "", key.lower().strip("_- ")


def _checked(array: NDArray[np.generic], name: str, key: str) -> NDArray[np.generic]:
    """An array of images as (n, h, w, c), with values from 0 to 255."""
    kind = f"{array.dtype} {array.shape}"
    if array.ndim == 3:
        array = array[..., None]
    elif array.shape[-1] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.shape[-1] not in (1, 3) or array.dtype.kind not in "buif" or not array.size:
        raise DataError(
            f"{name}: {key} is {kind}; numbers (n, h, w), (n, h, w, c) or (n, c, h, w) with 1 or 3 "
            "channels are expected."
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 255):  # NaN is neither
        raise DataError(
            f"{name}: the values of {key} run from {low:g} to {high:g}; 0 to 255, or 0 to 1, are "
            "expected."
        )
    return array


def _pictures(array: NDArray[np.generic], scale: int) -> NDArray[np.uint8]:
    """uint8 (n, h, w, c) of values that become 0 to 255 when they are multiplied by `scale`."""
    if array.dtype == np.uint8 and scale == 1:
        return array.astype(np.uint8, copy=False)
    return np.stack([np.rint(image * np.float64(scale)).astype(np.uint8) for image in array])


def _classes(archive: ArrayArchive, name: str, part: str, n: int) -> NDArray[np.generic] | None:
    """The array of labels that goes with the n images of a part, if there is one."""
    for key, entry in archive.entries.items():
        its_part, rest = _part_of(key)
        if rest in LABEL_NAMES and its_part == part:
            if entry.shape not in ((n,), (n, 1)):
                raise DataError(f"{name}: {key} is {entry.shape}, but there are {n:,} images.")
            if entry.dtype.kind not in "iuU":
                raise DataError(f"{name}: {key} is {entry.dtype}; give whole numbers or names.")
            return archive.read(key, MAX_LABEL_BYTES).reshape(n)
    return None


def _labels(
    archive: ArrayArchive, name: str, classes: NDArray[np.generic]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels, and names from the array class_names where the labels count into that."""
    entry = archive.entries.get("class_names")
    if (
        (entry is not None and entry.dtype.kind == "U" and len(entry.shape) == 1)
        and (classes.dtype.kind != "U" and len(classes))
        and (classes.min() >= 0 and classes.max() < entry.shape[0] <= MAX_CLASSES)
    ):
        names = archive.read("class_names", MAX_NAMES_BYTES).tolist()
        return classes.astype(np.int64), tuple(printable(each) for each in names)
    return labelled(name, classes)


def idx_source(
    images: Path | BinaryIO, labels: Path | BinaryIO | None, name: str, max_bytes: int
) -> ImageSource:
    """The images of an idx file, with that of their labels, of max_bytes at most each."""
    pictures = _idx(images, "images", name, max_bytes)
    numbers = None if labels is None else _idx(labels, "labels", name, max_bytes)
    if numbers is not None and len(numbers) != len(pictures):
        raise DataError(f"{name} has {len(pictures):,} images, but {len(numbers):,} labels.")
    if not pictures.numel():
        raise DataError(f"{name} has no images.")
    classes, names = (None, ()) if numbers is None else labelled(name, numbers.numpy())
    return _picture_source(name, pictures.unsqueeze(-1).numpy(), None, classes, names)


def _idx(file: Path | BinaryIO, kind: str, name: str, max_bytes: int) -> Tensor:
    """The values of an idx file, packed by gzip or plain."""
    stream = file.open("rb") if isinstance(file, Path) else file
    try:
        stream.seek(0)
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        with tempfile.NamedTemporaryFile(prefix="zscape-") as plain:
            source = gzip.GzipFile(fileobj=stream) if packed else stream
            while block := source.read(1 << 20):
                if plain.tell() + len(block) > max_bytes:
                    raise DataError(f"{name} unpacks to more than {max_bytes:,} bytes.")
                plain.write(block)
            plain.flush()
            return read_idx(plain.name, kind)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged or cannot be read ({error}).") from error
    finally:
        if isinstance(file, Path):
            stream.close()


def _picture_source(
    name: str,
    pictures: NDArray[np.uint8],
    splits: Sequence[str] | None,
    labels: NDArray[np.int64] | None,
    class_names: tuple[str, ...],
) -> ImageSource:
    """The images of an array uint8 (n, h, w, c)."""
    n, h, w, c = pictures.shape
    if n > MAX_IMAGES:
        raise DataError(f"{name} has {n:,} images; {MAX_IMAGES:,} are read at most.")

    def image(index: int, at_least: int) -> Image.Image:
        return Image.fromarray(pictures[index, ..., 0] if c == 1 else pictures[index])

    return ImageSource(name, [(h, w)] * n, c == 3, image, splits, labels, class_names)
