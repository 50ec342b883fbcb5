"""Safetensors files that may come from anywhere: what they hold is known before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from vae_core.errors import CheckpointError, ZscapeError
from vae_core.files.atomic import open_ordinary

MAX_HEADER_BYTES = 1 << 20
_PICKLE_HEADS = (b"PK\x03\x04", *(bytes([0x80, protocol]) for protocol in range(2, 6)))
_COPY_AGAIN = "copy or download it again"


def read_header(path: Path, max_bytes: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each tensor in the file, by name; reads no tensor.

    CheckpointError when it is missing, larger than max_bytes, torn, or no safetensors file.
    """
    where = f"{path.parent.name}: {path.name}"
    with open_ordinary(path, CheckpointError, max_bytes) as file:
        head = file.read(8)
    if int.from_bytes(head, "little") > MAX_HEADER_BYTES:  # the first 8 bytes of a true one
        if head.startswith(_PICKLE_HEADS):
            raise CheckpointError(
                f"{where} is a pickled PyTorch file, which is never opened; save the weights with "
                "safetensors."
            )
        raise CheckpointError(f"{where} is no safetensors file; {_COPY_AGAIN}.")
    try:
        with safe_open(path, framework="pt") as file:
            return {
                name: (part.get_dtype(), tuple(part.get_shape()))
                for name in file.keys()  # noqa: SIM118 (no mapping: it has keys() alone)
                for part in [file.get_slice(name)]
            }
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{where} is torn or no safetensors file; {_COPY_AGAIN}.") from error


def load_tensors(
    path: Path, max_bytes: int, error: type[ZscapeError] = CheckpointError
) -> dict[str, Tensor]:
    """The tensors of a file, in memory of their own; `error` when it is missing, large or torn."""
    with open_ordinary(path, error, max_bytes) as file:
        data = file.read()
    try:
        return load(data)
    except SafetensorError as broken:
        raise error(f"{path.parent.name}: {path.name} is torn; {_COPY_AGAIN}.") from broken


def tensor_bytes(tensors: Mapping[str, Tensor | None]) -> bytes:
    """A safetensors file of those tensors that are there."""
    return save({name: _plain(t) for name, t in tensors.items() if t is not None})


def _plain(tensor: Tensor) -> Tensor:
    """As safetensors wants it: in memory of its own."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
