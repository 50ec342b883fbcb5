"""A run folder while it trains: opened like a checkpoint, read in parts, owned, deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vae_core.checkpoints import load_checkpoint, load_latents, read_config
from vae_core.errors import TrainingError
from vae_core.jobs import Run, create_run, list_runs, work
from vae_core.training import TrainConfig

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
