"""M1 + M2: M2 learns from draws of z, as if they were images of one row."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.stacked import (
    CONFIG,
    active,
    draws,
    known_errors,
    settings_of,
    stacked_error,
)
from vae_core.latent.latents import Latents


def clusters(n: int, seed: int, idle: int = 0, sigma: float = 0.1) -> Latents:
    """Codes around one of ten corners each, of which class they are, and idle dimensions."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 10
    corners = torch.randn(10, 4, generator=torch.Generator().manual_seed(7))
    near = corners[labels] + 0.1 * torch.randn(n, 4, generator=generator)
    mu = torch.cat([near, 0.05 * torch.randn(n, idle, generator=generator)], 1)
    logvar = torch.zeros_like(mu)
    logvar[:, :4] = 2 * torch.tensor(sigma).log()
    return Latents(mu, logvar, torch.arange(n), torch.zeros(n), labels=labels)


def test_a_draw_of_z_is_new_each_time_and_has_the_posteriors_mean_and_deviation() -> None:
    latents = clusters(3, 0, sigma=0.2)
    rows = torch.tensor([2]).expand(20_000)
    z = draws(latents, rows, torch.Generator().manual_seed(1))
    assert z.shape == (20_000, 1, 1, 4)
    assert torch.allclose(z.mean(0)[0, 0], latents.mu[2], atol=0.01)
    assert torch.allclose(z.std(0)[0, 0], torch.full((4,), 0.2), atol=0.01)


def test_idle_dimensions_are_left_out_by_what_was_learned_from() -> None:
    learned, test = clusters(500, 0, idle=3), clusters(50, 1, idle=3)
    found = active(test, learned)
    assert torch.equal(found.mu, test.mu[:, :4]) and torch.equal(found.labels, test.labels)


def test_m2_tells_the_classes_of_codes_from_a_hundred_labels() -> None:
    learned, test = clusters(2_000, 0), clusters(500, 1)
    config = replace(CONFIG, hidden=(50,), latent_dim=2, epochs=8, batch_size=100)
    error = stacked_error(config, learned, test)
    assert error < 0.1
    assert error == pytest.approx(stacked_error(config, learned, test))  # the seed's alone


def test_what_was_stopped_goes_on_unless_it_was_by_other_settings(tmp_path: Path) -> None:
    file, settings = tmp_path / "stacked.json", settings_of(Path("checkpoints/mnist-16d"))
    assert known_errors(file, settings) == []
    file.write_text(json.dumps({"settings": settings, "scores": {"error": [0.1, 0.2]}}))
    assert known_errors(file, settings) == [0.1, 0.2]
    assert known_errors(file, settings_of(Path("checkpoints/mnist-50d"))) == []
