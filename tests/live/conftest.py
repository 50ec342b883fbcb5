"""A small model on disk, and the routes as the browser reaches them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from live import models, routes
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.latent.latents import Latents
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model

Answer = TypeVar("Answer")

IMAGE_SHAPE = (3, 5, 4)
LATENT_DIM = 3
STORED = 7
PATIENCE = 120  # seconds


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes on the disk is seen at the next request, however soon it comes."""
    monkeypatch.setattr(models, "LOOK_SECONDS", 1e-9)


def run(coroutine: Coroutine[object, object, Answer]) -> Answer:
    """Run it in a thread of its own: Playwright may have left a loop running in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def wait_until(condition: Callable[[], object]) -> None:
    """What another thread does is there soon, however busy the machine is."""
    patience = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < patience, "it never came about"
        time.sleep(0.005)


def save_small_model(path: Path, *, latent_dim: int = LATENT_DIM, seed: int = 0) -> None:
    torch.manual_seed(seed)
    model = build_model(ModelConfig(IMAGE_SHAPE, latent_dim=latent_dim, hidden=(16,)))
    latents = Latents(
        mu=torch.randn(STORED, latent_dim),
        logvar=torch.randn(STORED, latent_dim),
        indices=torch.arange(STORED),
        reconstruction=torch.zeros(STORED),
    )
    save_checkpoint(path, model, latents=latents)


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints that holds `small`."""
    root = tmp_path / "checkpoints"
    save_small_model(root / "small")
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(root))
    return root


@pytest.fixture
def client(checkpoints: Path) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes)) as client:
        yield client
