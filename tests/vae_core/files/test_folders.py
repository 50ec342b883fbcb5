"""A folder that cannot be read hides no other."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from vae_core.checkpoints.reading import list_checkpoints
from vae_core.files.folders import folders
from vae_core.runs.run import Status, create_run, list_runs
from vae_core.training.config import TrainConfig

SHIPPED = Path(__file__).parents[3] / "checkpoints" / "digits-2d"


@pytest.fixture
def nameless(tmp_path: Path) -> Path:
    """A folder beside others whose name is no UTF-8."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    path.mkdir()
    return path


def test_what_cannot_be_read_is_told_and_hides_nothing(
    tmp_path: Path, nameless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("round")
    may = os.access
    monkeypatch.setattr(os, "access", lambda p, how: Path(p).name != "closed" and may(p, how))
    told = {each.path.name: each.error for each in folders(tmp_path)}
    assert list(told) == sorted([nameless.name, "closed", "open"])
    assert "rename it" in told[nameless.name] and "may not read" in told["closed"]
    assert told["open"] == ""
    assert folders(tmp_path / "nowhere") == []


def test_checkpoints_and_runs_beside_it_are_listed(tmp_path: Path, nameless: Path) -> None:
    shutil.copytree(SHIPPED, nameless, dirs_exist_ok=True)
    shutil.copytree(SHIPPED, tmp_path / "whole")
    errors = {each.name: each.error for each in list_checkpoints(tmp_path)}
    assert errors.keys() == {"whole", nameless.name}
    assert errors["whole"] is None and "not in UTF-8" in (errors[nameless.name] or "")
    run = create_run(TrainConfig(), tmp_path / "run")
    (nameless / "status.json").write_text("{}")
    assert [each.token for each in list_runs(tmp_path)] == [run.token]


def test_a_run_that_says_it_began_in_the_future_is_not_waited_for(tmp_path: Path) -> None:
    run = create_run(TrainConfig(), tmp_path / "run")
    assert run.status().state == "waiting"
    run.write_status(Status("waiting", started=4e9))
    assert run.status().state == "failed" and run.status().resumable
