"""Training in a process of its own: finished, stopped, killed, resumed, seen from outside."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.vae_core.arrays import assert_same
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import list_checkpoints, load_checkpoint, load_latents
from vae_core.errors import ConfigError, TrainingError
from vae_core.runs.jobs import start
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig
from vae_core.training.progress import Progress

SHORT = TrainConfig(dataset="digits", hidden=(8,), epochs=3, batch_size=300)
LONG = replace(SHORT, epochs=10_000, batch_size=32)

WaitUntil = Callable[[Callable[[], Any]], None]


def weights(run: Run) -> dict[str, torch.Tensor]:
    return load_checkpoint(run.checkpoint).state_dict()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = create_run(SHORT, tmp_path_factory.mktemp("runs") / "finished")
    work(run)
    return run


def interrupted_after(epoch: int, path: Path) -> Run:
    run = create_run(SHORT, path)

    def interrupt(progress: Progress) -> None:
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(run, interrupt)
    return run


def test_a_run_in_its_own_process_ends_with_a_checkpoint(
    tmp_path: Path, finished: Run, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    """From another folder and by a relative path; files in it take no module's place."""
    for name in ("random", "vae_core", "torch"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    run = start(SHORT, "runs")
    assert run.status().active
    wait_until(lambda: not run.status().active)
    assert run.status().state == "finished", (run.path / "train.log").read_text()
    assert run.path.parent.resolve() == tmp_path / "runs"
    assert_same(weights(run), weights(finished))


def test_names_of_runs_cannot_be_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: None)
    tokens = {start(SHORT, tmp_path).token for _ in range(5)}
    assert len(tokens) == 5
    assert all(len(token.removeprefix("digits-")) >= 24 for token in tokens)


def test_a_finished_run_is_a_checkpoint_with_figures_and_latents(finished: Run) -> None:
    (listed,) = list_checkpoints(finished.path / "..")
    latents, metrics = load_latents(finished.checkpoint), read_metrics(finished.checkpoint)
    assert listed.error is not None, "a run folder itself is no checkpoint"
    assert latents is not None and len(latents) == 360
    assert metrics is not None and (metrics["images"], metrics["dataset"]) == (360, "digits")
    assert finished.config() == SHORT


def test_its_reports_are_one_json_line_each(finished: Run) -> None:
    lines = (finished.path / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert events == finished.events()
    assert [e["epoch"] for e in events if e["epoch_ended"]] == [1, 2, 3]
    assert events[-1]["step"] == events[-1]["total_steps"] == 15
    assert all(e["test"]["loss"] > 0 for e in events if e["epoch_ended"])


def test_snapshots_show_the_model_of_each_epoch(finished: Run) -> None:
    assert finished.snapshot_epochs() == [0, 1, 2, 3]
    model, latents = finished.load_snapshot(3, (1, 8, 8))
    assert_same(model.state_dict(), weights(finished))
    stored = load_latents(finished.checkpoint)
    assert stored is not None
    torch.testing.assert_close(latents.mu, stored.mu[latents.indices])
    with pytest.raises(TrainingError, match="is missing in snapshots"):
        finished.load_snapshot(9, (1, 8, 8))


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_interrupted_run_reaches_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, finished: Run, epoch: int
) -> None:
    run = interrupted_after(epoch, tmp_path / "run")
    assert run.status().state == "failed"
    work(run)
    assert run.status().state == "finished"
    assert_same(weights(run), weights(finished))


def test_a_finished_run_is_given_more_epochs(tmp_path: Path, finished: Run) -> None:
    """As of one that was to have them from the start, interrupted among them or not."""
    longer = SHORT.with_more_epochs(2, ended=3)
    whole = create_run(longer, tmp_path / "whole")
    work(whole)
    run = Run(shutil.copytree(finished.path, tmp_path / "run"))
    with run.held():
        run.add_epochs(2)
    assert run.config() == longer and run.status().resumable
    assert {e["total_steps"] for e in run.events()} == {25}
    work(run, should_stop=lambda: True)
    assert run.status().state == "stopped"
    work(run)
    assert run.status().state == "finished"
    assert [e["epoch"] for e in run.events() if e["epoch_ended"]] == [1, 2, 3, 4, 5]
    assert_same(weights(run), weights(whole))


def test_a_run_that_has_not_finished_is_given_no_more_epochs(tmp_path: Path) -> None:
    run = interrupted_after(1, tmp_path / "run")
    with run.held(), pytest.raises(TrainingError, match="has not finished"):
        run.add_epochs(2)
    assert run.config() == SHORT


def test_the_best_epoch_is_what_a_run_publishes(tmp_path: Path) -> None:
    config = replace(SHORT, epochs=8, learning_rate=0.1, schedule="constant", keep="best")
    run = create_run(replace(config, patience=2), tmp_path / "run")
    work(run)
    losses = [e["test"]["loss"] for e in run.events() if e["epoch_ended"]]
    best = losses.index(min(losses)) + 1
    assert run.snapshot_epochs()[-1] == len(losses)
    model, _ = run.load_snapshot(best, (1, 8, 8))
    assert_same(model.state_dict(), weights(run))
    os.unlink(run.checkpoint / "model.safetensors")
    work(run)  # nothing is left to learn
    assert_same(model.state_dict(), weights(run))


def test_reports_that_a_crash_tore_or_took_back_are_forgotten(tmp_path: Path) -> None:
    run = interrupted_after(1, tmp_path / "run")
    first = run.events()[-1]
    with (run.path / "events.jsonl").open("a") as file:
        file.write(json.dumps(first | {"step": first["step"] + 2, "epoch_ended": False}) + "\n")
        file.write('{"epoch": 1, "ste')
    assert len(run.events()) == 2
    work(run)
    steps = [e["step"] for e in run.events() if e["epoch_ended"]]
    assert steps == [5, 10, 15]
    assert [e["step"] for e in run.events()] == sorted({e["step"] for e in run.events()})


