"""The images behind stored latents: a visitor's own lie beside the model, and go nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from live.images import stored_images
from live.models import open_model
from vae_core.data.own.images import read_images, write_images
from vae_core.runs.jobs import keep
from vae_core.runs.run import create_run
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


def test_own_images_are_shown_from_the_runs_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 6, 5), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", x=pixels)
    train, test = read_images(tmp_path / "mine.npz")
    config = TrainConfig(dataset=train.name, hidden=(4,), epochs=1, batch_size=8)
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    run = create_run(
        config,
        tmp_path / "runs" / "mine-0001",
        write_images=lambda run: write_images(run.images_file, train, test),
    )
    work(run)
    (tmp_path / "mine.npz").unlink()
    for model in ("run:mine-0001", "run:mine-0001@1"):
        shown = stored_images(open_model(model), [2, 0])
        assert shown is not None and torch.equal(shown, test.images[[2, 0]])

    keep(run, "alone", tmp_path / "checkpoints")
    assert stored_images(open_model("alone"), [0]) is None
    run.images_file.write_bytes(b"torn")
    assert stored_images(open_model("run:mine-0001"), [0]) is None
