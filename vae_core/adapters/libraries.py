"""Models of other libraries, each told by the library of its class; none is imported to find out.

A function here takes an object, or an encoder and a decoder, and gives an Outside. What it returns
is tried by `adapted`, so it says only what the library itself settles: how images lie, what black
and white are, which of its outputs is which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.adapters.modules import copied, of_module
from vae_core.adapters.outside import LAYOUTS, Outside, shape_of
from vae_core.errors import ConfigError

Function = Callable[[Any], Any]
_LAST_FIRST = ("hwc", "hw", "last rows", "chw", "rows")
_NOT_FLAT = {
    "VQVAE": "entries of a code book",
    "SVAE": "points of a sphere",
    "PoincareVAE": "points of a hyperbolic ball",
}


def library_of(given: object) -> str:
    """The library that an object, or the object of a method, is of: its first name, or "torch"."""
    of = getattr(given, "__self__", given)
    tops = [each.__module__.partition(".")[0] for each in type(of).__mro__]
    known = ("keras", "tf_keras", "onnxruntime", "pythae", "diffusers", "torch")
    return next((name for name in known if name in tops), "")


def of_pythae(model: Any) -> Outside:
    """A model of Pythae (Chadebec et al. 2022)."""
    kind = type(model).__name__
    if kind in _NOT_FLAT:
        raise ConfigError(
            f"The codes of Pythae's {kind} are {_NOT_FLAT[kind]}, not of a flat space; give "
            "encode= and decode= as functions that make them so."
        )
    own = _Pythae(copied(model))
    shape = shape_of(tuple(model.input_dim))[0] if model.input_dim else None
    return _whole(own, f"Pythae's {kind}", (model.latent_dim,), shape)


class _Pythae(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def encode(self, x: Tensor) -> object:
        """mu and logvar; of a model with a flow, where the flow leads from mu."""
        told = self.model.encoder(x)
        mu, logvar = told["embedding"], told.get("log_covariance")
        if hasattr(self.model, "iaf_flow"):
            return self.model.iaf_flow.inverse(mu).out
        if type(self.model).__name__ == "VAE_LinNF":
            for layer in self.model.net:
                mu = layer(mu).out
            return mu
        return mu if logvar is None else (mu, logvar)

    def decode(self, z: Tensor) -> object:
        return self.model.decoder(z)["reconstruction"]


def of_diffusers(model: Any) -> Outside:
    """An autoencoder of diffusers: images run from -1 to 1, and `scaling_factor` is not applied."""
    side = model.config.get("sample_size")
    shape = (model.config.get("in_channels", 3), side, side) if side else None
    name = f"diffusers' {type(model).__name__}"
    return replace(_whole(_Diffusers(copied(model)), name, None, shape), black=-1.0)


class _Diffusers(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def encode(self, x: Tensor) -> object:
        told = self.model.encode(x)
        if hasattr(told, "latent_dist"):
            return told.latent_dist.mean, told.latent_dist.logvar
        return told.latents if hasattr(told, "latents") else told.latent

    def decode(self, z: Tensor) -> object:
        return self.model.decode(z).sample


def _whole(own: Any, name: str, code: Any, shape: Any) -> Outside:
    return Outside(name, own.encode, own.decode, code_shape=code, image_shape=shape, network=own)


def of_keras(encode: Any, decode: Any) -> Outside:
    """A pair of Keras models; an encoder's third output, after mu and logvar, is a draw."""

    def call(side: Any) -> Any:
        if not hasattr(side, "input_shape"):
            return side  # a method of a subclassed model, or a function
        return lambda given: side(given, training=False)

    def pair(given: Any) -> Any:
        told = call(encode)(given)
        return told[:2] if isinstance(told, list | tuple) else told

    shape = getattr(encode, "input_shape", None) or getattr(decode, "output_shape", None)
    code = getattr(decode, "input_shape", None)
    return Outside(
        "The Keras model",
        None if encode is None else pair,
        None if decode is None else call(decode),
        code_shape=_known(code),
        image_shape=shape_of(known)[0] if (known := _known(shape)) else None,
        layouts=_LAST_FIRST,
    )


