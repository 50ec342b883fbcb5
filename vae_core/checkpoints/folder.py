"""Checkpoint folders: save, load, list, verify.

    config.json          schema version, architecture, training settings, data set, libraries,
                         machine
    model.safetensors    the weights
    metrics.json         figures, written by `evaluate`
    latents.safetensors  the encoded test set
    README.md            a model card made from the JSON files
    preview.png          the manifold over the two dimensions most in use (d >= 2)

Nothing is pickled, read or written. A folder is checked before a single weight is allocated: sizes,
types, names and shapes. Whatever is wrong is one sentence in a CheckpointError.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from reprlib import repr as shown
from types import NoneType
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from vae_core.checkpoints.card import model_card
from vae_core.data.datasets import ImageDataset
from vae_core.errors import CheckpointError, ConfigError
from vae_core.files.atomic import (
    folder_written_whole,
    open_ordinary,
    read_json,
    write_bytes,
    write_json,
)
from vae_core.files.tensors import load_tensors, read_header
from vae_core.latent.latents import Latents
from vae_core.latent.manifold import manifold_grid, png_bytes, tile_images
from vae_core.measures.codes.accuracy import CodeAccuracy
from vae_core.measures.codes.disentanglement import Disentanglement
from vae_core.measures.codes.few_labels import FewLabels
from vae_core.measures.evaluation import Metrics
from vae_core.measures.likelihood.elbo_surgery import ElboSurgery
from vae_core.models.latent_model import LatentModel, ModelConfig, build_model
from vae_core.training.config import TrainConfig

SCHEMA_VERSION = 1
MAX_WEIGHT_BYTES = 512 << 20
MAX_WEIGHTS = MAX_WEIGHT_BYTES // 4  # float32
MAX_LATENT_BYTES = 512 << 20
FILES = (
    "config.json",
    "model.safetensors",
    "metrics.json",
    "latents.safetensors",
    "README.md",
    "preview.png",
)
_EVALUATE_AGAIN = "run `evaluate` again, or leave the file out"
_ENCODE_AGAIN = "write it anew from the data, or leave it out"
_MODEL_FIELDS = tuple(f.name for f in fields(ModelConfig))
_LATER_FIELDS = ("prior", "pseudo_inputs", "classes")  # models without them are as by default
_TABLES = {
    name: {f.name: str(f.type) for f in fields(kind)}
    for name, kind in (
        ("aggregate", ElboSurgery),
        ("codes", CodeAccuracy),
        ("disentanglement", Disentanglement),
        ("few_labels", FewLabels),
    )
}
_FIGURES = {f.name: str(f.type) for f in fields(Metrics) if f.name not in _TABLES}
_RECORD: dict[str, type | tuple[type, ...]] = {
    "objective": (str, NoneType),
    "dataset": (str, NoneType),
    "class_names": list,
    "factor_names": list,
    "training": dict,
    "libraries": dict,
}
_DTYPE_NAMES = {torch.float32: "F32", torch.int64: "I64"}  # as safetensors writes them
_LATENT_DTYPES = {
    "mu": "F32",
    "logvar": "F32",
    "reconstruction": "F32",
    "indices": "I64",
    "labels": "I64",
    "factors": "F32",
    "kl_terms": "F32",
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
    """Write the folder `path` whole or not at all; an old checkpoint there is replaced.

    config: the training settings, kept for the record; metrics: from `evaluate`; latents: the
    encoded test set; dataset: gives the names of classes and factors. CheckpointError where `path`
    holds anything else, a weight is not finite, or what is given is not as it is read back.
    """
    path = Path(path)
    check_target(path)
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
            **{name: _version(name) for name in ("torch", "safetensors", "numpy")},
        },
        "machine": _machine(next(model.parameters()).device),
    }
    weights = {
        name: _plain(t.float() if t.is_floating_point() else t)
        for name, t in model.state_dict().items()
    }
    _check_finite(path, weights)
    with folder_written_whole(path) as folder:
        _write_json(folder / "config.json", document)
        write_bytes(folder / "model.safetensors", safetensors_bytes(weights))
        if figures is not None:
            _write_json(folder / "metrics.json", dict(figures))
        if latents is not None:
            columns = {name: getattr(latents, name) for name in _LATENT_DTYPES}
            write_bytes(
                folder / "latents.safetensors",
                safetensors_bytes({k: _plain(t) for k, t in columns.items() if t is not None}),
            )
        _verified_shapes(folder, read_config(folder))
        load_latents(folder)
        read_metrics(folder)
        card = model_card(path.resolve().name, document, figures)
        write_bytes(folder / "README.md", card.encode())
        if model.latent_dim >= 2:
            use = torch.ones(2) if latents is None else latents.use
            across, up = sorted(use.topk(2).indices.tolist())
            _, images = manifold_grid(model, 12, (across, up))
            write_bytes(folder / "preview.png", png_bytes(tile_images(images)))


def _plain(tensor: Tensor) -> Tensor:
    """As safetensors wants it: in memory of its own."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _write_json(file: Path, value: Any) -> None:
    try:
        write_json(file, value)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{file.name} cannot be written: {error}") from error


