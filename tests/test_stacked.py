"""M1 + M2: M2 learns from codes, as if they were images of one row."""

from dataclasses import replace

import pytest
import torch

from benchmarks.stacked import CONFIG, FARTHEST, as_images, stacked_error
from vae_core.latent.latents import Latents


def clusters(n: int, seed: int) -> Latents:
    """Codes around one of ten corners each, and of which class they are."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 10
    corners = 5 * torch.randn(10, 4, generator=torch.Generator().manual_seed(7))
    mu = corners[labels] + 0.5 * torch.randn(n, 4, generator=generator)
    return Latents(mu, torch.zeros_like(mu), torch.arange(n), torch.zeros(n), labels=labels)


def test_codes_keep_their_place_but_for_rounding_and_what_lies_far_out() -> None:
    learned = clusters(500, 0)
    learned.mu[0] = 1e3
    images = as_images(learned, learned, "train")
    assert images.image_shape == (1, 1, 4) and torch.equal(images.labels, learned.labels)
    standardised = (learned.mu - learned.mu.mean(0)) / learned.mu.std(0)
    back = (2 * images.floats()[:, 0, 0] - 1) * FARTHEST
    assert (back - standardised.clamp(-FARTHEST, FARTHEST)).abs().max() <= FARTHEST / 255 + 1e-5


def test_m2_tells_the_classes_of_codes_from_a_hundred_labels() -> None:
    learned, test = clusters(2_000, 0), clusters(500, 1)
    images = as_images(learned, learned, "train"), as_images(test, learned, "test")
    config = replace(CONFIG, hidden=(50,), latent_dim=2, epochs=8, batch_size=100)
    error = stacked_error(config, *images)
    assert error < 0.1
    assert error == pytest.approx(stacked_error(config, *images))  # the seed's alone
