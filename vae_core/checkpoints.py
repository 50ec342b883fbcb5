"""Checkpoint folders: save, load, list, verify.

    config.json          schema version, architecture, training settings, data set, libraries
    model.safetensors    the weights
    metrics.json         figures, written by `evaluate`
    latents.safetensors  the encoded test set
    README.md            a model card made from the JSON files
    preview.png          the manifold (d >= 2)

Nothing is pickled, read or written. A folder is checked before a single weight is allocated: sizes,
types, names and shapes. Whatever is wrong is one sentence in a CheckpointError.
"""

from __future__ import annotations

import io
import platform
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from vae_core.datasets import ImageDataset
from vae_core.errors import CheckpointError, ConfigError
from vae_core.evaluation import Metrics
from vae_core.files import folder_written_whole, read_json, write_bytes, write_json
from vae_core.latents import Latents
from vae_core.manifold import manifold_grid, png_bytes, tile_images
from vae_core.modelcard import model_card
from vae_core.models import LatentModel, ModelConfig, build_model
from vae_core.training import TrainConfig

SCHEMA_VERSION = 1
MAX_WEIGHT_BYTES = 512 << 20
MAX_LATENT_BYTES = 512 << 20
MAX_ZIP_BYTES = 64 << 20
MAX_UNZIPPED_BYTES = 256 << 20
FILES = (
    "config.json",
    "model.safetensors",
    "metrics.json",
    "latents.safetensors",
    "README.md",
    "preview.png",
)
_MODEL_FIELDS = tuple(f.name for f in fields(ModelConfig))
_LATENT_DTYPES = {
    "mu": torch.float32,
    "logvar": torch.float32,
    "reconstruction": torch.float32,
    "indices": torch.int64,
    "labels": torch.int64,
    "factors": torch.float32,
}


@dataclass(frozen=True)
class CheckpointInfo:
    """A listed folder: config and metrics as in its JSON files, or the `error` that hides them."""

    name: str
    path: Path
    config: dict[str, Any]
    metrics: dict[str, Any] | None
    error: str | None = None


def save_checkpoint(
    path: str | Path,
    model: LatentModel,
    *,
    config: TrainConfig | Mapping[str, Any] | None = None,
    metrics: Metrics | Mapping[str, Any] | None = None,
    latents: Latents | None = None,
    dataset: ImageDataset | None = None,
) -> None:
    """Write the folder `path` whole or not at all; an old one of that name is replaced.

    config: the training settings, kept for the record; metrics: from `evaluate`; latents: the
    encoded test set; dataset: gives the names of classes and factors.
    """
    path = Path(path)
    training = config.to_json() if isinstance(config, TrainConfig) else dict(config or {})
    figures = metrics.to_json() if isinstance(metrics, Metrics) else metrics
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        **model.config.to_json(),
        "objective": training.get("objective"),
        "dataset": dataset.name if dataset else training.get("dataset"),
        "class_names": list(dataset.class_names) if dataset else [],
        "factor_names": list(dataset.factor_names) if dataset else [],
        "training": training,
        "libraries": {
            "python": platform.python_version(),
            **{name: version(name).split("+")[0] for name in ("torch", "safetensors", "numpy")},
        },
    }
    weights = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    with folder_written_whole(path) as folder:
        write_json(folder / "config.json", document)
        write_bytes(folder / "model.safetensors", safetensors_bytes(weights))
        if figures is not None:
            write_json(folder / "metrics.json", dict(figures))
        if latents is not None:
            columns = {name: getattr(latents, name) for name in _LATENT_DTYPES}
            write_bytes(
                folder / "latents.safetensors",
                safetensors_bytes({k: t.contiguous() for k, t in columns.items() if t is not None}),
            )
        write_bytes(folder / "README.md", model_card(path.name, document, figures).encode())
        if model.latent_dim >= 2:
            _, images = manifold_grid(model, 12)
            write_bytes(folder / "preview.png", png_bytes(tile_images(images)))


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> LatentModel:
    """The model in the folder `path`, in eval mode on `device`; CheckpointError if it is none."""
    path = Path(path)
    config = _model_config(read_config(path), path)
    with torch.device("meta"):  # shapes without memory: a config cannot make us allocate
        model = build_model(config)
    expected = {name: (t.dtype, tuple(t.shape)) for name, t in model.state_dict().items()}
    weights = _read_tensors(path / "model.safetensors", MAX_WEIGHT_BYTES, expected)
    for name, weight in weights.items():
        if not bool(torch.isfinite(weight).all()):
            raise CheckpointError(f"{path.name}: the weight {name} holds NaN or infinite values.")
    model.load_state_dict(weights, assign=True)
    return model.to(device).eval().requires_grad_(False)


