"""Images of the user's own in idx files, as MNIST's."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from vae_core.data.mnist_family import read_idx
from vae_core.data.own.arrays import picture_source
from vae_core.data.own.source import ImageSource, labelled
from vae_core.data.own.values import Part, Scale, common_reading, scale_notes, values_of
from vae_core.errors import DataError
from vae_core.files.atomic import scratch


def idx_source(
    images: Path | BinaryIO,
    labels: Path | BinaryIO | None,
    name: str,
    max_bytes: int,
    scale: Scale | None,
) -> ImageSource:
    """The images of an idx file, with that of their labels, of max_bytes at most each."""
    pictures = _idx(images, "images", name, max_bytes)
    numbers = None if labels is None else _idx(labels, "labels", name, max_bytes)
    if numbers is not None and len(numbers) != len(pictures):
        raise DataError(f"{name} has {len(pictures):,} images, but {len(numbers):,} labels.")
    if not pictures.numel():
        raise DataError(f"{name} has no images.")
    classes, names = (None, ()) if numbers is None else labelled(name, numbers.numpy())
    array = pictures.unsqueeze(-1).numpy()
    values = values_of(array)
    given = scale is not None
    parts = {"the images": Part(values, len(array))}
    reading = common_reading(name, parts, scale, one_type=True, in_bytes=False)
    return replace(
        picture_source(name, [array], values, reading),
        origins=[f"{name}[{row}]" for row in range(len(array))],
        labels=classes,
        class_names=names,
        notes=tuple(scale_notes(values, reading, given=given)),
    )


def _idx(file: Path | BinaryIO, kind: str, name: str, max_bytes: int) -> Tensor:
    """The values of an idx file, packed by gzip or plain."""
    stream = file.open("rb") if isinstance(file, Path) else file
    try:
        stream.seek(0)
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        with scratch() as folder, (folder / "plain").open("wb") as plain:
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
