"""Checkpoint folders: save, load, list, verify.

    config.json          schema version, architecture, training settings, data set, libraries,
                         machine
    model.safetensors    the weights; or decoder.onnx, and encoder.onnx, from elsewhere
    metrics.json         figures, written by `evaluate`
    latents.safetensors  the encoded test set
    README.md            a model card made from the JSON files
    preview.png          the manifold over the two dimensions most in use (d >= 2)

Nothing is pickled, read or written. A folder is checked before a single weight is allocated: sizes,
types, names and shapes. Whatever is wrong is one sentence in a CheckpointError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from reprlib import repr as shown
from types import NoneType
from typing import Any

import torch
from torch import Tensor

from vae_core.checkpoints.figures import is_figure, read_metrics
from vae_core.checkpoints.layout import (
    DECODER,
    ENCODER,
    FILES,
    LATENTS,
    PICKLE_ENDINGS,
    WEIGHTS,
    WHY_NO_PICKLES,
)
from vae_core.checkpoints.onnx.model import OnnxModel, Wiring
from vae_core.data.names import MAX_NAMES, check_names
from vae_core.errors import CheckpointError, ConfigError
from vae_core.files.atomic import (
    open_ordinary,
    read_json,
)
from vae_core.files.folders import folders
from vae_core.files.tensors import load_tensors, read_header, tensor_bytes
from vae_core.latent.latents import Latents
from vae_core.models.config import ONNX, ModelConfig
from vae_core.models.device import usable_device
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import registered_likelihood
from vae_core.models.networks import registered_network

SCHEMA_VERSION = 1
MAX_WEIGHT_BYTES = 512 << 20
MAX_WEIGHTS = MAX_WEIGHT_BYTES // 4  # float32
MAX_LATENT_BYTES = 512 << 20
MAX_CODE = 1e6  # a million standard deviations of the prior from its middle
# What the config.json of another library's models holds -> the library.
_OTHERS = {"_diffusers_version": "diffusers", "transformers_version": "transformers"}
_ENCODE_AGAIN = "write it anew from the data, or leave it out"
_MODEL_FIELDS = tuple(f.name for f in fields(ModelConfig))
_LATER_FIELDS = ("prior", "pseudo_inputs", "classes")  # models without them are as by default
_RECORD: dict[str, type | tuple[type, ...]] = {
    "objective": (str, NoneType),
    "dataset": (str, NoneType),
    "class_names": list,
    "factor_names": list,
    "training": dict,
    "libraries": dict,
}
_DTYPE_NAMES = {torch.float32: "F32", torch.int64: "I64"}  # as safetensors writes them
LATENT_DTYPES = {
    "mu": "F32",
    "logvar": "F32",
    "reconstruction": "F32",
    "indices": "I64",
    "labels": "I64",
    "factors": "F32",
    "kl_terms": "F32",
    "sources": "U8",
}


@dataclass(frozen=True)
class CheckpointInfo:
    """A listed folder: config and metrics as in its JSON files, or the `error` that hides them."""

    name: str
    path: Path
    config: dict[str, Any]
    metrics: dict[str, Any] | None
    error: str | None = None


def check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        if not bool(torch.isfinite(weight).all()):
            raise CheckpointError(
                f"{path.name}: the weight {name} holds NaN or infinite values; train it anew."
            )


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> LatentModel:
    """The model in the folder `path`, in eval mode on `device`.

    CheckpointError if it is none; ConfigError where there is no such device.
    """
    path, device = Path(path), usable_device(device)
    model = verified_shapes(path, read_config(path))
    if isinstance(model, OnnxModel):
        return _with_files(path, model, device)
    weights = load_tensors(path / "model.safetensors", MAX_WEIGHT_BYTES)
    check_finite(path, weights)
    model.load_state_dict(weights, assign=True)
    return model.to(device).eval().requires_grad_(False)


def _with_files(path: Path, model: OnnxModel, device: torch.device) -> OnnxModel:
    if device.type != "cpu":
        raise ConfigError(f"device={device}: ONNX files are run on the CPU; choose cpu.")
    files = {}
    for name in (DECODER, *[ENCODER] * model.has_encoder):
        with open_ordinary(path / name, CheckpointError, MAX_WEIGHT_BYTES) as file:
            files[name] = file.read()
    model.attach(files).eval()
    _ = model.cost  # measured here: whoever asks later has no time to wait for it
    return model


def learned_binarisation(config: Mapping[str, Any]) -> str:
    """How pixels were made 0 or 1 for the model of this config.json, see `data.binarisation`."""
    return str((config.get("training") or {}).get("binarisation", "none"))


def load_latents(path: str | Path) -> Latents | None:
    """The stored latents of the checkpoint folder `path`, None when it has none."""
    path = Path(path)
    file = path / LATENTS
    if not file.exists():
        return None
    config = read_config(path)
    model = _shapes(path, config)
    d = model.latent_dim
    for name, (dtype, _) in read_header(file, MAX_LATENT_BYTES).items():
        if dtype != LATENT_DTYPES.get(name):
            raise CheckpointError(
                f"{path.name}: {file.name} holds {name[:80]!r} as {dtype}; {_ENCODE_AGAIN}."
            )
    columns = load_tensors(file, MAX_LATENT_BYTES)
    for name, column in columns.items():
        point = name == "logvar" and not model.is_variational  # a code without a posterior
        unsound = column.isnan() if point else ~column.isfinite()
        if bool((column.isinf() if name == "factors" else unsound).any()):
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
    if float(latents.mu.abs().max()) > MAX_CODE:
        raise CheckpointError(
            f"{path.name}: {file.name} has a mean as far out as {latents.mu.abs().max():.3g}, and "
            f"{MAX_CODE:,.0f} is as far as is taken; {_ENCODE_AGAIN}."
        )
    names, labels = config["class_names"], latents.labels
    most = len(names) or MAX_NAMES
    if labels is not None and not bool(((labels >= 0) & (labels < most)).all()):
        lack = "has no name in config.json" if names else f"is no class from 0 to {most - 1:,}"
        raise CheckpointError(f"{path.name}: some stored label {lack}; {_ENCODE_AGAIN}.")
    names, factors = config["factor_names"], latents.factors
    if names and factors is not None and factors.shape[1] != len(names):
        raise CheckpointError(
            f"{path.name}: config.json does not name each stored factor; {_ENCODE_AGAIN}."
        )
    if factors is not None:
        _check_categories(path, config, factors)
    return latents


def _check_categories(path: Path, config: dict[str, Any], factors: Tensor) -> None:
    """CheckpointError where a factor's numbers do not count into its names."""
    for names, column in zip(config.get("factor_values", ()), factors.T, strict=False):
        known = column[~column.isnan()]
        if names and not bool((known.round().clamp(0, len(names) - 1) == known).all()):
            raise CheckpointError(
                f"{path.name}: config.json has no name for some stored factor; {_ENCODE_AGAIN}."
            )


