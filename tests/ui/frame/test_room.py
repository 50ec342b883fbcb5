"""The disk is shared among visitors and addresses, and what nobody needs any more goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ui.frame import room
from ui.frame.room import UPLOADS_STAY_DAYS, sweep, why_no_room
from vae_core.errors import ConfigError
from vae_core.runs.run import Run, Status

A_DAY = 24 * 3600


def lies(root: Path, name: str, owner: str, address: str, size: int) -> Path:
    """A model of `size` bytes on the disk, as far as its size is told."""
    folder = root / name / "checkpoint"
    folder.mkdir(parents=True)
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(size)
    (root / name / "owner").write_text(owner)
    (root / name / "from").write_text(address)
    return root / name


@pytest.fixture(autouse=True)
def ten_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_DISK_GB", "10")


def test_a_visitor_has_a_share(tmp_path: Path) -> None:
    lies(tmp_path, "a", "ann", "school", (1 << 30) - 1000)
    assert why_no_room(tmp_path, "ann", "school") == ""
    lies(tmp_path, "b", "ann", "school", 1000)
    assert why_no_room(tmp_path, "ann", "home").startswith("Your runs and models take 1.0 GB")
    assert why_no_room(tmp_path, "bob", "school") == ""


def test_an_address_has_a_share_however_many_names_it_has(tmp_path: Path) -> None:
    for k in range(6):
        assert why_no_room(tmp_path, "new", "school") == ""
        lies(tmp_path, f"run-{k}", f"visitor {k}", "school", (1 << 30) - (1 << 20))
    assert "from your network" in why_no_room(tmp_path, "new", "school")
    assert why_no_room(tmp_path, "new", "home") == ""


def test_all_have_so_much(tmp_path: Path) -> None:
    for k in range(11):
        lies(tmp_path, f"run-{k}", f"visitor {k}", f"address {k}", (1 << 30) - 1000)
    assert "fill the server" in why_no_room(tmp_path, "new", "home")


def test_a_run_that_is_under_way_has_its_room_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BYTES_OF_A_RUN", 1 << 30)
    folder = lies(tmp_path, "digits", "ann", "school", 0)
    Run(folder).write_status(Status("waiting", started=time.time()))
    assert "Your runs" in why_no_room(tmp_path, "ann", "school")


@pytest.mark.parametrize("text", ["much", "0", "-1", "1.5"])
def test_a_total_that_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ZSCAPE_DISK_GB", text)
    with pytest.raises(ConfigError, match="ZSCAPE_DISK_GB"):
        why_no_room(tmp_path, "ann", "school")


@pytest.mark.parametrize("alone", ["0", "1"])
def test_an_upload_goes_after_its_days_unless_its_owner_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: str
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    monkeypatch.setenv("ZSCAPE_ALONE", alone)
    now = (tmp_path.stat()).st_mtime
    for name, days in (("upload-old", 1), ("upload-new", -1), ("kept-old", 1)):
        folder = lies(tmp_path, name, "ann", "school", 10)
        when = now - (UPLOADS_STAY_DAYS + days) * A_DAY
        os.utime(folder / "owner", (when, when))
    sweep()
    assert (tmp_path / "upload-old").exists() == (alone == "1")
    assert (tmp_path / "upload-new").exists() and (tmp_path / "kept-old").exists()


def test_what_the_dead_left_is_swept_from_runs_and_visitors_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    left = [
        tmp_path / ".upload-abcdefgh.part",
        lies(tmp_path, "digits", "ann", "school", 10) / ".checkpoint-abcdefgh.part",
        tmp_path / ".visitors" / "ann" / ".own-images-abcdefgh.part",
    ]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / ".lock").touch()
        (folder / "new").mkdir()
    sweep()
    assert not any(folder.exists() for folder in left)
    assert (tmp_path / "digits" / "owner").exists()