def _check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        if not bool(torch.isfinite(weight).all()):
            raise CheckpointError(
                f"{path.name}: the weight {name} holds NaN or infinite values; train it anew."
            )


def check_target(path: str | Path) -> None:
    """CheckpointError where `path` holds what a checkpoint that takes its place would destroy."""
    path = Path(path)
    lost = [path.name] if os.path.lexists(path) else []
    if path.is_dir() and not path.is_symlink():
        lost = [n for n in sorted(os.listdir(path)) if n not in (*FILES, ".DS_Store")]
    if lost:
        raise CheckpointError(
            f"{shown(lost[0])} in {path.name} is not a checkpoint's and would be lost; name a "
            "folder that is new."
        )


def _machine(device: torch.device) -> str:
    """The class of machine that a model lies on: what its figures depend on in the last digits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {os.cpu_count()} cores"


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> LatentModel:
    """The model in the folder `path`, in eval mode on `device`; CheckpointError if it is none."""
    path = Path(path)
    model = _verified_shapes(path, read_config(path))
    weights = load_tensors(path / "model.safetensors", MAX_WEIGHT_BYTES)
    _check_finite(path, weights)
    model.load_state_dict(weights, assign=True)
    return model.to(device).eval().requires_grad_(False)


def load_latents(path: str | Path) -> Latents | None:
    """The stored latents of the checkpoint folder `path`, None when it has none."""
    path = Path(path)
    file = path / "latents.safetensors"
    if not file.exists():
        return None
    config = read_config(path)
    model = _shapes(path, config)
    d = model.latent_dim
    for name, (dtype, _) in read_header(file, MAX_LATENT_BYTES).items():
        if dtype != _LATENT_DTYPES.get(name):
            raise CheckpointError(
                f"{path.name}: {file.name} holds {name[:80]!r} as {dtype}; {_ENCODE_AGAIN}."
            )
    columns = load_tensors(file, MAX_LATENT_BYTES)
    for name, column in columns.items():
        point = name == "logvar" and not model.is_variational  # a code without a posterior
        if bool((column.isnan() if point else ~column.isfinite()).any()):
            raise CheckpointError(
                f"{path.name}: {file.name} holds NaN or infinite values in {name}; {_ENCODE_AGAIN}."
            )
    try:
        latents = Latents(**columns)
    except TypeError as error:
        raise CheckpointError(
            f"{path.name}: {file.name} lacks a column; {_ENCODE_AGAIN}."
        ) from error
    except ValueError as error:
        raise CheckpointError(
            f"{path.name}: {file.name} is not a set of latents: {error} Otherwise {_ENCODE_AGAIN}."
        ) from error
    if latents.mu.shape[1] != d:
        raise CheckpointError(
            f"{path.name}: latent_dim={d}, but the stored mu has {latents.mu.shape[1]} columns; "
            f"{_ENCODE_AGAIN}."
        )
    rows = latents.indices
    if not len(rows) or int(rows.min()) < 0 or len(rows.unique()) < len(rows):
        raise CheckpointError(
            f"{path.name}: {file.name} is not of some images, each once; {_ENCODE_AGAIN}."
        )
    names, labels = config["class_names"], latents.labels
    if names and labels is not None and not bool(((labels >= 0) & (labels < len(names))).all()):
        raise CheckpointError(
            f"{path.name}: config.json has no name for some stored label; {_ENCODE_AGAIN}."
        )
    names, factors = config["factor_names"], latents.factors
    if names and factors is not None and factors.shape[1] != len(names):
        raise CheckpointError(
            f"{path.name}: config.json does not name each stored factor; {_ENCODE_AGAIN}."
        )
    return latents


def list_checkpoints(root: str | Path = "checkpoints") -> list[CheckpointInfo]:
    """Every folder below `root`, by name; a broken one is listed with its `error`, never raised.

    CheckpointError where `root` itself cannot be read.
    """
    root = Path(root)
    try:
        if not root.is_dir():
            return []
        folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise CheckpointError(f"{root.name[:80]} cannot be read: {error.strerror}.") from error
    return [_describe(folder) for folder in folders]


def _describe(path: Path) -> CheckpointInfo:
    try:
        config = read_config(path)
        _verified_shapes(path, config)
        return CheckpointInfo(path.name, path, config, read_metrics(path))
    except CheckpointError as error:
        return CheckpointInfo(path.name, path, {}, None, str(error))


def write_metrics(path: str | Path, metrics: Metrics) -> None:
    """Put new figures into a checkpoint folder: metrics.json, and the model card made from it."""
    path = Path(path)
    config, figures = read_config(path), metrics.to_json()
    write_json(path / "metrics.json", figures)
    write_bytes(path / "README.md", model_card(path.resolve().name, config, figures).encode())


def copy_checkpoint(source: str | Path, target: str | Path) -> None:
    """Copy a checkpoint folder, whole or not at all; its model card takes the new name.

    CheckpointError where `target` holds anything but a checkpoint.
    """
    source, target = Path(source), Path(target)
    config = read_config(source)
    check_target(target)
    with folder_written_whole(target) as folder:
        for name, data in checkpoint_files(source):
            write_bytes(folder / name, data)
        card = model_card(target.name, config, read_metrics(source))
        write_bytes(folder / "README.md", card.encode())


def checkpoint_files(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of the checkpoint folder `path`; ordinary ones alone."""
    for name in FILES:
        if (Path(path) / name).exists():
            with open_ordinary(Path(path) / name, CheckpointError, MAX_WEIGHT_BYTES) as file:
                yield name, file.read()


