"""Noise added to images: as much as asked, and where."""

from __future__ import annotations

import pytest
import torch

from tests.vae_core.arrays import seeded
from vae_core.data.corruption import CORRUPTIONS, corrupt, median_filtered
from vae_core.errors import ConfigError
from vae_core.latent.decoded import rebuilt
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model

GREY = torch.full((200, 1, 10, 10), 0.25)


def test_corruption_is_as_strong_as_asked() -> None:
    masked = corrupt(GREY, seeded(), corruption="masking", amount=0.3)
    assert set(masked.unique().tolist()) == {0.0, 0.25}
    assert (masked == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    strewn = corrupt(GREY, seeded(), corruption="salt-and-pepper", amount=0.3)
    assert set(strewn.unique().tolist()) == {0.0, 0.25, 1.0}
    for value in (0, 1):
        assert (strewn == value).float().mean().item() == pytest.approx(0.15, abs=0.01)
    noisy = corrupt(GREY, seeded(), amount=0.05)
    assert noisy.std().item() == pytest.approx(0.05, rel=0.02)
    wild = corrupt(GREY, seeded(), amount=1.0)
    assert wild.min() == 0 and wild.max() == 1


def test_each_image_has_a_whole_square_of_its_own() -> None:
    x = torch.zeros(500, 3, 8, 11)
    hidden = corrupt(x, seeded(), corruption="occlusion", amount=0.5) == 0.5
    assert (hidden.sum((1, 2, 3)) == 3 * 16).all()
    for axis, places in ((2, 5), (3, 8)):  # every place is taken, and no other
        shadow = hidden.any(1).any(4 - axis)
        first = shadow.float().argmax(1)
        assert (shadow.sum(1) == 4).all()
        assert first.unique().tolist() == list(range(places))
    assert corrupt(x, seeded(), corruption="occlusion", amount=1.0)[0, 0, :, 4].eq(0.5).all()


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_none_is_none_and_a_seed_says_all(corruption: str) -> None:
    x = torch.rand(4, 3, 6, 5, generator=seeded())
    assert torch.equal(corrupt(x, seeded(), corruption=corruption, amount=0.0), x)
    once, again = (corrupt(x, seeded(), corruption=corruption, amount=0.4) for _ in range(2))
    assert torch.equal(once, again) and not torch.equal(once, x)
    assert once.dtype == x.dtype and once.min() >= 0 and once.max() <= 1


def test_the_filter_takes_single_pixels_away_and_mixes_neither_images_nor_channels() -> None:
    x = torch.zeros(2, 3, 9, 9)
    x[1, 2] = 1
    x[0, 0, 4, 4] = 1
    x[1, 2, 4, 4] = 0
    clean = median_filtered(x)
    assert (clean[1, 2] == 1).all() and clean.sum() == 81


def test_what_a_model_rebuilds_is_the_image_at_mu() -> None:
    model = build_model(ModelConfig((1, 4, 4), hidden=(3,))).eval()
    x = torch.rand(2, 1, 4, 4, generator=seeded())
    assert torch.equal(rebuilt(model, x), model.decode(model.encode(x)[0]))


def test_what_is_no_corruption_is_refused() -> None:
    with pytest.raises(ConfigError, match="Unknown corruption 'salt'"):
        corrupt(GREY, seeded(), corruption="salt")
    with pytest.raises(ConfigError, match="amount=2"):
        corrupt(GREY, seeded(), amount=2)
