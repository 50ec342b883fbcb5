"""A model as one run of bytes, for an engine outside PyTorch.

    u32 length of the head | the head, JSON, filled up with spaces | the tensors

The head is {"format", "coding", "latent_dim", "image_shape", "has_sigma", "decoder", "encoder",
"tensors": [{"shape", "at"}, …]}: the lists of `steps`, and where each tensor begins behind the
head. All is little-endian and begins at a multiple of 4. Vectors are float32. Matrices are in the
coding:

    float32   as they are
    float16   rounded: a pixel that a shipped model decodes is at most 1 of 255 levels off
    int8      for each row a float32 scale, then int8 of which 127 is the row's largest: 24 levels
"""

from __future__ import annotations

import json
import struct
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vae_core.errors import ConfigError
from vae_core.export.steps import Program

Coding = Literal["float32", "float16", "int8"]
CODINGS: tuple[Coding, ...] = ("float32", "float16", "int8")
FORMAT = 1
Array = npt.NDArray[Any]


def pack(program: Program, coding: Coding = "float16") -> bytes:
    """`program` in bytes; ConfigError where a weight is larger than the coding holds."""
    tensors, data = [], bytearray()
    for tensor in program.tensors:
        values = tensor.numpy()
        tensors.append({"shape": values.shape, "at": len(data)})
        data += _coded(values, coding) if values.ndim == 2 else values.astype("<f4").tobytes()
        data += bytes(-len(data) % 4)
    head = json.dumps(
        {
            "format": FORMAT,
            "coding": coding,
            "latent_dim": program.latent_dim,
            "image_shape": program.image_shape,
            "has_sigma": program.has_sigma,
            "decoder": program.decoder,
            "encoder": program.encoder,
            "tensors": tensors,
        },
        separators=(",", ":"),
    ).encode()
    head += b" " * (-len(head) % 4)
    return struct.pack("<I", len(head)) + head + bytes(data)


def packed_size(program: Program, coding: Coding = "float16") -> int:
    """Bytes of the tensors of `pack`, but for what fills up."""
    each = {"float32": 4, "float16": 2, "int8": 1}[coding]
    return sum(
        tensor.numel() * (each if tensor.ndim == 2 else 4)
        + (4 * len(tensor) if tensor.ndim == 2 and coding == "int8" else 0)
        for tensor in program.tensors
    )


def _coded(matrix: Array, coding: Coding) -> bytes:
    if not np.isfinite(matrix).all():
        raise ConfigError("A weight is NaN or infinite.")
    if coding == "float32":
        return matrix.astype("<f4").tobytes()
    if coding == "float16":
        largest = float(np.abs(matrix).max(initial=0))
        if largest > float(np.finfo(np.float16).max):
            raise ConfigError(f"A weight of {largest:.3g} is larger than float16 holds.")
        return matrix.astype("<f2").tobytes()
    scales: Array = np.abs(matrix).max(axis=1, initial=0) / 127
    levels: Array = np.rint(matrix / np.where(scales > 0, scales, 1)[:, None])
    return scales.astype("<f4").tobytes() + levels.astype("i1").tobytes()
