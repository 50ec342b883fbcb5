"""A run folder while it trains: opened like a checkpoint, read in parts, owned, deleted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import count, pairwise
from math import log
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vae_core.checkpoints.reading import (
    list_checkpoints,
    load_checkpoint,
    load_latents,
    read_config,
)
from vae_core.errors import CheckpointError, TrainingError
from vae_core.runs.jobs import keep
from vae_core.runs.recording import _Reporter, epochs_to_keep
from vae_core.runs.run import Run, create_run, list_runs
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig
from vae_core.training.loop import initial_model, train

CONFIG = TrainConfig(hidden=(16,), epochs=3, batch_size=256)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(CONFIG, tmp_path / "digits-run")


def test_the_checkpoint_opens_while_the_run_still_trains(run: Run):
    seen = []

    def look(progress):
        if not progress.done:
            model, latents = load_checkpoint(run.checkpoint), load_latents(run.checkpoint)
            seen.append((model.latent_dim, len(latents), read_config(run.checkpoint)["dataset"]))

    work(run, look)
    assert seen
    assert set(seen) == {(2, 360, "digits")}


def test_the_checkpoint_of_a_live_run_has_no_figures_of_an_earlier_one(run: Run):
    work(run, should_stop=lambda: True)
    assert (run.checkpoint / "metrics.json").exists()
    live = []
    work(run, lambda _: live.append((run.checkpoint / "metrics.json").exists()))
    assert live
    assert not any(live)
    assert (run.checkpoint / "metrics.json").exists()


def test_the_checkpoint_of_a_resumed_run_is_there_all_the_time(
    run: Run, monkeypatch: pytest.MonkeyPatch
):
    work(run, should_stop=lambda: True)
    rename, there = os.rename, []

    def look(*paths):
        rename(*paths)
        there.append((run.checkpoint / "model.safetensors").exists())

    monkeypatch.setattr(os, "rename", look)
    work(run)
    assert there and all(there)


def test_a_stop_asked_for_before_the_first_step_still_keeps_a_model(run: Run):
    run.request_stop()
    work(run)
    assert run.status().state == "stopped"
    assert not run.stop_requested
    assert load_checkpoint(run.checkpoint).latent_dim == 2


def test_events_read_in_parts_are_the_events_read_at_once(run: Run):
    work(run)
    file = run.path / "events.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])  # the last line is still being written
    first, position = run.events_after(0)
    file.write_bytes(whole)
    rest, end = run.events_after(position)
    assert first + rest == run.events() == [json.loads(line) for line in whole.splitlines()]
    assert end == len(whole)
    assert run.events_after(end) == ([], end)


def test_a_long_run_keeps_its_reports_few(run: Run, monkeypatch: pytest.MonkeyPatch):
    """100 at four a second take 25 seconds; from then on each comes a hundredth later."""
    clock = count(step=0.25)
    fake = SimpleNamespace(perf_counter=lambda: next(clock))
    monkeypatch.setattr("vae_core.runs.recording.time", fake)
    monkeypatch.setattr("vae_core.runs.recording.REPORTS", 100)
    report = next(iter(train(CONFIG, report_seconds=0)))
    keep_reports = _Reporter(run.events_file)
    for _ in range(4 * 200):
        keep_reports(report)
    kept = len(run.events())
    assert 100 < kept < 100 * (1 + log(200 / 25))
    keep_reports(replace(report, epoch_ended=True))
    keep_reports(replace(report, epoch_ended=True))
    assert len(run.events()) == kept + 2


def test_a_process_that_never_began_is_a_failed_run(run: Run):
    assert run.status().active
    status = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps(status | {"started": 0.0}))
    assert run.status().state == "failed"


def test_a_run_is_deleted_only_when_it_no_longer_trains(run: Run):
    with pytest.raises(TrainingError, match="stop it"):
        run.delete()
    work(run)
    run.delete()
    assert not run.path.exists()


def test_runs_are_listed_newest_first(tmp_path: Path):
    for name, started in (("old", 1.0), ("new", 3.0), ("middle", 2.0)):
        made = create_run(replace(CONFIG, seed=1), tmp_path / name)
        (made.path / "status.json").write_text(
            json.dumps({"state": "finished", "message": "", "started": started})
        )
    (tmp_path / "upload").mkdir()
    assert [run.token for run in list_runs(tmp_path)] == ["new", "middle", "old"]
    assert list_runs(tmp_path / "nowhere") == []


# Snapshots


def test_the_first_snapshot_is_the_model_before_any_learning(run: Run):
    work(run)
    model, latents = run.load_snapshot(0, (1, 8, 8))
    untrained = initial_model(CONFIG, (1, 8, 8)).state_dict()
    assert all(torch.equal(model.state_dict()[name], untrained[name]) for name in untrained)
    sample = run.load_snapshot(3, (1, 8, 8))[1]
    assert torch.equal(latents.indices, sample.indices), "the same test images at every epoch"
    assert not torch.equal(latents.mu, sample.mu)


@pytest.mark.parametrize("epochs", [1, 2, 3, 48, 49, 50, 51, 60, 120, 500, 10_000])
def test_snapshots_are_few_and_closer_at_the_beginning(epochs: int):
    kept = sorted(epochs_to_keep(epochs, initial_model(CONFIG, (1, 8, 8))))
    assert (kept[0], kept[-1]) == (0, epochs)
    assert len(kept) == min(50, epochs + 1)
    steps = [after - before for before, after in pairwise(kept)]
    assert steps[0] == 1 or epochs > 2_000
    assert all(later >= earlier - 1 for earlier, later in pairwise(steps))  # but for rounding


def test_snapshots_of_a_large_network_are_fewer():
    model = initial_model(replace(CONFIG, hidden=(8000,)), (1, 28, 28))  # 50 MB of weights
    assert sorted(epochs_to_keep(100, model)) == [0, 6, 25, 56, 100]
    huge = initial_model(replace(CONFIG, hidden=(8000, 4500)), (1, 28, 28))  # 340 MB
    assert sorted(epochs_to_keep(100, huge)) == [0, 100]


# Keep it


def test_a_kept_run_is_a_checkpoint_of_that_name(run: Run, tmp_path: Path):
    work(run)
    kept = keep(run, "my-digits_2.1", tmp_path / "checkpoints")
    assert kept == tmp_path / "checkpoints" / "my-digits_2.1"
    (listed,) = list_checkpoints(tmp_path / "checkpoints")
    assert listed.name == "my-digits_2.1" and listed.error is None and listed.metrics
    assert "# my-digits_2.1" in (kept / "README.md").read_text()
    run.delete()
    assert load_checkpoint(kept).latent_dim == 2


@pytest.mark.parametrize(
    "name", ["", " ", ".hidden", "a/b", "../up", "a b", "naïve", "a" * 65, "-rf", "a\n", "a\0b"]
)
def test_a_name_that_cannot_be_is_refused_with_a_sentence(run: Run, tmp_path: Path, name: str):
    work(run)
    with pytest.raises(CheckpointError, match="name") as refusal:
        keep(run, name, tmp_path / "checkpoints")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "checkpoints").exists()


def test_a_name_that_is_taken_keeps_what_it_has(run: Run, tmp_path: Path):
    work(run)
    (tmp_path / "checkpoints" / "taken").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="'taken' already; choose another"):
        keep(run, "taken", tmp_path / "checkpoints")
    assert list((tmp_path / "checkpoints" / "taken").iterdir()) == []


def test_what_has_learned_nothing_or_still_learns_is_not_kept(run: Run, tmp_path: Path):
    with pytest.raises(CheckpointError, match="still being trained"):
        keep(run, "early", tmp_path)
    work(run, should_stop=lambda: True, queued=True)
    assert run.status().state == "stopped"
    with pytest.raises(CheckpointError, match="has not learned anything"):
        keep(run, "nothing", tmp_path)


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_trainer_that_begins_while_its_run_is_looked_at_is_not_taken_for_dead(
    run: Run, state: str, monkeypatch: pytest.MonkeyPatch
):
    begun = replace(run.status(), state=state, begun=True)
    looks = count()

    def locked(self: Run) -> bool:
        if next(looks):
            return True
        self.write_status(begun)
        return False

    monkeypatch.setattr(Run, "_locked", locked)
    assert run.status() == begun
