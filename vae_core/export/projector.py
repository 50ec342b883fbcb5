"""The codes of the test images for TensorBoard's Embedding Projector.

vectors.tsv            mu, a row an image
metadata.tsv           what is known of each: its label, its index in the data set, …
sprite.png             the images, where they are at hand
projector_config.pbtxt names the three: tensorboard --logdir FOLDER
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vae_core.checkpoints.reading import load_checkpoint, load_latents, read_config
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.own.source import printable
from vae_core.errors import ConfigError, DataError
from vae_core.export.folder import export_folder
from vae_core.files.atomic import write_bytes
from vae_core.latent.latents import Latents, check_image_shape, encode_dataset
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.models.latent_model import LatentModel
from vae_core.runs.data import checkpoint_images

VECTORS, METADATA, SPRITE = "vectors.tsv", "metadata.tsv", "sprite.png"
CONFIG = "projector_config.pbtxt"
MAX_SPRITE_SIDE = 8192  # pixels; the most that a browser's graphics take everywhere
_AT_ONCE = 1_000


def write_projector(checkpoint: str | Path, folder: str | Path) -> str:
    """Write the codes of the model in the folder `checkpoint` to `folder`.

    Its stored codes; of a model without, those of the test images. Returns why there is no sprite,
    empty where there is. CheckpointError where there is no such model; ConfigError where it has no
    encoder or `folder` cannot be written; DataError where it has no codes and no images to encode.
    """
    model, latents = load_checkpoint(checkpoint), load_latents(checkpoint)
    if not model.has_encoder:
        raise ConfigError("The model has no encoder, so there are no codes to project.")
    config = read_config(checkpoint)
    with export_folder(folder, (VECTORS, METADATA, SPRITE, CONFIG)) as new:
        why, images = "", None
        try:
            images = _test_images(checkpoint, model, latents)
        except DataError as error:
            if latents is None:
                raise
            why = str(error)
        if latents is None:
            assert images is not None
            latents = encode_dataset(model, images)
        values = config.get("factor_values", ())
        table = latents.table(config["class_names"], config["factor_names"], values)
        write_bytes(new / VECTORS, _tsv(latents.mu.numpy().T))
        told = {k: v for k, v in table.items() if not re.fullmatch(r"(mu|sigma)_\d+", k)}
        # The Projector calls points by the first column, and wants a header over two or more.
        names = sorted(told, key=lambda name: name != "label")
        write_bytes(new / METADATA, _line(names) + _tsv(told[name] for name in names))
        size = None
        if images is not None:
            picture, size = _sprite(images.images[latents.indices])
            write_bytes(new / SPRITE, png_bytes(picture))
        name = printable(Path(checkpoint).resolve().name)
        write_bytes(new / CONFIG, _config(name, size).encode())
    return why


def _test_images(
    checkpoint: str | Path, model: LatentModel, latents: Latents | None
) -> ImageDataset:
    images = checkpoint_images(checkpoint)
    check_image_shape(model, images)
    if latents is not None and int(latents.indices.max()) >= len(images):
        raise DataError(f"The stored codes are of other images than those of {images.name}.")
    return images


def _config(name: str, size: tuple[int, int] | None) -> str:
    """projector_config.pbtxt; size: (width, height) of an image in the sprite, if there is one."""
    lines = [f"tensor_name: {json.dumps(name, ensure_ascii=False)}"]
    lines += [f'tensor_path: "{VECTORS}"', f'metadata_path: "{METADATA}"']
    if size is not None:
        width, height = (f"single_image_dim: {side}" for side in size)
        lines.append(f'sprite {{ image_path: "{SPRITE}" {width} {height} }}')
    return "embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _tsv(columns: Iterable[np.ndarray]) -> bytes:
    """Columns of n numbers or texts each, as n lines of cells."""
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return b"".join(
        _line(f"{x:.6g}" if isinstance(x, float) else str(x) for x in row) for row in rows
    )


def _line(cells: Iterable[str]) -> bytes:
    """A line of cells, in which whatever could end one is a space."""
    safe = ("".join(c if c.isprintable() else " " for c in cell) for cell in cells)
    return ("\t".join(safe) + "\n").encode()


def _sprite(images: Tensor) -> tuple[np.ndarray, tuple[int, int]]:
    """Images (n, c, h, w) uint8 as one picture, row by row, and (width, height) of one in it."""
    n, channels, height, width = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    most = MAX_SPRITE_SIDE // columns
    scale = min(1.0, most / max(height, width))
    size = (max(1, int(height * scale)), max(1, int(width * scale)))
    sheet = torch.zeros(rows * columns, channels, *size, dtype=torch.uint8)
    for part, place in zip(images.split(_AT_ONCE), sheet.split(_AT_ONCE), strict=False):
        small = part if scale == 1 else functional.interpolate(part.float(), size, mode="area")
        place[: len(part)] = small.round() if small.is_floating_point() else small
    return tile_images(sheet.view(rows, columns, *sheet.shape[1:])), (size[1], size[0])