@pytest.mark.parametrize("torn", [b'{"epoch": 1, "ste\n', b"\xff\xfe\n", b"\n"])
def test_a_torn_line_hides_no_other(tmp_path: Path, finished: Run, torn: bytes) -> None:
    lines = (finished.path / "events.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "events.jsonl").write_bytes(b"".join([lines[0], torn, *lines[1:], b'{"ep']))
    assert Run(tmp_path).events() == finished.events()


def test_a_finished_run_resumed_is_only_evaluated_again(tmp_path: Path) -> None:
    run = create_run(replace(SHORT, epochs=1), tmp_path / "run")
    work(run)
    before, events = weights(run), run.events()
    work(run)
    assert_same(weights(run), before)
    assert run.events() == events and run.status().state == "finished"


def test_a_stopped_run_keeps_what_was_learned_and_goes_on(tmp_path: Path, finished: Run) -> None:
    run = create_run(SHORT, tmp_path / "run")
    work(run, should_stop=lambda: True)
    assert run.status().state == "stopped" and not run.stop_requested
    assert load_checkpoint(run.checkpoint).latent_dim == 2
    work(run)
    assert_same(weights(run), weights(finished))


def test_a_trainer_lets_no_second_one_in_and_killed_leaves_a_failed_run_with_a_sentence(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    run = create_run(LONG, tmp_path / "run")
    command = [sys.executable, "-m", "vae_core", "train", "--resume", str(run.path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3]) as trainer:
        try:
            wait_until(lambda: any(e["epoch"] >= 2 for e in run.events()))
            with pytest.raises(TrainingError, match="is being trained by another process"):
                work(Run(run.path))
            assert run.status().state == "running", "the refused one leaves the folder alone"
        finally:
            trainer.kill()
    status = run.status()
    assert status.state == "failed" and not status.active
    assert status.message.endswith(".") and "\n" not in status.message
    assert load_checkpoint(run.checkpoint).latent_dim == 2, "the checkpoint of its last moment"

    work(run, should_stop=lambda: True)
    assert run.status().state == "stopped"


def test_a_run_that_ends_while_it_is_looked_at_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(SHORT, tmp_path / "run")
    status = json.loads((run.path / "status.json").read_text())

    def ends_just_now(self: Run) -> bool:
        (run.path / "status.json").write_text(json.dumps(status | {"state": "finished"}))
        return False

    (run.path / "status.json").write_text(json.dumps(status | {"state": "running"}))
    monkeypatch.setattr(Run, "_locked", ends_just_now)
    assert run.status().state == "finished"


def test_a_failure_is_told_in_a_sentence(tmp_path: Path) -> None:
    config = replace(SHORT, learning_rate=10.0, schedule="constant", epochs=200)
    run = create_run(replace(config, likelihood="gaussian", sigma=1e-4), tmp_path / "run")
    with pytest.raises(TrainingError, match="not a finite number"):
        work(run)
    status = run.status()
    assert status.state == "failed" and "try a learning rate below 10" in status.message
    assert all(json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines())


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(SHORT, tmp_path / "run")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vae_core.runs.recording.save_checkpoint", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        work(run)
    assert "No space left on device" in run.status().message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"state": "flying"}',
        '{"state": 3}',
        '{"state": []}',
        '{"state": "running", "message": 5}',
        '{"state": "waiting", "started": "yesterday"}',
        '{"state": "waiting", "started": NaN}',
        '{"state": "finished", "colour": "red"}',
    ],
)
def test_an_edited_status_is_a_failed_run(tmp_path: Path, text: str) -> None:
    run = create_run(SHORT, tmp_path / "run")
    (run.path / "status.json").write_text(text)
    assert run.status().state == "failed" and "status.json" in run.status().message


def test_a_folder_that_is_no_run_says_so(tmp_path: Path) -> None:
    assert "not a run folder" in Run(tmp_path / "nowhere").status().message
    assert Run(tmp_path / "nowhere").events() == []
    with pytest.raises(TrainingError, match=r"config\.json is missing in nowhere"):
        Run(tmp_path / "nowhere").config()


@pytest.mark.parametrize("text", ["{", '{"epochs": 0}', '{"colour": "red"}', '{"network": []}'])
def test_an_edited_config_is_refused(tmp_path: Path, text: str) -> None:
    run = create_run(SHORT, tmp_path / "run")
    (run.path / "config.json").write_text(text)
    with pytest.raises((TrainingError, ConfigError)):
        work(run)
    assert run.status().state == "failed"


@pytest.mark.parametrize("data", [b"", b"torn", os.urandom(600)])
def test_a_torn_state_is_refused(tmp_path: Path, data: bytes) -> None:
    run = create_run(SHORT, tmp_path / "run")
    (run.path / "state.safetensors").write_bytes(data)
    with pytest.raises(TrainingError, match=r"state\.safetensors is torn"):
        work(run)


def test_the_state_of_other_settings_is_refused(tmp_path: Path, finished: Run) -> None:
    run = create_run(replace(SHORT, hidden=(9,)), tmp_path / "run")
    (run.path / "state.safetensors").write_bytes((finished.path / "state.safetensors").read_bytes())
    with pytest.raises(TrainingError, match="does not belong"):
        work(run)


def test_a_run_never_takes_a_folder_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match="exists already"):
        create_run(SHORT, tmp_path)
