"""MNIST and its kin: files found, unpacked and downloaded here, parsed by torchvision.

The files lie as torchvision lays them, `MNIST/raw/train-images-idx3-ubyte` and so on, plain or, as
published, with `.gz` added. A read-only folder will do.
"""

import gzip
import os
import tempfile
import zlib
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, cast

from torch import Tensor

from vae_core.errors import DataError
from vae_core.torchvision_import import import_torchvision

_PARTS = {"train": "train", "test": "t10k"}

# The largest file, MNIST's training images, has 47,040,016 bytes, but a .gz file can unpack to a
# thousand times its size.
_MAX_BYTES = 64 * 2**20


def idx_files(class_name: str, split: str) -> tuple[str, str]:
    """Where torchvision expects a split's images and its labels, as paths under the data root."""
    stem = f"{class_name}/raw/{_PARTS[split]}"
    return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


def find_file(path: Path) -> Path | None:
    """`path` itself, else `path` with .gz added, else None."""
    candidates = (path, path.with_name(path.name + ".gz"))
    return next((each for each in candidates if os.path.isfile(each)), None)


def read(class_name: str, split: str, root: Path) -> tuple[Tensor, Tensor]:
    """Images uint8 (n, h, w) and labels int64 (n,) of one split of torchvision's `class_name`.

    torchvision is shown a copy of just these two files: unpacked, and without the `processed`
    folder of pickles that it would prefer to them. Raises DataError when a file cannot be read or
    is not what its name says.
    """
    with tempfile.TemporaryDirectory(prefix="zscape-") as scratch:
        for part in _PARTS:  # torchvision asks that both splits exist; the other may be empty
            for file in idx_files(class_name, part):
                target = Path(scratch, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as plain:
                    if part == split:
                        _unpack(root / file, plain)
        torchvision_class = getattr(import_torchvision("torchvision.datasets"), class_name)
        try:
            parsed = torchvision_class(scratch, train=split == "train")
        # What torchvision's parser raises for a wrong magic number, an unknown type code, a type or
        # a number of dimensions that is not the file's kind, and sizes that do not add up.
        except (AssertionError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"{' and '.join(idx_files(class_name, split))} in {root} are not idx files of "
                "images and of labels; delete them and get them again with download=True."
            ) from error
    return parsed.data, parsed.targets


def _unpack(path: Path, plain: BinaryIO) -> None:
    """Copy `path`, or what `path`.gz unpacks to, into the open file `plain`."""
    source = find_file(path) or path
    opener = gzip.open if source.suffix == ".gz" else open
    try:
        with cast(BinaryIO, opener(source, "rb")) as stream:
            while block := stream.read(2**20):
                if plain.tell() + len(block) > _MAX_BYTES:
                    raise DataError(
                        f"{source} unpacks to more than {_MAX_BYTES:,} bytes, which no file of its "
                        "kind does; delete it and get it again with download=True."
                    )
                plain.write(block)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{source} could not be unpacked ({error}); if it is broken, delete it and get it "
            "again with download=True."
        ) from error


def download(class_name: str, root: Path) -> None:
    """Fetch the four files with torchvision's own code, which checks their md5 sums.

    They are moved in when all are complete, so that nobody ever reads half a file.
    """
    torchvision_class = getattr(import_torchvision("torchvision.datasets"), class_name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=root) as staging:
            torchvision_class(staging, download=True)
            raw = root / class_name / "raw"
            raw.mkdir(parents=True, exist_ok=True)
            for packed in Path(staging, class_name, "raw").glob("*.gz"):
                packed.replace(raw / packed.name)
    # No network, no mirror that answers, a wrong md5 sum, or no place to write.
    except (OSError, HTTPException, RuntimeError) as error:
        raise DataError(
            f"{class_name} could not be downloaded to {root} ({error}); check the network, and "
            "that the folder can be written."
        ) from error