def load_latents(path: str | Path) -> Latents | None:
    """The stored latents of the checkpoint folder `path`, None when it has none."""
    path = Path(path)
    file = path / "latents.safetensors"
    if not file.exists():
        return None
    d = _model_config(read_config(path), path).latent_dim
    columns = _read_tensors(file, MAX_LATENT_BYTES, None)
    for name, tensor in columns.items():
        if tensor.dtype != _LATENT_DTYPES.get(name):
            raise CheckpointError(f"{path.name}: {file.name} holds {name} as {tensor.dtype}.")
    try:
        latents = Latents(**columns)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path.name}: {file.name} is not a set of latents: {error}"
        ) from error
    if latents.mu.shape[1] != d:
        raise CheckpointError(
            f"{path.name}: latent_dim={d}, but the stored mu has {latents.mu.shape[1]} columns."
        )
    return latents


def list_checkpoints(root: str | Path = "checkpoints") -> list[CheckpointInfo]:
    """Every folder below `root`, by name; a broken one is listed with its `error`, never raised."""
    root = Path(root)
    if not root.is_dir():
        return []
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [_describe(folder) for folder in folders]


def _describe(path: Path) -> CheckpointInfo:
    try:
        config = read_config(path)
        with torch.device("meta"):
            model = build_model(_model_config(config, path))
        expected = {name: (t.dtype, tuple(t.shape)) for name, t in model.state_dict().items()}
        _check_header(path / "model.safetensors", MAX_WEIGHT_BYTES, expected)
        file = path / "metrics.json"
        metrics = read_json(file, CheckpointError) if file.exists() else None
        return CheckpointInfo(path.name, path, config, metrics)
    except CheckpointError as error:
        return CheckpointInfo(path.name, path, {}, None, str(error))


def unpack_checkpoint(archive: BinaryIO, path: str | Path) -> LatentModel:
    """Unpack an uploaded zip of a checkpoint folder to `path`, verified; returns its model.

    Only the six files of a checkpoint are taken, by their own names, at the archive's top or in its
    one folder; what else it holds is refused. CheckpointError says what is wrong.
    """
    archive.seek(0, 2)
    if archive.tell() > MAX_ZIP_BYTES:
        raise CheckpointError(f"The archive is larger than {MAX_ZIP_BYTES >> 20} MB.")
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = _zip_members(bundle)
            with folder_written_whole(Path(path)) as folder:
                for name, info in members.items():
                    write_bytes(folder / name, _unzip(bundle, info))
                model = load_checkpoint(folder)
                load_latents(folder)
                if (folder / "metrics.json").exists():
                    read_json(folder / "metrics.json", CheckpointError)
                return model
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise CheckpointError(
            "The file is not a readable zip archive; zip the checkpoint's folder and try again."
        ) from error


def zip_checkpoint(path: str | Path) -> bytes:
    """The checkpoint folder `path` as a zip that `unpack_checkpoint` takes."""
    path, buffer = Path(path), io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in FILES:
            if (path / name).exists():
                bundle.write(path / name, f"{path.name}/{name}")
    return buffer.getvalue()


def copy_checkpoint(source: str | Path, target: str | Path) -> None:
    """Copy a checkpoint folder, whole or not at all; its model card takes the new name."""
    source, target = Path(source), Path(target)
    config = read_config(source)
    with folder_written_whole(target) as folder:
        for name in FILES:
            if (source / name).exists():
                write_bytes(folder / name, (source / name).read_bytes())
        metrics_file = source / "metrics.json"
        metrics = read_json(metrics_file, CheckpointError) if metrics_file.exists() else None
        write_bytes(folder / "README.md", model_card(target.name, config, metrics).encode())


