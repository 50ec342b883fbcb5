"""A run as it was after an epoch is a model like any other."""

from __future__ import annotations

import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from live import models, routes
from live.models import open_model
from vae_core.errors import CheckpointError
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = TrainConfig(hidden=(8,), epochs=5, batch_size=1_024)
    run = create_run(config, tmp_path_factory.mktemp("runs") / "digits-0123456789")
    work(run)
    return run


@pytest.fixture
def run(trained: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ZSCAPE_RUNS", str(trained.path.parent))
    return trained


def test_a_snapshot_has_the_weights_and_latents_of_its_epoch(run: Run) -> None:
    opened = open_model(f"run:{run.token}@2")
    model, latents = run.load_snapshot(2, (1, 8, 8))
    z = torch.zeros(1, 2)
    assert torch.equal(opened.model.decode(z), model.decode(z))
    assert opened.latents is not None
    assert torch.equal(opened.latents.mu, latents.mu)
    assert opened.config["dataset"] == "digits"


def test_who_plays_a_training_back_evicts_no_model(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(f"run:{run.token}")
    for shelf in (models._models, models._snapshots):
        monkeypatch.setattr(shelf, "most", 2 * model.nbytes)
    for epoch in run.snapshot_epochs():
        open_model(f"run:{run.token}@{epoch}")
    assert open_model(f"run:{run.token}") is model


@pytest.mark.parametrize("epoch", ["99", "99999"])
def test_an_epoch_without_a_snapshot_is_one_sentence(run: Run, epoch: str) -> None:
    with pytest.raises(CheckpointError, match="no model"):
        open_model(f"run:{run.token}@{epoch}")


@pytest.mark.parametrize("epoch", ["", "-1", "1.5", "2/../3", "123456"])
def test_what_is_no_epoch_is_refused(run: Run, epoch: str) -> None:
    with pytest.raises(CheckpointError, match="not a model's name"):
        open_model(f"run:{run.token}@{epoch}")


def test_a_torn_snapshot_is_one_sentence(run: Run) -> None:
    file = run.snapshot_file(3)
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    try:
        with pytest.raises(CheckpointError, match="torn"):
            open_model(f"run:{run.token}@3")
    finally:
        file.write_bytes(whole)


def test_the_channel_serves_it(run: Run) -> None:
    with TestClient(Starlette(routes=routes)) as client:
        answer = client.get("/live/ask", params={"model": f"run:{run.token}@1"})
    assert answer.json()["latent_dim"] == 2
