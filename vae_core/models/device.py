"""Whether a torch device is there to be used."""

from __future__ import annotations

import torch

from vae_core.errors import ConfigError


def usable_device(name: str | torch.device) -> torch.device:
    """The torch device `name`; ConfigError where it cannot be used on this machine."""
    try:
        torch.zeros((), dtype=torch.float64, device=name).item()  # sums are kept in such
    except (RuntimeError, AssertionError, ImportError, TypeError) as error:
        raise ConfigError(f"device={name} cannot be used on this machine; choose cpu.") from error
    return torch.device(name)
