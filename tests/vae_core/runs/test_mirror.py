"""What an outbox tells of a folder makes, part by part, the same folder elsewhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vae_core.errors import TrainingError
from vae_core.files.atomic import write_bytes
from vae_core.runs.mirror import FILES, FOLDERS, Outbox, receive
from vae_core.runs.run import create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig
from vae_core.training.progress import Progress

CONFIG = TrainConfig(dataset="digits", hidden=(8,), epochs=4, batch_size=300)


def contents(folder: Path) -> dict[str, bytes]:
    files = [f for name in FOLDERS for f in (folder / name).rglob("*") if f.is_file()]
    files += [folder / name for name in FILES]
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def test_a_run_followed_from_report_to_report_is_the_same_run(tmp_path: Path) -> None:
    run, copy = create_run(CONFIG, tmp_path / "run"), tmp_path / "copy"
    outbox = Outbox(run.path)
    told: list[int] = []

    def follow(_: Progress) -> None:
        parts = outbox.changes()
        told.append(sum(len(data) for path, _, data in parts if path == "events.jsonl"))
        receive(copy, parts)

    work(run, follow)
    follow(None)
    assert contents(copy) == contents(run.path)
    assert sum(told) == run.events_file.stat().st_size, "each report is sent once"
    assert outbox.changes() == []


def test_a_file_that_was_written_anew_is_sent_whole(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    outbox = Outbox(source)
    for text in ("one\ntwo\n", "one\n", "one\nthree\nfour\n"):
        (source / "events.jsonl").write_text(text)
        receive(copy, outbox.changes())
        assert (copy / "events.jsonl").read_text() == text


def test_reports_that_were_taken_back_and_outgrown_between_two_looks_are_sent_whole(
    tmp_path: Path,
) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    outbox = Outbox(source)
    for text in (b"one\ntwo\n", b"one\nthree\nfour\n"):
        write_bytes(source / "events.jsonl", text)
        receive(copy, outbox.changes())
        assert (copy / "events.jsonl").read_bytes() == text


def test_a_folder_that_is_replaced_just_now_comes_with_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes(tmp_path / "checkpoint" / "config.json", b"{}")
    write_bytes(tmp_path / "status.json", b"{}")
    look = os.scandir

    def scandir(folder: Any) -> Any:
        if Path(folder).name == "checkpoint":
            raise FileNotFoundError
        return look(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [path for path, _, _ in Outbox(tmp_path).changes()] == ["status.json"]


def test_weights_come_after_what_belongs_to_them_and_the_status_last(tmp_path: Path) -> None:
    run = create_run(replace(CONFIG, epochs=1), tmp_path / "run")
    work(run)
    paths = [path for path, _, _ in Outbox(run.path).changes()]
    assert paths[-2:] == ["checkpoint/model.safetensors", "status.json"]
    assert "checkpoint/metrics.json" in paths and "config.json" not in paths


def test_hidden_and_foreign_files_stay_where_they_are(tmp_path: Path) -> None:
    for name in ("notes.txt", "stop", "owner", "snapshots/.half-written", "final/model"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert Outbox(tmp_path).changes() == []


@pytest.mark.parametrize(
    "path", ["../up", "/etc/passwd", "snapshots/../../up", "config.json", "stop"]
)
def test_a_part_that_is_none_of_a_run_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(TrainingError, match="no part of a run"):
        receive(tmp_path / "run", [(path, None, b"")])
    assert os.listdir(tmp_path) == []
