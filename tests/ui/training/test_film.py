"""A training played back has a frame a snapshot, and is a GIF on demand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from PIL import Image

from live.models import open_model
from ui.training import film
from vae_core.errors import CheckpointError
from vae_core.runs import recording
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of three epochs, ended."""
    config = TrainConfig(hidden=(8,), latent_dim=3, epochs=3, batch_size=512)
    run = create_run(config, tmp_path_factory.mktemp("runs") / "digits-0123456789")
    work(run)
    return run


@pytest.fixture(autouse=True)
def session(run: Run, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("ZSCAPE_RUNS", str(run.path.parent))
    state: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(film, "PATIENCE", 3600.0)  # on a busy machine, too
    return state


def test_every_part_has_a_frame_of_every_snapshot(run: Run):
    shown = film.playback(run, open_model(f"run:{run.token}"))
    assert shown.complete
    assert shown.epochs == run.snapshot_epochs() == [0, 1, 2, 3]
    assert {name: len(part.frames) for name, part in shown.parts.items()} == {
        "plane": 4, "curves": 4, "manifold": 4, "reconstructions": 4, "samples": 4
    }  # fmt: skip
    assert [frame["marker"] for frame in shown.parts["curves"].frames] == [0, 1, 2, 3]
    ids = [frame["model"] for frame in shown.parts["plane"].frames]
    assert [open_model(model_id).model.latent_dim for model_id in ids] == [3, 3, 3, 3]


def test_weights_move_and_test_images_stay(run: Run):
    shown = film.playback(run, open_model(f"run:{run.token}"))
    first, last = (shown.parts["plane"].frames[k]["points"] for k in (0, -1))
    assert first["url"] != last["url"]
    assert first["count"] == last["count"]
    urls = [frame["url"] for frame in shown.parts["manifold"].frames]
    assert len(set(urls)) == 4


def test_many_snapshots_come_a_few_at_a_time(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(film, "PATIENCE", -1.0)
    shown = film.playback(run, open_model(f"run:{run.token}"))
    assert not shown.complete
    assert shown.epochs == []


def test_a_torn_snapshot_is_left_out(run: Run):
    file = run.snapshot_file(2)
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    try:
        shown = film.playback(run, open_model(f"run:{run.token}"))
        assert shown.complete
        assert shown.epochs == [0, 1, 3]
    finally:
        file.write_bytes(whole)


def test_a_gif_has_a_frame_of_every_snapshot_and_tells_how_far_it_is(run: Run):
    heard: list[float] = []
    made = Image.open(io.BytesIO(film.gif(run, heard.append)))
    assert getattr(made, "n_frames") == 4  # noqa: B009 — of animated images alone
    assert heard == [0.25, 0.5, 0.75, 1.0]


def test_without_snapshots_there_is_no_gif(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Run, "snapshot_epochs", lambda self: [])
    with pytest.raises(CheckpointError, match="no snapshot"):
        film.gif(run, lambda done: None)


def test_an_ended_run_is_shown_by_the_images_of_its_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for module in (film, recording):
        monkeypatch.setattr(module, "SAMPLE", 50)
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    config = TrainConfig(hidden=(8,), epochs=1, batch_size=512)
    run = create_run(config, tmp_path / "digits-0123456789")
    work(run)
    opened = open_model(f"run:{run.token}")
    rows = film.sample_of(opened)
    assert opened.latents is not None and rows is not None
    _, snapshot = run.load_snapshot(1, (1, 8, 8))
    assert opened.latents.indices[rows].tolist() == snapshot.indices.tolist()
    assert film.sample_of(open_model(f"run:{run.token}@1")) is None
