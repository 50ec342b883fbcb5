"""The images behind stored latents: a visitor's own lie beside the model, and go nowhere else."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from live import routes
from live.images import shown_to, stored_images
from live.models import open_model
from live.visitors import COOKIE, signer
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.own.images import read_images, write_images
from vae_core.runs.jobs import keep
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig


def test_an_image_is_the_one_that_was_encoded_of_a_model_of_binary_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(hidden=(4,), epochs=1, binarisation="dynamic")
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    work(create_run(config, tmp_path / "drawn-0001"))
    opened = open_model("run:drawn-0001")
    shown = stored_images(opened, [5, 0])
    assert shown is not None and opened.latents is not None
    assert shown.unique().tolist() == [0, 255]
    with torch.no_grad():
        mu, _ = opened.model.encode(shown / 255)
    torch.testing.assert_close(mu, opened.latents.mu[[5, 0]])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, ImageDataset]:
    """A run of images that Ann brought, and its test images."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 6, 5), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", x=pixels)
    train, test = read_images(tmp_path / "mine.npz")
    config = TrainConfig(dataset=train.name, hidden=(4,), epochs=1, batch_size=8)
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    run = create_run(
        config,
        tmp_path / "runs" / "mine-0001",
        hashlib.sha256(b"ann").hexdigest(),
        lambda run: write_images(run.images_file, train, test),
    )
    work(run)
    (tmp_path / "mine.npz").unlink()
    return run, test


def test_own_images_are_shown_from_the_runs_folder_alone(
    tmp_path: Path, mine: tuple[Run, ImageDataset]
) -> None:
    run, test = mine
    for model in ("run:mine-0001", "run:mine-0001@1"):
        opened = shown_to(open_model(model), lambda: run.owner, alone=False)
        shown = stored_images(opened, [2, 0])
        assert shown is not None and torch.equal(shown, test.images[[2, 0]])
        assert opened.latents is not None and test.sources is not None
        assert torch.equal(opened.latents.sources, test.sources[opened.latents.indices])
        another = shown_to(open_model(model), lambda: "bob", alone=False)
        assert another.latents is not None and another.latents.sources is None

    keep(run, "alone", tmp_path / "checkpoints")
    assert stored_images(open_model("alone"), [0]) is None
    run.images_file.write_bytes(b"torn")
    assert stored_images(opened, [0]) is None


def test_whoever_has_the_link_sees_own_images_where_their_owner_said_so(
    mine: tuple[Run, ImageDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, test = mine
    client = TestClient(Starlette(routes=routes))
    asked = struct.pack("<IBBHI", 1, 4, 0, 1, 2)  # verb image, row 2

    def seen(cookie: str, **headers: str) -> list[bool]:
        """Whether it is the owner's image that comes, by either channel."""
        signed = signer().sign(cookie).decode()
        headers |= {"Cookie": f"{COOKIE}={signed}"} if cookie else {}
        by_http = client.post("/live/ask?model=run:mine-0001", content=asked, headers=headers)
        with client.websocket_connect("/live/decode?model=run:mine-0001", headers=headers) as ws:
            ws.receive_text()
            ws.send_bytes(asked)
            frames = [by_http.content, ws.receive_bytes()]
        real = [bool(frame[5]) for frame in frames]
        assert [frame[8:] == test.images[2].numpy().tobytes() for frame in frames] == real
        return real

    assert seen("ann") == [True, True]
    assert seen("bob") == seen("") == [False, False]
    run.show_images(True)
    assert seen("bob") == seen("") == [True, True]
    run.show_images(False)
    assert seen("bob") == [False, False]
    (run.path / "owner").unlink()  # as the command line makes it: nobody's, not of all without one
    assert seen("") == [False, False]
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    assert seen("") == [True, True]
    assert seen("", Via="1.1 a proxy") == [False, False]


def test_of_images_that_nobody_brought_it_is_not_asked_who_looks() -> None:
    opened = open_model("digits-2d")
    assert shown_to(opened, lambda: pytest.fail("looked up for nothing"), alone=False) is opened
