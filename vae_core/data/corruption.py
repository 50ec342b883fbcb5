"""Noise added to images, and what takes it away again: a model, or a filter that never learned."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.errors import ConfigError

CORRUPTIONS = ("gaussian", "masking", "salt-and-pepper", "occlusion")


def corrupt(
    x: Tensor, generator: torch.Generator, *, corruption: str = "gaussian", amount: float = 0.3
) -> Tensor:
    """x (batch, c, h, w) in [0, 1] with noise: the same shape, in [0, 1].

    "gaussian" adds noise of standard deviation `amount` and clips; "masking" makes a share `amount`
    of the values 0, "salt-and-pepper" makes them 0 or 1; "occlusion" lays a grey square over each
    image, its side a share `amount` of the image's shorter one. ConfigError when there is no such
    corruption or amount.
    """
    if corruption not in CORRUPTIONS:
        raise ConfigError(
            f"Unknown corruption {corruption!r}; choose one of {', '.join(CORRUPTIONS)}."
        )
    if not 0 <= amount <= 1:
        raise ConfigError(f"amount={amount} of corruption is not from 0 to 1.")
    if corruption == "occlusion":
        return torch.where(_squares(x, generator, amount), 0.5, x)
    draw = torch.randn if corruption == "gaussian" else torch.rand
    noise = draw(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    if corruption == "gaussian":
        return (x + amount * noise).clamp(0, 1)
    if corruption == "masking":
        return x * (noise >= amount)
    return torch.where(noise < amount, (noise < amount / 2).to(x.dtype), x)


def _squares(x: Tensor, generator: torch.Generator, amount: float) -> Tensor:
    """Which pixels lie under each image's square, (batch, 1, h, w) bool."""
    side = round(amount * min(x.shape[2:]))
    places = torch.rand((2, len(x)), generator=generator, device=x.device)
    inside = []
    for length, place in zip(x.shape[2:], places, strict=True):
        first = (place * (length - side + 1)).long()[:, None]
        pixel = torch.arange(length, device=x.device)
        inside.append((pixel >= first) & (pixel < first + side))
    rows, columns = inside
    under: Tensor = rows[:, None, :, None] & columns[:, None, None, :]
    return under


def median_filtered(x: Tensor, side: int = 3) -> Tensor:
    """Each pixel of x (n, c, h, w) as the median of the square of `side` pixels round it."""
    from scipy.ndimage import median_filter

    return torch.from_numpy(median_filter(x.numpy(), size=(1, 1, side, side)))
