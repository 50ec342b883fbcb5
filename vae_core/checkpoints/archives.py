"""A checkpoint as one file: a zip of its folder, to take home and to bring."""

from __future__ import annotations

import io
import math
import threading
import zipfile
from pathlib import Path
from typing import BinaryIO

import torch

from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.layout import (
    DECODER,
    ENCODER,
    FILES,
    LATENTS,
    PICKLE_ENDINGS,
    WEIGHTS,
    WHY_NO_PICKLES,
)
from vae_core.checkpoints.onnx.importing import onnx_model
from vae_core.checkpoints.onnx.model import OnnxModel
from vae_core.checkpoints.onnx.process import check_limited
from vae_core.checkpoints.reading import (
    checkpoint_files,
    load_checkpoint,
    load_latents,
    model_config,
    read_config,
    verified_shapes,
    without_sources,
)
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.errors import CheckpointError
from vae_core.files.atomic import folder_written_whole, write_bytes
from vae_core.files.zips import left_by_file_manager, open_zip, zip_files
from vae_core.models.architecture import Architecture, architecture
from vae_core.models.latent_model import LatentModel

MAX_ZIP_BYTES = 64 << 20
MAX_DIRECTORY_BYTES = 256 << 10  # a few files, and what file managers add
MAX_UNZIPPED_BYTES = 64 << 20  # 10 million weights with their latents; shipped models have 12 MB
MAX_MULTIPLY_ADDS = 128_000_000  # for one image, to encode or decode it: some 10 ms of a core
MAX_SECONDS = 0.1  # of a core, for one image of a network from elsewhere
MAX_PIXELS = 2 * 3 * 64**2  # values of one image: pages show up to 1,600 of them at once
MAX_HELD = 500_000  # numbers that the layers give for one image, 2 MB
_PUT_IT_THERE = "put the folder into the server's ZSCAPE_CHECKPOINTS instead"
_one_at_a_time = threading.Lock()  # what is unpacked is in memory more than once for a moment
_few_at_a_time = threading.BoundedSemaphore(2)  # networks from elsewhere, tried for some seconds


def zip_checkpoint(path: str | Path, *, sources: bool = True) -> bytes:
    """The checkpoint folder `path`, a sound one, as a zip that `unpack_checkpoint` takes.

    sources: whether it tells which files its images came from.
    """
    path, buffer = Path(path).resolve(), io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in checkpoint_files(path):
            if name == LATENTS and not sources:
                data = without_sources(path)
            bundle.writestr(f"{path.name}/{name}", data)
    return buffer.getvalue()


def unpack_checkpoint(archive: BinaryIO, path: str | Path) -> LatentModel:
    """Unpack an uploaded zip of a checkpoint folder to `path`, verified; returns its model.

    Only the files of a checkpoint are taken, by their own names, at the archive's top or in its
    one folder; what else it holds is refused. Of decoder.onnx and encoder.onnx alone a checkpoint
    is made, without latents or figures. CheckpointError says what is wrong.
    """
    if archive.seek(0, io.SEEK_END) > MAX_ZIP_BYTES:
        raise CheckpointError(
            f"The archive is larger than {MAX_ZIP_BYTES >> 20} MB, the most that is taken; "
            f"{_PUT_IT_THERE}."
        )
    remedy = "zip the checkpoint's folder and try again"
    with _one_at_a_time:
        with open_zip(archive, "The file", CheckpointError, remedy, MAX_DIRECTORY_BYTES) as bundle:
            contents = {name: _unzip(bundle, info) for name, info in _zip_members(bundle).items()}
        if DECODER not in contents:
            return _written(contents, Path(path))
    check_limited()
    with _few_at_a_time:
        is_whole = "config.json" in contents
        return _written(contents, Path(path)) if is_whole else _imported(contents, Path(path))


def _written(contents: dict[str, bytes], path: Path) -> LatentModel:
    """The model of the files that were unpacked, once they lie at `path`; sound, or not at all."""
    with folder_written_whole(path) as folder:
        while contents:
            name, data = contents.popitem()
            write_bytes(folder / name, data)
        del data
        return _verified(folder)


