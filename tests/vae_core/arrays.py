"""Tensors drawn from a seed, weights compared, arrays as idx files."""

import struct

import numpy as np
import torch
from numpy.typing import NDArray

from vae_core.latent.latents import Latents


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed))


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def idx(array: NDArray[np.uint8]) -> bytes:
    """`array` in the idx format: type and dimensions, sizes, values."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def latents_of(mu: torch.Tensor, logvar: torch.Tensor | float) -> Latents:
    """Posteriors of as many images, mu (n, d) and logvar (n, d) or one for all."""
    return Latents(
        mu=mu.float(),
        logvar=torch.as_tensor(logvar).float().expand_as(mu).contiguous(),
        indices=torch.arange(len(mu)),
        reconstruction=torch.zeros(len(mu)),
    )