def without_sources(path: str | Path) -> bytes:
    """latents.safetensors of the folder `path` without the files that its images came from."""
    columns = load_tensors(Path(path) / LATENTS, MAX_LATENT_BYTES)
    return tensor_bytes({name: t for name, t in columns.items() if name != "sources"})


def list_checkpoints(root: str | Path = "checkpoints") -> list[CheckpointInfo]:
    """Every folder below `root`, by name; a broken one is listed with its `error`, never raised.

    CheckpointError where `root` itself cannot be read.
    """
    root = Path(root)
    try:
        found = folders(root)
    except OSError as error:
        raise CheckpointError(f"{root.name[:80]} cannot be read: {error.strerror}.") from error
    return [_describe(each.path, each.error) for each in found]


def _describe(path: Path, error: str) -> CheckpointInfo:
    if error:
        return CheckpointInfo(path.name, path, {}, None, f"It cannot be read: {error}.")
    try:
        config = read_config(path)
        verified_shapes(path, config)
        return CheckpointInfo(path.name, path, config, read_metrics(path))
    except CheckpointError as broken:
        return CheckpointInfo(path.name, path, {}, None, str(broken))


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
    if is_file and path.suffix.lower() == ".zip":
        raise CheckpointError(f"{path.name} is a zip; unpack it, and give the checkpoint's folder.")
    if is_file:
        pickled = path.suffix.lower() in PICKLE_ENDINGS
        never = (
            f" Pickled {path.suffix} files are never opened: {WHY_NO_PICKLES}." if pickled else ""
        )
        raise CheckpointError(
            f"{path.name} is a file; a checkpoint is a folder with config.json and "
            f"model.safetensors.{never}"
        )
    if not is_folder:
        raise CheckpointError(
            f"There is no checkpoint {path.name!r}: it is a folder, such as checkpoints/digits-2d; "
            "the command `list` names those that there are."
        )
    if (path / "status.json").is_file() and (path / "checkpoint").is_dir():
        raise CheckpointError(
            f"{path.name} is a run's folder; its checkpoint is in {path.name}/checkpoint."
        )
    config = read_json(path / "config.json", CheckpointError)
    if other := next((of for key, of in _OTHERS.items() if key in config), None):
        raise CheckpointError(
            f"{path.name} is a model of {other}, which is not read; a checkpoint of Zscape is a "
            "folder that `train`, `export` or save_checkpoint wrote."
        )
    if "schema_version" not in config:
        raise CheckpointError(
            f"{path.name}: its config.json is not one of Zscape's; a checkpoint is a folder that "
            "`train`, `export` or save_checkpoint wrote."
        )
    if config["schema_version"] != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path.name}: schema_version is {str(config['schema_version'])[:20]}, but this "
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
    values = config.get("factor_values", [])
    sound = isinstance(values, list) and len(values) in (0, len(config["factor_names"]))
    if not sound or not all(
        isinstance(names, list) and all(isinstance(n, str) for n in names) for names in values
    ):
        raise CheckpointError(
            f"{path.name}: config.json holds factor_values={shown(values)}, which are no names for "
            "each factor; save it again."
        )
    check_names(
        [n for names in values for n in names], f"{path.name}: config.json", CheckpointError
    )
    settings = config["training"].get("objective_settings", {})
    if not isinstance(settings, dict) or not all(map(_is_setting, settings.values())):
        raise CheckpointError(
            f"{path.name}: config.json holds objective_settings={shown(settings)}, which are no "
            "numbers and words by name; save it again."
        )
    for names in (config["class_names"], config["factor_names"]):
        check_names(names, f"{path.name}: config.json", CheckpointError)
    if not is_figure(config["training"].get("beta", 1.0), "float"):
        raise CheckpointError(
            f"{path.name}: config.json holds beta={shown(config['training']['beta'])}, which is no "
            "number; save it again."
        )
    return config