def _verified(folder: Path) -> LatentModel:
    """The model in an unpacked folder; CheckpointError where it is not sound, or too much."""
    shapes = verified_shapes(folder, read_config(folder))
    if not isinstance(shapes, OnnxModel):
        too_much = too_much_an_image(architecture(model_config(folder, read_config(folder))))
        if too_much:
            raise CheckpointError(f"{too_much}; {_PUT_IT_THERE}.")
    model = check_sound(folder)
    if isinstance(model, OnnxModel):
        _check_cheap(model)
    return model


def check_sound(folder: Path) -> LatentModel:
    """The model in a folder that may come from anywhere; CheckpointError where any file is bad."""
    model = load_checkpoint(folder)
    load_latents(folder)
    read_metrics(folder)
    if isinstance(model, OnnxModel):
        _check_runs(model)
    return model


def _imported(files: dict[str, bytes], path: Path) -> OnnxModel:
    """The checkpoint `path` made of ONNX files alone."""
    model = onnx_model(files)
    _check_runs(model)
    _check_cheap(model)
    save_checkpoint(path, model)
    return model


def _check_runs(model: OnnxModel) -> None:
    """CheckpointError where a network from elsewhere fails on ordinary codes and images.

    What it does on others is told when it does it.
    """
    z = torch.randn(4, model.latent_dim, generator=torch.Generator().manual_seed(0))
    images = model.decode(z)
    if model.has_encoder:
        model.encode(images)


def _check_cheap(model: OnnxModel) -> None:
    """CheckpointError where its images are too large, or take too long, to be shared."""
    if (pixels := math.prod(model.image_shape)) > MAX_PIXELS:
        raise CheckpointError(
            f"An image has {pixels:,} values, and {MAX_PIXELS:,} are the most here; "
            f"{_PUT_IT_THERE}."
        )
    if model.seconds > MAX_SECONDS:
        raise CheckpointError(
            f"An image takes {model.seconds:.2g} seconds, and {MAX_SECONDS:g} are the most here; "
            f"{_PUT_IT_THERE}."
        )


def too_much_an_image(network: Architecture) -> str:
    """Why one image costs too much to be shared with other visitors; empty where it does not."""
    if (pixels := math.prod(network.image_shape)) > MAX_PIXELS:
        return f"An image has {pixels:,} values, and {MAX_PIXELS:,} are the most here"
    if network.multiply_adds > MAX_MULTIPLY_ADDS:
        return (
            f"An image takes {network.multiply_adds:,} multiply-adds, and {MAX_MULTIPLY_ADDS:,} "
            "are the most here"
        )
    held = sum(map(math.prod, (network.encoder or ()) + network.decoder))
    if held > MAX_HELD:
        return (
            f"An image fills {held:,} places between the layers, and {MAX_HELD:,} are the most here"
        )
    return ""


def _zip_members(bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    total = 0
    for path, info in zip_files(bundle, "The archive", CheckpointError):
        folder, _, name = path.rpartition("/")
        if left_by_file_manager(path):
            continue
        if name.lower().endswith(PICKLE_ENDINGS):
            raise CheckpointError(
                f"The archive holds {path[:80]!r}, and pickles are never opened: "
                f"{WHY_NO_PICKLES}; save the weights as model.safetensors, or export ONNX."
            )
        if name not in FILES or "/" in folder or name in members:
            raise CheckpointError(
                f"The archive holds {path[:80]!r}; a checkpoint is one folder with "
                f"{', '.join(FILES)} and nothing else: zip such a folder alone."
            )
        folders.add(folder)
        members[name] = info
        total += info.file_size
    if len(folders) > 1:
        raise CheckpointError("The archive holds several folders; zip one checkpoint at a time.")
    if total > MAX_UNZIPPED_BYTES:
        raise CheckpointError(
            f"The archive unpacks to more than {MAX_UNZIPPED_BYTES >> 20} MB, the most that is "
            f"taken; {_PUT_IT_THERE}."
        )
    if members and not members.keys() - {DECODER, ENCODER} and DECODER in members:
        return members
    there = members.keys()
    for name in ("config.json", WEIGHTS[0] if DECODER not in there else DECODER):
        if name not in there:
            raise CheckpointError(
                f"{name} is missing in the archive; zip the whole folder of a checkpoint, as "
                "the command `export` does."
            )
    return members


def _unzip(bundle: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with bundle.open(info) as member:
        data = member.read(info.file_size + 1)  # never more than the header promised
    if len(data) != info.file_size:
        raise CheckpointError(
            f"{info.filename[:80]} is not of the size that the archive promises; zip it again."
        )
    return data
