"""The weights that the browser's engine gets, and the models of which it gets none."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient
from torch import nn

import live.weights
from live import routes
from live.models import open_model, run_id
from tests.live.conftest import save_small_model
from vae_core.export.packing import pack
from vae_core.export.steps import program_of
from vae_core.models.vae import VAE
from vae_core.runs.run import Status, create_run
from vae_core.training.config import TrainConfig

TAG = 7


def tag_of(client: TestClient, model: str) -> str:
    with client.websocket_connect("/live/decode", params={"model": model}) as socket:
        socket.receive_text()
        socket.send_bytes(struct.pack("<IBBH", 5, TAG, 0, 1))
        answer = socket.receive_bytes()
    assert answer[:6] == struct.pack("<IBB", 5, TAG, 0)
    return answer[8:].decode()


def test_the_weights_of_a_tag_are_the_packed_model_and_may_be_kept(client: TestClient) -> None:
    tag = tag_of(client, "small")
    response = client.get("/live/weights", params={"model": "small", "tag": tag})
    assert response.status_code == 200
    assert response.content == pack(program_of(open_model("small").model), "float16")
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["etag"] == f'"{tag}"'


def test_two_servers_give_the_same_model_the_same_tag(client: TestClient) -> None:
    before = tag_of(client, "small")
    live.weights._tags.clear()
    live.weights._kept.clear()
    with TestClient(Starlette(routes=routes)) as other:
        assert tag_of(other, "small") == before != ""


def test_a_model_that_is_replaced_has_another_tag_and_the_old_one_no_weights(
    client: TestClient, checkpoints: Path
) -> None:
    before = tag_of(client, "small")
    save_small_model(checkpoints / "small", seed=1)
    after = tag_of(client, "small")
    assert after != before
    for tag, status in ((before, 404), (after, 200), ("", 404)):
        response = client.get("/live/weights", params={"model": "small", "tag": tag})
        assert response.status_code == status


@pytest.mark.parametrize("model", ["gone", "../small", "run:x-0001"])
def test_a_model_that_is_not_here_has_no_weights(client: TestClient, model: str) -> None:
    response = client.get("/live/weights", params={"model": model, "tag": "0"})
    assert response.status_code == 404
    assert "model" in response.text


def test_a_model_of_too_many_weights_has_no_tag(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.weights, "MAX_BYTES", 100)
    assert tag_of(client, "small") == ""
    assert client.get("/live/weights", params={"model": "small", "tag": ""}).status_code == 404


def test_a_model_that_the_engine_does_not_know_has_no_tag_and_decodes_as_ever(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Strange(nn.Sequential):
        pass

    build = VAE._build

    def strange(self: VAE) -> None:
        build(self)
        self.decoder = Strange(*self.decoder.children())

    monkeypatch.setattr(VAE, "_build", strange)
    assert tag_of(client, "small") == ""
    with client.websocket_connect("/live/decode?model=small") as socket:
        d = json.loads(socket.receive_text())["latent_dim"]
        socket.send_bytes(struct.pack("<IBBH", 1, 1, 0, 1) + bytes(4 * d))
        assert len(socket.receive_bytes()) > 8


def test_a_run_has_weights_when_its_training_has_ended(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "runs"))
    run = create_run(TrainConfig(dataset="digits"), tmp_path / "runs" / "mine-0001")
    save_small_model(run.checkpoint)
    said = Status("running", started=time.time(), begun=True)
    with run.held():
        run.write_status(said)
        assert tag_of(client, run_id(run.token)) == ""
        run.write_status(Status(**(asdict(said) | {"state": "finished"})))
    assert tag_of(client, run_id(run.token)) != ""


def test_few_packed_models_are_kept_in_memory(
    client: TestClient, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.weights._kept.clear()
    size = len(pack(program_of(open_model("small").model)))
    monkeypatch.setattr(live.weights, "KEPT_BYTES", 2 * size)
    tags = []
    for seed in range(3):
        save_small_model(checkpoints / f"another-{seed}", seed=seed + 10)
        tags.append(tag_of(client, f"another-{seed}"))
    assert list(live.weights._kept) == tags[1:]
    response = client.get("/live/weights", params={"model": "another-0", "tag": tags[0]})
    assert response.status_code == 200
    assert list(live.weights._kept) == [tags[2], tags[0]]
    assert torch.is_tensor(open_model("another-0").model.encode(torch.zeros(1, 3, 5, 4))[0])
