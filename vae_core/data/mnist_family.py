"""MNIST and its kin: files found, unpacked and downloaded here, parsed by torchvision.

The files lie as torchvision lays them, `MNIST/raw/train-images-idx3-ubyte` and so on, plain or, as
published, with `.gz` added. A read-only folder will do.
"""

import gzip
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, cast

from torch import Tensor

from vae_core.data.torchvision_import import import_torchvision
from vae_core.errors import DataError


@dataclass(frozen=True)
class Family:
    """One of torchvision's MNIST family: its class, what that is called with, its files' names.

    max_bytes: more than its largest file has. A .gz file can unpack to a thousand times its size.
    """

    class_name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=lambda: {"train": "train", "test": "t10k"})
    max_bytes: int = 64 * 2**20

    def files(self, split: str) -> tuple[str, str]:
        """Where torchvision expects a split's images and labels, as paths under the data root."""
        stem = f"{self.class_name}/raw/{self.parts[split]}"
        return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


MNIST, FASHION_MNIST, KMNIST = Family("MNIST"), Family("FashionMNIST"), Family("KMNIST")
EMNIST_LETTERS = Family(
    "EMNIST",
    {"split": "letters"},
    {"train": "emnist-letters-train", "test": "emnist-letters-test"},
    max_bytes=128 * 2**20,
)


# What torchvision's parser raises for a wrong magic number, an unknown type code, a type or a
# number of dimensions that is not the file's kind, and sizes that do not add up.
_NO_IDX = (AssertionError, KeyError, TypeError, ValueError, RuntimeError)


_AGAIN = "--download, or download=True in Python"


def find_file(path: Path) -> Path | None:
    """`path` itself, else, where that has no ending, `path` with .gz added, else None."""
    candidates = (path,) if path.suffix else (path, path.with_name(path.name + ".gz"))
    return next((each for each in candidates if os.path.isfile(each)), None)


def read(family: Family, split: str, root: Path) -> tuple[Tensor, Tensor]:
    """Images uint8 (n, h, w) and labels int64 (n,) of one split, as they stand in the files.

    torchvision is shown a copy of just these two files: unpacked, and without the `processed`
    folder of pickles that it would prefer to them. Raises DataError when a file cannot be read or
    is not what its name says.
    """
    with tempfile.TemporaryDirectory(prefix="zscape-") as scratch:
        for part in family.parts:  # torchvision asks that both splits exist; one may be empty
            for file in family.files(part):
                target = Path(scratch, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as plain:
                    if part == split:
                        _unpack(root / file, plain, family.max_bytes)
        try:
            parsed = _torchvision_class(family)(scratch, train=split == "train", **family.options)
        except _NO_IDX as error:
            raise DataError(
                f"{' and '.join(family.files(split))} in {root} are not idx files of "
                f"images and of labels; delete them and get them again with {_AGAIN}."
            ) from error
    return parsed.data, parsed.targets


def read_idx(path: str, kind: str) -> Tensor:
    """One idx file: "images", uint8 (n, h, w), or "labels", int64 (n,); DataError if it is not."""
    parser = import_torchvision("torchvision.datasets.mnist")
    read = parser.read_image_file if kind == "images" else parser.read_label_file
    try:
        values: Tensor = read(path)
    except _NO_IDX as error:
        raise DataError(
            f"This is no idx file of {kind}: unsigned bytes, "
            f"{'(n, h, w)' if kind == 'images' else '(n,)'}, are expected."
        ) from error
    return values


def _unpack(path: Path, plain: BinaryIO, max_bytes: int) -> None:
    """Copy `path`, or what `path`.gz unpacks to, into the open file `plain`."""
    source = find_file(path) or path
    opener = gzip.open if source.suffix == ".gz" else open
    try:
        with cast(BinaryIO, opener(source, "rb")) as stream:
            while block := stream.read(2**20):
                if plain.tell() + len(block) > max_bytes:
                    raise DataError(
                        f"{source} unpacks to more than {max_bytes:,} bytes, which no file of its "
                        f"kind does; delete it and get it again with {_AGAIN}."
                    )
                plain.write(block)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{source} could not be unpacked ({error}); if it is broken, delete it and get it "
            f"again with {_AGAIN}."
        ) from error


def download(family: Family, root: Path) -> None:
    """Fetch the files of both splits with torchvision's own code, which checks their md5 sums.

    They are moved in when all are complete, so that nobody ever reads half a file. What else comes
    with them (EMNIST is published as one archive of six data sets) is not kept.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=root) as staging:
            _torchvision_class(family)(staging, download=True, **family.options)
            for file in (file for split in family.parts for file in family.files(split)):
                fetched = _find_packed(Path(staging, file))
                target = root / file
                target.parent.mkdir(parents=True, exist_ok=True)
                fetched.replace(target.with_name(fetched.name))
    # No network, no mirror that answers, a wrong md5 sum, or no place to write.
    except (OSError, HTTPException, RuntimeError) as error:
        raise DataError(
            f"{family.class_name} could not be downloaded to {root} ({error}); check the network, "
            "and that the folder can be written."
        ) from error


def _find_packed(path: Path) -> Path:
    """`path` with .gz added where that is a file, else `path` itself."""
    packed = path.with_name(path.name + ".gz")
    return packed if packed.is_file() else path


def _torchvision_class(family: Family) -> Any:
    return getattr(import_torchvision("torchvision.datasets"), family.class_name)
