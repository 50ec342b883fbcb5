"""The class at a point of latent space, against the shares counted by hand."""

from __future__ import annotations

import pytest
import torch

from vae_core.errors import DataError
from vae_core.latent.latents import Latents
from vae_core.measures.codes.class_at import class_probabilities


def latents(labels: torch.Tensor | None) -> Latents:
    mu = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    return Latents(mu, torch.zeros_like(mu), torch.arange(300), torch.zeros(300), labels)


def test_the_shares_are_those_of_the_nearest_codes() -> None:
    labels = torch.randint(0, 3, (300,), generator=torch.Generator().manual_seed(1)) * 2
    stored = latents(labels)
    z = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5]])
    told = class_probabilities(stored, 6, neighbours=50)(z)
    assert told.shape == (2, 6)
    for point, shares in zip(z, told, strict=True):
        near = labels[(stored.mu - point).norm(dim=1).argsort()[:50]]
        assert shares.tolist() == pytest.approx((near.bincount(minlength=6) / 50).tolist())


def test_it_needs_classes() -> None:
    with pytest.raises(DataError, match="no classes"):
        class_probabilities(latents(None), 3)