def read_config(path: str | Path) -> dict[str, Any]:
    """config.json of the checkpoint folder `path`; CheckpointError when it is not one of ours."""
    path = Path(path)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:
        raise CheckpointError(f"{path.name[:80]} cannot be read: {error.strerror}.") from error
    if is_file:
        raise CheckpointError(
            f"{path.name} is a file; a checkpoint is a folder with config.json and "
            "model.safetensors. Pickled .pt and .pth files are never opened."
        )
    if not is_folder:
        raise CheckpointError(f"There is no checkpoint {path.name!r}; see list_checkpoints().")
    config = read_json(path / "config.json", CheckpointError)
    if config.get("schema_version") != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path.name}: schema_version is {str(config.get('schema_version'))[:20]}, but this "
            f"program reads {SCHEMA_VERSION}: update it if the folder is from a newer one."
        )
    for name, kind in _RECORD.items():
        if not isinstance(config.get(name), kind):
            raise CheckpointError(
                f"{path.name}: config.json holds {name}={shown(config.get(name))}, which is "
                "not of the type that is expected there; save the model again."
            )
    if not all(isinstance(n, str) for n in config["class_names"] + config["factor_names"]):
        raise CheckpointError(
            f"{path.name}: config.json holds a class or factor that is no name; save it again."
        )
    if not _is_figure(config["training"].get("beta", 1.0), "float"):
        raise CheckpointError(
            f"{path.name}: config.json holds beta={shown(config['training']['beta'])}, which is no "
            "number; save it again."
        )
    return config


