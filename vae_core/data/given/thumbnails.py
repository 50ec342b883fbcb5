"""The small image of each code, by the paths that a table names or by their bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vae_core.data.given.arrays import MAX_SIDE
from vae_core.data.own.containers import MAX_FILE_BYTES, Zip
from vae_core.data.own.decoding import decoded, open_image
from vae_core.errors import DataError
from vae_core.files.atomic import open_ordinary

SIDE = 64  # of images of several sizes
MAX_PIXEL_BYTES = 1 << 30

Read = Callable[[int], bytes]


def from_paths(paths: Sequence[str], table: Path) -> Tensor:
    """Images (n, c, h, w) uint8 at `paths`, in the table's folder, or in the zip of its name there.

    DataError where one leads out of the folder, is not there, or is no image.
    """
    packed = table.with_suffix(".zip")
    if packed.is_file() and not (table.parent / paths[0]).is_file():
        with zipfile.ZipFile(packed) as bundle:
            archive = Zip(bundle, packed.name)
            known = set(archive.paths)

            def member(k: int) -> bytes:
                if paths[k] not in known:
                    raise DataError(f"is not in {packed.name}")
                return archive.read(paths[k])

            return pictures(len(paths), member, lambda k: paths[k])
    root = table.parent.resolve()

    def beside(k: int) -> bytes:
        file = (root / PurePosixPath(paths[k].replace("\\", "/"))).resolve()
        if not file.is_relative_to(root):
            raise DataError(f"does not lie below {root.name}, the folder of {table.name}")
        with open_ordinary(file, DataError, MAX_FILE_BYTES) as opened:
            return opened.read()

    return pictures(len(paths), beside, lambda k: paths[k])


def pictures(n: int, read: Read, called: Callable[[int], str]) -> Tensor:
    """n images as (n, c, h, w) uint8: of one size as they are, of several in SIDE x SIDE.

    DataError, with what the image is called, where it cannot be read.
    """
    images: list[Image.Image] = []
    held = 0
    for k in range(n):
        try:
            image = decoded(open_image(read(k)), 0, SIDE, (0, 255), "white")
        except (DataError, OSError) as error:
            told = error.strerror if isinstance(error, OSError) else str(error)
            raise DataError(f"The image {called(k)[-80:]!r} {told}.") from error
        image.thumbnail((MAX_SIDE, MAX_SIDE))
        images.append(image)
        held += image.width * image.height * len(image.getbands())
        if held > MAX_PIXEL_BYTES:
            raise DataError(f"The images are more than {MAX_PIXEL_BYTES:,} bytes of pixels.")
    mode = "RGB" if any(image.mode == "RGB" for image in images) else "L"
    if len({image.size for image in images}) > 1:
        images = [_fitted(image.convert(mode)) for image in images]
    pixels = np.stack([np.asarray(image.convert(mode)) for image in images])
    return torch.from_numpy(pixels.reshape(*pixels.shape[:3], -1).transpose(0, 3, 1, 2).copy())


def _fitted(image: Image.Image) -> Image.Image:
    """In the middle of a square, whole."""
    image.thumbnail((SIDE, SIDE))
    square = Image.new(image.mode, (SIDE, SIDE), "white")
    square.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    return square
