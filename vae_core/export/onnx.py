"""A model as ONNX, which many runtimes read without PyTorch.

    encoder.onnx    image (batch, c, h, w) in [0, 1]  ->  mu, logvar (batch, d)
    decoder.onnx    z (batch, d)                      ->  mean (batch, c, h, w) in [0, 1]

All float32, of any batch. A code without a posterior has no logvar; a likelihood whose sigma is
learned has sigma (batch,), in pixel units of [0, 1], beside the mean. M2's encoder also gives
class_log_probs (batch, K) in nats, mu and logvar being those of the most likely class, and its
decoder takes y (batch,) int64, the class, after z. A GAN has no encoder.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import vae_core
from vae_core.checkpoints.reading import load_checkpoint, read_config
from vae_core.data.own.source import printable
from vae_core.errors import CheckpointError
from vae_core.export.folder import export_folder
from vae_core.models.config import ONNX
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import Gaussian, LearnedGaussian
from vae_core.models.m2 import M2

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
_MOST_TOLD = 300  # characters of PyTorch's reason


def write_onnx(checkpoint: str | Path, folder: str | Path) -> list[str]:
    """Write the model in the folder `checkpoint` to `folder`; returns the names of the files there.

    Each file's metadata say the model's name, kind, data set and likelihood, and what it was made
    of. CheckpointError where there is no such model, the packages of the extra `onnx` are missing,
    or a layer cannot be exported, which is named; ConfigError where `folder` cannot be written.
    """
    if missing := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        raise CheckpointError(
            f"ONNX is written with {' and '.join(missing)}, not installed here: "
            'pip install "zscape[onnx]"'
        )
    model = load_checkpoint(checkpoint)
    if model.config.kind == ONNX:
        raise CheckpointError(
            f"{Path(checkpoint).name} is ONNX already: take {DECODER} from its folder."
        )
    told = _metadata(Path(checkpoint), model)
    with export_folder(folder, (ENCODER, DECODER)) as new:
        if model.has_encoder:
            encoder = Encoder(model)
            image = torch.zeros(2, *model.image_shape)
            _write(new / ENCODER, encoder, {"image": image}, encoder.outputs, told)
        decoder = Decoder(model)
        inputs = {"z": torch.zeros(2, model.latent_dim)}
        if isinstance(model, M2):
            inputs["y"] = torch.zeros(2, dtype=torch.int64)
        _write(new / DECODER, decoder, inputs, decoder.outputs, told)
        return sorted(file.name for file in new.iterdir())


class Encoder(nn.Module):
    """What encoder.onnx holds: an image to the tensors named in `outputs`."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model
        self.outputs = ["mu", "logvar"] if model.is_variational else ["mu"]
        if isinstance(model, M2):
            self.outputs.append("class_log_probs")

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        if isinstance(self.model, M2):
            log_probs = self.model.classifier(image).log_softmax(1)
            return *self.model.encode_class(image, log_probs.argmax(1)), log_probs
        codes: tuple[Tensor, ...] = self.model.encoder(image).chunk(2, dim=1)
        return codes[: len(self.outputs)]


class Decoder(nn.Module):
    """What decoder.onnx holds: z, of M2 with the class, to the tensors named in `outputs`."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model
        learned = isinstance(model.likelihood, LearnedGaussian)
        self.outputs = ["mean", "sigma"] if learned else ["mean"]

    def forward(self, z: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        model, likelihood = self.model, self.model.likelihood
        if isinstance(model, M2):
            assert y is not None
            return (model.decode_class(z, y),)
        mean = likelihood.mean(model.decoder(z))
        if isinstance(likelihood, LearnedGaussian):
            return mean, likelihood.log_sigma.exp().expand(z.shape[0])
        return (mean,)


def _metadata(checkpoint: Path, model: LatentModel) -> dict[str, str]:
    config = read_config(checkpoint)
    with (checkpoint / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    told = {
        "name": printable(checkpoint.resolve().name),
        "kind": model.config.kind,
        "dataset": printable(config["dataset"] or ""),
        "likelihood": model.config.likelihood,
        "source": f"Zscape {vae_core.__version__}, of model.safetensors with SHA-256 {digest}",
    }
    if isinstance(model.likelihood, Gaussian):
        told["sigma"] = str(model.likelihood.sigma)
    if names := config["class_names"]:
        told["class_names"] = json.dumps(names)
    return told


def _write(
    file: Path,
    network: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    metadata: dict[str, str],
) -> None:
    try:
        program = _exported(network, inputs, outputs)
    except torch.onnx.OnnxExporterError as error:
        layer, why = _layer_at_fault(network, tuple(inputs.values()), error)
        raise CheckpointError(
            f"The model cannot be written as {file.name}: {layer} cannot be exported ({why})."
        ) from error
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # where each line of code lies on this machine
    program.model.metadata_props.update(metadata)
    program.save(file)


def _exported(
    network: nn.Module, inputs: dict[str, Tensor], outputs: list[str]
) -> torch.onnx.ONNXProgram:
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch, on its own code
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs or None,
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    if any(each.shape and isinstance(each.shape[0], int) for each in program.model.graph.inputs):
        raise torch.onnx.OnnxExporterError("it takes batches of one size alone")
    return program


def _layer_at_fault(
    network: nn.Module, inputs: tuple[Tensor, ...], error: Exception
) -> tuple[str, str]:
    """The innermost layer that cannot be exported alone, and PyTorch's reason."""
    taken: dict[str, tuple[Any, ...]] = {}
    hooks = [
        layer.register_forward_pre_hook(
            lambda _layer, given, name=name: taken.setdefault(name, given)
        )
        for name, layer in network.named_modules()
    ]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    at_fault, found = network, ""
    for name, layer in network.named_modules():
        inside = name.startswith(f"{found}.") if found else True
        if not name or name not in taken or not inside:
            continue
        given = {f"x{k}": x for k, x in enumerate(taken[name]) if isinstance(x, Tensor)}
        try:
            _exported(layer, given, [])
        except torch.onnx.OnnxExporterError as reason:
            at_fault, found, error = layer, name, reason
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    line = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    why = "".join(c if c.isprintable() else "?" for c in line[:_MOST_TOLD]).rstrip(".")
    return f"{found.removeprefix('model.') or 'it'}, a {type(at_fault).__name__},", why