def _is_setting(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def model_config(path: Path, config: dict[str, Any]) -> ModelConfig:
    """What the model in the folder `path` is, by its config.json; CheckpointError if it is none."""
    wanted = [n for n in _MODEL_FIELDS if n in config or n not in _LATER_FIELDS]
    try:
        return ModelConfig(**{name: config[name] for name in wanted})
    except KeyError as missing:
        raise CheckpointError(
            f"{path.name}: config.json lacks {missing}; save the model again."
        ) from missing
    except ConfigError as error:
        raise CheckpointError(f"{path.name}: config.json is not a model's: {error}") from error


def _shapes(path: Path, config: dict[str, Any]) -> LatentModel:
    """The model that `config` describes, on the meta device: shapes without memory.

    So a config cannot make us allocate, whatever sizes it names.
    """
    try:
        described = model_config(path, config)
        if described.kind == ONNX:
            return OnnxModel(described, _wiring(path, config))
        with torch.device("meta"):
            return build_model(described)
    except ConfigError as error:
        why = _lacking_plugin(config) or f"config.json is not a model's: {error}"
        raise CheckpointError(f"{path.name}: {why}") from error


def _lacking_plugin(config: dict[str, Any]) -> str:
    """Which plugin of those that a config names is not loaded, and how it is brought; or nothing.

    A name is text to be shown: nothing is ever loaded by it.
    """
    known = {"network": registered_network, "likelihood": registered_likelihood}
    told = config.get("plugins")
    for role, brings in told.items() if isinstance(told, dict) else ():
        name = config.get(role)
        if role in known and isinstance(name, str) and known[role](name) is None:
            return (
                f"its {role} {shown(name)} comes with {shown(brings)}, which is not loaded; if "
                "you have and trust it, start again with --plugin FILE.py, ZSCAPE_PLUGINS, or its "
                "package installed."
            )
    return ""


def _wiring(path: Path, config: dict[str, Any]) -> Wiring:
    told = config.get(ONNX)
    try:
        return Wiring(**told) if isinstance(told, dict) else Wiring("")
    except TypeError as error:
        raise ConfigError(f"onnx={shown(told)} has other fields than are known.") from error


def verified_shapes(path: Path, config: dict[str, Any]) -> LatentModel:
    """`_shapes`, once model.safetensors is known to hold just these names, types and shapes."""
    model = _shapes(path, config)
    if isinstance(model, OnnxModel):
        return _verified_files(path, model)
    file = path / WEIGHTS[0]
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


def _verified_files(path: Path, model: OnnxModel) -> OnnxModel:
    """The model, once its files are known to be there; what they hold is looked at elsewhere."""
    for name in (DECODER, *[ENCODER] * model.has_encoder):
        with open_ordinary(path / name, CheckpointError, MAX_WEIGHT_BYTES):
            pass
    return model