def _zip_members(bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    total = 0
    for info in bundle.infolist():
        if info.is_dir():
            continue
        folder, _, name = info.filename.rpartition("/")
        mode = info.external_attr >> 16
        if (
            ".." in info.filename.split("/")
            or info.filename.startswith("/")
            or "\\" in info.filename
        ):
            raise CheckpointError("The archive holds a path that leaves its folder; it is refused.")
        if name not in FILES or "/" in folder or name in members or stat.S_ISLNK(mode):
            raise CheckpointError(
                f"The archive holds {info.filename[:80]!r}; a checkpoint is one folder with "
                f"{', '.join(FILES)} and nothing else."
            )
        folders.add(folder)
        members[name] = info
        total += info.file_size
    if len(folders) > 1:
        raise CheckpointError("The archive holds several folders; zip one checkpoint at a time.")
    if total > MAX_UNZIPPED_BYTES:
        raise CheckpointError(f"The archive unpacks to more than {MAX_UNZIPPED_BYTES >> 20} MB.")
    return members


def _unzip(bundle: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with bundle.open(info) as member:
        data = member.read(info.file_size + 1)  # never more than the header promised
    if len(data) != info.file_size:
        raise CheckpointError(f"{info.filename[:80]} is not of the size that the archive promises.")
    return data


def read_config(path: str | Path) -> dict[str, Any]:
    """config.json of the checkpoint folder `path`; CheckpointError when it is not one of ours."""
    path = Path(path)
    if path.is_file():
        raise CheckpointError(
            f"{path.name} is a file; a checkpoint is a folder with config.json and "
            "model.safetensors. Pickled .pt and .pth files are never opened."
        )
    if not path.is_dir():
        raise CheckpointError(f"There is no checkpoint {path.name!r}; see list_checkpoints().")
    config = read_json(path / "config.json", CheckpointError)
    if config.get("schema_version") != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path.name}: schema_version is {str(config.get('schema_version'))[:20]}, but this "
            f"program reads {SCHEMA_VERSION}; the folder is foreign or from a newer version."
        )
    return config


def _model_config(config: dict[str, Any], path: Path) -> ModelConfig:
    try:
        return ModelConfig(**{name: config[name] for name in _MODEL_FIELDS if name in config})
    except (TypeError, ConfigError) as error:
        raise CheckpointError(f"{path.name}: config.json is not a model's: {error}") from error


def _check_header(
    path: Path, max_bytes: int, expected: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
) -> None:
    """Compare a safetensors file's names, types and shapes with `expected`, reading no weight."""
    header = _safetensors_header(path, max_bytes)
    where = path.parent.name
    missing, foreign = sorted(expected.keys() - header), sorted(header.keys() - expected)
    if missing or foreign:
        word, name = ("lacks", missing[0]) if missing else ("has the foreign", foreign[0])
        raise CheckpointError(f"{where}: {path.name} {word} weight {name[:80]!r}; config differs.")
    for name, (dtype, shape) in expected.items():
        if header[name] != (_SAFETENSORS_DTYPES[dtype], shape):
            raise CheckpointError(
                f"{where}: the weight {name} is {header[name][0]} {header[name][1]}, but "
                f"config.json wants {_SAFETENSORS_DTYPES[dtype]} {shape}."
            )


_SAFETENSORS_DTYPES = {torch.float32: "F32", torch.int64: "I64"}


def _safetensors_header(path: Path, max_bytes: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise CheckpointError(f"{path.name} is larger than {max_bytes >> 20} MB.")
        with path.open("rb") as file:
            head = file.read(2)
        if head[:2] in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):
            raise CheckpointError(
                f"{path.parent.name}: {path.name} is a pickled PyTorch file, which is never "
                "opened; save the weights with safetensors."
            )
        with safe_open(path, framework="pt") as file:
            return {
                name: (part.get_dtype(), tuple(part.get_shape()))
                for name in file.keys()  # noqa: SIM118 (no mapping: it has keys() alone)
                for part in [file.get_slice(name)]
            }
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent.name}: {path.name} is missing.") from error
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path.parent.name}: {path.name} is torn or no safetensors file."
        ) from error


def _read_tensors(
    path: Path,
    max_bytes: int,
    expected: Mapping[str, tuple[torch.dtype, tuple[int, ...]]] | None,
) -> dict[str, Tensor]:
    if expected is None:
        _safetensors_header(path, max_bytes)
    else:
        _check_header(path, max_bytes, expected)
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
