"""Checkpoint folders, written whole or not at all."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import torch

from vae_core.checkpoints.card import model_card
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.layout import FILES, WEIGHTS
from vae_core.checkpoints.onnx.model import OnnxModel
from vae_core.checkpoints.reading import (
    LATENT_DTYPES,
    SCHEMA_VERSION,
    check_finite,
    checkpoint_files,
    load_latents,
    read_config,
    verified_shapes,
)
from vae_core.data.image_dataset import ImageDataset, check_is_dataset
from vae_core.errors import CheckpointError
from vae_core.files.atomic import folder_written_whole, write_bytes, write_json
from vae_core.files.folders import would_be_lost
from vae_core.files.tensors import tensor_bytes
from vae_core.latent.latents import Latents
from vae_core.latent.manifold import manifold_grid, png_bytes, tile_images
from vae_core.measures.metrics import Metrics
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import registered_likelihood
from vae_core.models.networks import registered_network
from vae_core.plugins import brought_by
from vae_core.training.config import TrainConfig


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
    if dataset is not None:
        check_is_dataset(dataset, "dataset")
    training = config.to_json() if isinstance(config, TrainConfig) else dict(config or {})
    figures = metrics.to_json() if isinstance(metrics, Metrics) else metrics
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        **model.config.to_json(),
        "objective": training.get("objective"),
        "dataset": dataset.name if dataset else training.get("dataset"),
        "class_names": list(dataset.class_names) if dataset else [],
        "factor_names": list(dataset.factor_names) if dataset else [],
        "factor_values": list(map(list, dataset.factor_values)) if dataset else [],
        "training": training,
        "libraries": {
            "python": platform.python_version(),
            **{name: _version(name) for name in ("torch", "safetensors", "numpy")},
        },
        "machine": _machine(next(model.parameters()).device),
    }
    made = {
        "network": registered_network(model.config.network),
        "likelihood": registered_likelihood(model.config.likelihood),
    }
    if plugins := brought_by({role: each for role, each in made.items() if each is not None}):
        document["plugins"] = plugins
    if isinstance(model, OnnxModel):
        document["onnx"] = model.wiring.to_json()
        files = model.files
    else:
        weights = {
            n: t.float() if t.is_floating_point() else t for n, t in model.state_dict().items()
        }
        check_finite(path, weights)
        files = {WEIGHTS[0]: tensor_bytes(weights)}
    with folder_written_whole(path) as folder:
        _write_json(folder / "config.json", document)
        for name, data in files.items():
            write_bytes(folder / name, data)
        if figures is not None:
            _write_json(folder / "metrics.json", dict(figures))
        if latents is not None:
            columns = {name: getattr(latents, name) for name in LATENT_DTYPES}
            write_bytes(folder / "latents.safetensors", tensor_bytes(columns))
        verified_shapes(folder, read_config(folder))
        load_latents(folder)
        read_metrics(folder)
        card = model_card(path.resolve().name, document, figures)
        write_bytes(folder / "README.md", card.encode())
        if model.latent_dim >= 2:
            use = torch.ones(2) if latents is None else latents.use
            across, up = sorted(use.topk(2).indices.tolist())
            _, images = manifold_grid(model, 12, (across, up))
            write_bytes(folder / "preview.png", png_bytes(tile_images(images)))


def _write_json(file: Path, value: Any) -> None:
    try:
        write_json(file, value)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{file.name} cannot be written: {error}") from error


def check_target(path: str | Path) -> None:
    """CheckpointError where `path` holds what a checkpoint that takes its place would destroy."""
    path = Path(path)
    if lost := would_be_lost(path, FILES):
        raise CheckpointError(
            f"{shown(lost)} in {path.name} is not a checkpoint's and would be lost; name a "
            "folder that is new."
        )


def _machine(device: torch.device) -> str:
    """The class of machine that a model lies on: what its figures depend on in the last digits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {os.cpu_count()} cores"


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


@cache
def _version(library: str) -> str:
    return version(library).split("+")[0]
