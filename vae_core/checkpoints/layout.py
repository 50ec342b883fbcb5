"""Which files a checkpoint's folder holds; known without PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

# OWNER/NAME on the Hugging Face Hub.
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
DECODER, ENCODER = "decoder.onnx", "encoder.onnx"
WEIGHTS = ("model.safetensors", DECODER)  # one of these
LATENTS = "latents.safetensors"
FILES = (
    "config.json",
    "model.safetensors",
    DECODER,
    ENCODER,
    "metrics.json",
    LATENTS,
    "README.md",
    "preview.png",
)
# What is never opened, by its ending: a pickle, or what else runs code of its own when it is read.
PICKLE_ENDINGS = (
    *(".pt", ".pth", ".pt2", ".pkl", ".pickle"),
    *(".ckpt", ".bin", ".joblib", ".dill", ".torchscript"),
)
WHY_NO_PICKLES = "opening one runs whatever code it holds (torch.load, torch.export.load)"


def weights_file(folder: Path) -> Path:
    """The weights in a checkpoint's folder; model.safetensors where there are none."""
    onnx = folder / DECODER
    own = folder / WEIGHTS[0]
    return onnx if onnx.is_file() and not own.is_file() else own


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder looks like a checkpoint's."""
    return (folder / "config.json").is_file() and weights_file(folder).is_file()