def read_metrics(path: str | Path) -> dict[str, Any] | None:
    """metrics.json of the checkpoint folder `path`, its figures finite; None when it has none."""
    path = Path(path)
    file = path / "metrics.json"
    if not file.exists():
        return None
    metrics = read_json(file, CheckpointError)
    for name, kind in _FIGURES.items():
        if metrics.get(name) is not None and not _is_figure(metrics[name], kind):
            raise CheckpointError(
                f"{path.name}: metrics.json holds {name}={shown(metrics[name])}, which is no "
                f"finite figure; {_EVALUATE_AGAIN}."
            )
    for name, figures in _TABLES.items():
        table = metrics.get(name)
        if table is not None and not (
            isinstance(table, dict)
            and table.keys() == figures.keys()
            and all(_is_figure(table[key], kind) for key, kind in figures.items())
        ):
            raise CheckpointError(
                f"{path.name}: metrics.json holds {name}={shown(table)}, which are not the figures "
                f"that belong there; {_EVALUATE_AGAIN}."
            )
    return metrics


def _is_figure(value: Any, kind: str) -> bool:
    """Whether a JSON value is a finite one of the declared `kind` of a field."""
    kind = kind.removesuffix(" | None")
    if kind.startswith("list"):
        return isinstance(value, list) and all(_is_figure(each, "float") for each in value)
    if kind in ("str", "bool") or isinstance(value, bool):
        return type(value).__name__ == kind
    if not isinstance(value, int if kind == "int" else (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


@cache
def _version(library: str) -> str:
    return version(library).split("+")[0]


def _shapes(path: Path, config: dict[str, Any]) -> LatentModel:
    """The model that `config` describes, on the meta device: shapes without memory.

    So a config cannot make us allocate, whatever sizes it names.
    """
    try:
        with torch.device("meta"):
            wanted = [n for n in _MODEL_FIELDS if n in config or n not in _LATER_FIELDS]
            return build_model(ModelConfig(**{name: config[name] for name in wanted}))
    except KeyError as missing:
        raise CheckpointError(
            f"{path.name}: config.json lacks {missing}; save the model again."
        ) from missing
    except ConfigError as error:
        raise CheckpointError(f"{path.name}: config.json is not a model's: {error}") from error


def _verified_shapes(path: Path, config: dict[str, Any]) -> LatentModel:
    """`_shapes`, once model.safetensors is known to hold just these names, types and shapes."""
    model = _shapes(path, config)
    file = path / "model.safetensors"
    held = read_header(file, MAX_WEIGHT_BYTES)
    wanted = {n: (_DTYPE_NAMES[t.dtype], tuple(t.shape)) for n, t in model.state_dict().items()}
    for name in sorted(wanted.keys() ^ held.keys()):
        word = "lacks the" if name in wanted else "has the foreign"
        raise CheckpointError(
            f"{path.name}: {file.name} {word} weight {name[:80]!r}, so it belongs to another "
            "config.json; take both from one folder."
        )
    for name, (dtype, shape) in wanted.items():
        if held[name] != (dtype, shape):
            raise CheckpointError(
                f"{path.name}: the weight {name} is {held[name][0]} {held[name][1]}, but "
                f"config.json wants {dtype} {shape}; take both files from one folder."
            )
    return model
