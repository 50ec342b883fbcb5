"""What happens to runs: paused, suspended, a full disk, a machine that restarts, edited folders."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.errors import DataError, TrainingError
from vae_core.runs.jobs import start
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train
from vae_core.training.progress import Progress

CONFIG = TrainConfig(dataset="digits", hidden=(8,), epochs=4, batch_size=300)
LONG = replace(CONFIG, epochs=10_000, batch_size=32)

WaitUntil = Callable[[Callable[[], Any]], None]
Trainers = list["subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """What an uninterrupted training comes to."""
    *_, last = train(CONFIG)
    return last.model.state_dict()


def assert_learned(run: Run, weights: dict[str, torch.Tensor]) -> None:
    assert run.status().state == "finished"
    learned = load_checkpoint(run.checkpoint).state_dict()
    assert learned.keys() == weights.keys()
    assert all(torch.equal(learned[name], weights[name]) for name in weights)


def is_a_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and "Traceback" not in text


# Paused


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_paused_run_goes_on_to_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, weights: dict[str, torch.Tensor], wait_until: WaitUntil, epoch: int
) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    pauses = iter([run.request_pause])

    def pause(progress: Progress) -> None:
        if progress.epoch == epoch:
            next(pauses, lambda: None)()

    trainer = threading.Thread(target=work, args=(run, pause))
    trainer.start()
    wait_until(lambda: run.status().state == "paused")
    assert run.status().active and run.pause_requested
    assert run.events()[-1]["epoch"] == epoch
    with pytest.raises(TrainingError, match="is being trained by another process"):
        work(Run(run.path))
    run.request_continue()
    trainer.join()
    assert not run.pause_requested
    assert_learned(run, weights)


def test_a_paused_run_stops_at_once_and_keeps_what_it_learned(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    run.request_pause()
    trainer = threading.Thread(target=work, args=(run,))
    trainer.start()
    wait_until(lambda: run.status().state == "paused")
    run.request_stop()
    trainer.join()
    assert run.status().state == "stopped"
    assert load_checkpoint(run.checkpoint).latent_dim == 2


def test_a_run_whose_machine_restarted_while_it_was_paused_can_be_resumed(
    tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    work(run, should_stop=lambda: run.events()[-1]["epoch"] == 2)
    run.write_status(replace(run.status(), state="paused"))  # as it stood when the power went
    run.request_pause()
    status = run.status()
    assert (status.state, status.active, run.resumable) == ("failed", False, True)
    assert "while it was paused" in status.message and is_a_sentence(status.message)
    run.request_continue()
    work(run)
    assert_learned(run, weights)


# Suspended


def test_a_suspended_process_is_seen_to_be_silent_and_goes_on(
    tmp_path: Path, trainers: Trainers, wait_until: WaitUntil
) -> None:
    run = start(LONG, tmp_path)
    wait_until(lambda: len(run.events()) > 3)
    trainers[0].send_signal(signal.SIGSTOP)
    wait_until(lambda: run.silent_seconds > 3)
    assert run.status().state == "running"
    silence, reported = run.silent_seconds, len(run.events())
    trainers[0].send_signal(signal.SIGCONT)
    wait_until(lambda: len(run.events()) > reported + 3 and run.silent_seconds < silence)
    run.request_stop()
    wait_until(lambda: not run.status().active)
    assert run.status().state == "stopped" and run.silent_seconds == 0
    assert read_metrics(run.checkpoint) is not None


def test_who_is_busy_goes_on_giving_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setattr("vae_core.runs.trainer.ALIVE_SECONDS", 0.01)
    run = create_run(replace(CONFIG, epochs=1), tmp_path / "run")
    silences = []

    def last_sign() -> float:
        return (run.path / ".alive").stat().st_mtime

    def dawdle(_: Progress) -> None:
        noted = last_sign()
        wait_until(lambda: last_sign() > noted)
        silences.append((run.silent_seconds, time.time() - noted))

    assert run.silent_seconds == 0, "nobody is there to be silent"
    work(run, dawdle)
    assert silences and all(0 <= silent < since for silent, since in silences)
    assert run.silent_seconds == 0


def test_a_sleep_does_not_count_as_slowness(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch takes half a second; after the tenth, the lid is closed for an hour."""
    clock = count(step=1e-6)
    slept = [0.0]
    fake = SimpleNamespace(perf_counter=lambda: next(clock) + slept[0])
    monkeypatch.setattr("vae_core.training.loop.time", fake)
    told = []
    for report in train(replace(CONFIG, epochs=20)):
        slept[0] += 3600.0 if report.epoch == 10 else 0.5
        told.append((report.images_per_second, report.seconds_left))
    images = pytest.approx(1437 / 0.5, rel=0.15)
    assert told[10:] == [(images, pytest.approx((19 - k) / 2, rel=0.15)) for k in range(10, 20)]


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, where tests may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    file = disk / "filler"
    with file.open("ab", buffering=0) as stream, pytest.raises(OSError, match="No space"):
        while True:
            stream.write(bytes(4096))
    return file


def test_a_disk_that_fills_up_fails_the_run_and_takes_nothing_from_it(
    small_disk: Path, weights: dict[str, torch.Tensor]
) -> None:
    run = create_run(CONFIG, small_disk / "run")
    with pytest.raises(TrainingError, match="No space left"):
        work(run, lambda progress: fill(small_disk) if progress.epoch == 2 else None)
    status = run.status()
    assert status.state == "failed" and is_a_sentence(status.message)
    assert "No space left on device; free some space, then resume the run" in status.message
    assert run.snapshot_epochs() == [0, 1, 2]
    model, latents = run.load_snapshot(2, (1, 8, 8))
    assert model.latent_dim == 2 and len(latents) == 360
    assert load_checkpoint(run.checkpoint).latent_dim == 2

    (small_disk / "filler").unlink()
    assert run.resumable
    work(run)
    assert_learned(run, weights)
    assert sorted(file.name for file in run.path.glob(".*")) == [".alive", ".lock"]