def of_sklearn(model: Any) -> Outside:
    """Whatever has scikit-learn's `transform`, of rows of pixels: PCA, UMAP, a Pipeline."""
    back = getattr(model, "inverse_transform", None)

    def on_rows(function: Function) -> Function:
        return lambda given: function(given.detach().cpu().numpy())

    return Outside(
        type(model).__name__,
        encode=on_rows(model.transform),
        decode=None if back is None else on_rows(back),
        layouts=("rows", "last rows"),
    )


def of_onnx(encode: Any, decode: Any) -> Outside:
    """ONNX files of the caller's own, or sessions of onnxruntime, run in this process."""
    sides = [_session(side) if _is_onnx(side) else side for side in (encode, decode)]
    inputs = [side.get_inputs()[0].shape[1:] if _is_session(side) else None for side in sides]
    outputs = sides[1].get_outputs()[0].shape if _is_session(sides[1]) else None
    known = _known(inputs[0] and [None, *inputs[0]]) or _known(outputs)
    runs = [_run(side) if _is_session(side) else side for side in sides]
    return Outside(
        "The ONNX model",
        runs[0],
        None if runs[1] is None else lambda z: _first(runs[1](z)),
        code_shape=_known(inputs[1] and [None, *inputs[1]]),
        image_shape=shape_of(known)[0] if known else None,
        layouts=LAYOUTS,
    )


def _known(shape: Any) -> tuple[int, ...] | None:
    """A shape without the batch, where it is told in full."""
    rest = tuple(shape or ())[1:]
    return rest if rest and all(isinstance(side, int) and side > 0 for side in rest) else None


def _is_session(side: object) -> bool:
    return hasattr(side, "get_inputs")


def _is_onnx(side: object) -> bool:
    return isinstance(side, str | Path)


def _session(path: str | Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(
            "ONNX models are run by onnxruntime, which is not installed; pip install "
            "'zscape[onnx]'."
        ) from error
    if not Path(path).is_file():
        raise ConfigError(f"There is no file {Path(path).name}; give the path of an ONNX model.")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except Exception as error:
        told = " ".join(str(error).split())[:300]
        raise ConfigError(f"{Path(path).name} is no ONNX model that runs here: {told}") from error


def _run(session: Any) -> Function:
    """On any number of rows, though the model may be made for so many at once."""
    if len(session.get_inputs()) != 1:
        names = ", ".join(each.name for each in session.get_inputs())
        raise ConfigError(f"The ONNX model takes {names}; one input is what a model here takes.")
    (taken,) = session.get_inputs()
    given_names = [each.name.lower() for each in session.get_outputs()]
    if any(name in ("var", "variance", "sigma", "std") for name in given_names[1:2]):
        raise ConfigError(
            f"The ONNX model's second output is {given_names[1]!r}, where logvar is expected, the "
            "logarithm of the variance; let it give that."
        )
    kind = {"tensor(double)": np.float64, "tensor(float16)": np.float16}.get(taken.type, np.float32)
    fixed = taken.shape[0] if isinstance(taken.shape[0], int) else 0

    def run(given: Tensor) -> object:
        array = given.detach().cpu().numpy().astype(kind)
        if not fixed:
            return _pair(session.run(None, {taken.name: array}))
        parts = []
        for start in range(0, len(array), fixed):
            some = array[start : start + fixed]
            filled = np.concatenate([some, np.repeat(some[-1:], fixed - len(some), 0)])
            told = _pair(session.run(None, {taken.name: filled}))
            parts.append([each[: len(some)] for each in told])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    return run


def _pair(outputs: list[Any]) -> list[Any]:
    """The first output, and the second where it is of the same shape: a mean and its logvar."""
    alike = len(outputs) > 1 and outputs[1].shape == outputs[0].shape
    return outputs[: 1 + alike]


def _first(given: Any) -> Any:
    return given[0] if isinstance(given, list | tuple) else given


def of_library(model: Any) -> Outside | None:
    """The model as its library has it; None where it is of none that is known."""
    match library_of(model):
        case "keras" | "tf_keras":
            sides = [_keras_side(model, "encode"), _keras_side(model, "decode")]
            return of_keras(*sides) if any(side is not None for side in sides) else None
        case "pythae":
            return of_pythae(model)
        case "diffusers":
            return of_diffusers(model)
        case "torch":
            return of_module(model)
    return of_sklearn(model) if hasattr(model, "transform") else None


def _keras_side(model: Any, name: str) -> Any:
    """A model's `encoder`, else its method `encode`."""
    return getattr(model, f"{name}r", None) or getattr(model, name, None)
