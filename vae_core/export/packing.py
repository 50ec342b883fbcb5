"""A model as one run of bytes, for an engine outside PyTorch.

    u32 length of the head | the head, JSON, filled up with spaces | the tensors

The head is {"format", "coding", "latent_dim", "image_shape", "has_sigma", "decoder", "encoder",
"tensors": [{"shape", "at", "coding"}, …]}: the lists of `steps`, and where each tensor begins
behind the head. All is little-endian and begins at a multiple of 4. Vectors are float32. Matrices:

    float32   as they are
    float16   rounded: a pixel that a shipped model decodes is at most 1 of 255 levels off
    int8      for each row a float32 scale, then int8 to be multiplied with it, see `rounding`

The head's own coding is the smallest of them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vae_core.errors import ConfigError
from vae_core.export.rounding import Rounded
from vae_core.export.steps import Program

Coding = Literal["float32", "float16"]
CODINGS: tuple[Coding, ...] = ("float32", "float16")
FORMAT = 1
Array = npt.NDArray[Any]


def pack(
    program: Program, coding: Coding = "float16", rounded: Mapping[int, Rounded] | None = None
) -> bytes:
    """`program` in bytes; ConfigError where a weight is larger than the coding holds.

    rounded: matrices, by their tensors' numbers, that are int8.
    """
    rounded = rounded or {}
    tensors, data = [], bytearray()
    for k, tensor in enumerate(program.tensors):
        how = "int8" if k in rounded else coding if tensor.ndim == 2 else "float32"
        tensors.append({"shape": tuple(tensor.shape), "at": len(data), "coding": how})
        data += _levels(rounded[k]) if k in rounded else _coded(tensor.numpy(), how)
        data += bytes(-len(data) % 4)
    head = json.dumps(
        {
            "format": FORMAT,
            "coding": "int8" if rounded else coding,
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
    """Bytes of the tensors of `pack`, none of them rounded, but for what fills up."""
    each = {"float32": 4, "float16": 2}[coding]
    return sum(t.numel() * (each if t.ndim == 2 else 4) for t in program.tensors)


def _levels(matrix: Rounded) -> bytes:
    return matrix.scales.numpy().astype("<f4").tobytes() + matrix.levels.numpy().tobytes()


def _coded(values: Array, coding: str) -> bytes:
    if not np.isfinite(values).all():
        raise ConfigError("A weight is NaN or infinite.")
    if coding == "float32":
        return values.astype("<f4").tobytes()
    largest = float(np.abs(values).max(initial=0))
    if largest > float(np.finfo(np.float16).max):
        raise ConfigError(f"A weight of {largest:.3g} is larger than float16 holds.")
    return values.astype("<f2").tobytes()
