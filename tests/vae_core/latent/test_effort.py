"""How finely geometry is measured keeps to a time, and what it is said to take is what it takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vae_core import adapted
from vae_core.adapters.model import Adapted
from vae_core.latent import effort as efforts
from vae_core.latent.effort import effort
from vae_core.latent.geometry import image_lengths, magnification_map
from vae_core.latent.paths import interpolate

STEPS = 24


class Counted:
    """A decoder of NumPy, which torch cannot differentiate; `images` it has decoded."""

    def __init__(self, side: int) -> None:
        self.side, self.images = side, 0

    def __call__(self, z: np.ndarray) -> np.ndarray:
        self.images += len(z)
        z = np.asarray(z)
        columns = np.linspace(-1, 1, self.side) * z[:, :1]
        rows = np.linspace(-1, 1, self.side) * z[:, 1:]
        return 0.5 + 0.25 * np.sin(columns[:, None, :] + rows[:, :, None])


def made(side: int) -> tuple[Adapted, Counted]:
    decode = Counted(side)
    return adapted(decode=decode, latent_dim=2, images=np.zeros((4, side, side))), decode


@pytest.mark.parametrize(
    ("pace", "fine"), [(1e-6, (72, 32, True)), (0.003, (50, 32, False)), (0.05, (12, 13, False))]
)
def test_the_slower_a_decoder_the_coarser(
    monkeypatch: pytest.MonkeyPatch, pace: float, fine: tuple[int, int, bool]
) -> None:
    monkeypatch.setattr(efforts, "seconds_to_decode", lambda model: pace)
    found = effort(made(8)[0], STEPS, 60)
    assert found[:3] == fine and found.seconds <= 60 + 416 * pace


def test_what_even_the_coarsest_takes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "seconds_to_decode", lambda model: 2.0)
    found = effort(made(8)[0], STEPS, 60)
    assert (found.side, found.places, found.geodesic) == (8, 4, False) and found.seconds > 1_500


def test_large_images_are_few_however_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "seconds_to_decode", lambda model: 1e-9)
    found = effort(made(512)[0], STEPS, 60)
    assert found.side**2 * 512**2 <= 50_000_000 and not found.geodesic


def test_as_many_images_are_decoded_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "seconds_to_decode", lambda model: 1.0)
    model, decode = made(8)
    found = effort(model, STEPS, 60)
    decode.images = 0
    magnification_map(model, torch.zeros(2), torch.eye(2), 4.8, found.side)
    for method in ("linear", "spherical"):
        way = interpolate(torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 1.0]), STEPS, method)
        image_lengths(model, way, found.places)
    assert decode.images == pytest.approx(found.seconds, rel=0.1)
