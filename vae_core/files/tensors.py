"""Safetensors files that may come from anywhere: what they hold is known before it is loaded."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from vae_core.errors import CheckpointError
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


def load_tensors(path: Path, max_bytes: int) -> dict[str, Tensor]:
    """The tensors of a file whose header has been read, in memory of their own."""
    with open_ordinary(path, CheckpointError, max_bytes) as file:
        return load(file.read())
