"""Models of others as they lie on the disk: what is pickled is refused, the rest is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vae_core.adapters.libraries import of_onnx, of_pythae
from vae_core.adapters.outside import Outside
from vae_core.errors import CheckpointError, ConfigError
from vae_core.files.atomic import read_json
from vae_core.files.tensors import load_tensors, read_header

MAX_BYTES = 1 << 30  # of weights
_PICKLED = {".pt", ".pth", ".pt2", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".keras", ".h5"}


def of_folder(path: Path) -> Outside:
    """A folder of Pythae's, or one with encoder.onnx and decoder.onnx, as `export --onnx` writes.

    CheckpointError where it is neither, or is pickled.
    """
    if not path.exists():
        raise CheckpointError(f"There is no {path.name} in {path.absolute().parent}.")
    if path.suffix.lower() in _PICKLED:
        raise CheckpointError(
            f"{path.name} is a pickle or a program, never opened here, as that runs whatever code "
            "it holds; if you trust it, open it yourself and give the model itself."
        )
    if path.suffix.lower() == ".onnx":
        raise CheckpointError(f"{path.name} may be either side; give it as encode= or decode=.")
    if (path / "model_config.json").is_file():
        return _of_pythae(path)
    sides = [path / "encoder.onnx", path / "decoder.onnx"]
    if any(side.is_file() for side in sides):
        encode, decode = (side if side.is_file() else None for side in sides)
        return of_onnx(encode, decode)
    raise CheckpointError(
        f"{path.name or path} is neither a folder of Pythae's nor one with encoder.onnx and "
        "decoder.onnx; a checkpoint of Zscape is opened by load_checkpoint."
    )


def _of_pythae(path: Path) -> Outside:
    """Pythae writes model.pt; weights beside it as model.safetensors are read instead."""
    told = read_json(path / "model_config.json", CheckpointError)
    config = told if isinstance(told, dict) else {}
    if not (config.get("uses_default_encoder", True) and config.get("uses_default_decoder", True)):
        raise CheckpointError(
            f"{path.name} holds an encoder or a decoder of its own as a pickle, which can run any "
            "code and is never opened; load it with pythae.models.AutoModel.load_from_folder and "
            "give the model itself."
        )
    if not (path / "model.safetensors").is_file():
        raise CheckpointError(
            f"{path.name} holds its weights as model.pt, a pickle, which is never opened; load it "
            "with pythae.models.AutoModel.load_from_folder and give the model itself, or save its "
            "state_dict() beside it as model.safetensors."
        )
    return of_pythae(_with_weights(path, str(config.get("name", ""))))


def _with_weights(path: Path, name: str) -> Any:
    try:
        import pythae.models
    except ImportError as error:
        raise ConfigError(
            f"{path.name} is a model of Pythae, which is not installed; pip install pythae."
        ) from error
    import torch

    kind = getattr(pythae.models, name.removesuffix("Config").removesuffix("_"), None)
    settings = getattr(pythae.models, name, None)
    if kind is None or settings is None or not name.endswith("Config"):
        raise CheckpointError(f"{path.name} holds a {name[:40]!r}, which is no model of Pythae's.")
    file = path / "model.safetensors"
    shapes = {name: shape for name, (_, shape) in read_header(file, MAX_BYTES).items()}
    try:
        with torch.device("meta"):  # no weight is allocated before its shape is known to be right
            model = kind(settings.from_json_file(str(path / "model_config.json")))
    except Exception as error:
        raise CheckpointError(
            f"{path.name}: model_config.json is not as Pythae writes it."
        ) from error
    wanted = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    if shapes != wanted:
        raise CheckpointError(f"{path.name}: model.safetensors does not fit model_config.json.")
    model.load_state_dict(load_tensors(file, MAX_BYTES), assign=True)
    return model