def test_a_run_on_a_disk_that_is_full_is_refused_with_a_sentence(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(TrainingError, match=r"cannot be made: No space left.*Free some space"):
        start(CONFIG, small_disk)


def test_a_disk_too_full_for_the_failure_itself_is_seen_from_outside(small_disk: Path) -> None:
    run = create_run(CONFIG, small_disk / "run")
    run.write_status(replace(run.status(), state="running", begun=True))
    fill(small_disk)
    assert run.status().state == "failed" and "The disk is full" in run.status().message


# Settings and data


def test_data_that_are_not_there_fail_the_run_until_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_DATA", str(tmp_path / "data"))
    run = create_run(replace(CONFIG, dataset="mnist"), tmp_path / "run")
    with pytest.raises(DataError):
        work(run)
    assert run.status().state == "failed" and "mnist" in run.status().message
    assert is_a_sentence(run.status().message) and run.resumable


def test_an_error_that_nobody_foresaw_is_a_failure_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory.\nTried to allocate 20 GiB")

    monkeypatch.setattr("vae_core.runs.recording.train", out_of_memory)
    run = create_run(CONFIG, tmp_path / "run")
    with pytest.raises(RuntimeError):
        work(run)
    assert run.status().state == "failed" and run.resumable
    assert run.status().message.endswith("RuntimeError: CUDA out of memory.")


# Folders that were edited, or half written


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a run of one epoch reported."""
    run = create_run(replace(CONFIG, epochs=1), tmp_path_factory.mktemp("runs") / "run")
    work(run)
    return run.events_file.read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        b"5\n", b"[]\n", b"null\n", b"{}\n", b'"epoch"\n', b"[" * 100_000 + b"\n",
        b'{"epoch": "one"}\n',
    ],
)  # fmt: skip
def test_foreign_reports_are_left_out(tmp_path: Path, reports: bytes, line: bytes) -> None:
    run = Run(tmp_path)
    run.events_file.write_bytes(line + reports)
    assert run.events() == [json.loads(report) for report in reports.splitlines()] != []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", 1.5), ("step", None), ("total_steps", 0), ("images_per_second", math.nan),
        ("seconds_left", "soon"), ("epoch_ended", 1), ("train", None), ("train", {}),
        ("test", {"reconstruction": 1, "kl": 1, "loss": math.inf, "kl_per_dim": []}),
        ("test", {"reconstruction": 1, "kl": 1, "loss": 1, "kl_per_dim": [None]}),
    ],
)  # fmt: skip
def test_reports_with_impossible_figures_are_left_out(
    tmp_path: Path, reports: bytes, field: str, value: Any
) -> None:
    run = Run(tmp_path)
    report = json.loads(reports.splitlines()[-1])
    for change, read in (({}, [report]), ({field: value}, [])):
        run.events_file.write_text(json.dumps(report | change) + "\n")
        assert run.events() == read


def test_foreign_files_in_a_run_do_no_harm(tmp_path: Path) -> None:
    run = create_run(replace(CONFIG, epochs=1), tmp_path / "run", owner="ann")
    work(run)
    for name in ("epoch-one.safetensors", "epoch-0001.safetensors.bak", "notes.txt"):
        (run.path / "snapshots" / name).touch()
    assert run.snapshot_epochs() == [0, 1]
    (run.path / "owner").write_bytes(b"\xff\xfe")
    assert run.owner
    (run.path / "owner").unlink()
    (run.path / "owner").mkdir()
    assert run.owner == ""


def test_what_was_asked_of_a_run_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    for ask in (Run(tmp_path / "gone").request_stop, Run(tmp_path / "gone").request_pause):
        with pytest.raises(TrainingError, match="is its folder there"):
            ask()
    Run(tmp_path / "gone").request_continue()
    assert not (tmp_path / "gone").exists()


def test_a_folder_that_is_taken_away_while_it_trains_does_not_come_back(tmp_path: Path) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    with pytest.raises(TrainingError, match="No such file"):
        work(run, lambda _: run.path.rename(tmp_path / "away"))  # at once: it writes meanwhile
    assert not run.path.exists()


@pytest.mark.parametrize("missing", ["config.json", "state.safetensors", "events.jsonl"])
def test_a_half_written_folder_is_a_sentence_or_goes_on(
    tmp_path: Path, weights: dict[str, torch.Tensor], missing: str
) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    work(run, should_stop=lambda: len(run.events()) == 2)
    (run.path / missing).unlink()
    if missing == "config.json":
        with pytest.raises(TrainingError, match=r"config\.json is missing"):
            work(run)
        assert is_a_sentence(run.status().message)
    else:
        work(run)
        assert_learned(run, weights)


def test_of_two_who_make_one_run_one_is_told(tmp_path: Path) -> None:
    outcomes: list[str] = []

    def make() -> None:
        try:
            create_run(CONFIG, tmp_path / "run")
            outcomes.append("made")
        except Exception as error:  # noqa: BLE001 — looked at below
            outcomes.append(str(error))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("made") == 1
    assert sum("exists already" in outcome for outcome in outcomes) == 7
