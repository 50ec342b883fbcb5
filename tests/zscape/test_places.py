"""Where the app lies and where a user's things go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zscape.places import APP, set_defaults, why_not_writable

ROOT = Path(__file__).resolve().parents[2]


def test_a_checkout_serves_its_own_app() -> None:
    assert APP == ROOT / "app.py"


def test_a_users_things_go_to_a_folder_of_theirs(tmp_path: Path) -> None:
    set_defaults()
    assert os.environ["ZSCAPE_RUNS"] == str(tmp_path / "home" / "zscape" / "runs")
    assert os.environ["ZSCAPE_DATA"] == str(tmp_path / "home" / "zscape" / "data")
    assert os.environ["ZSCAPE_CHECKPOINTS"] == str(ROOT / "checkpoints")


def test_what_the_user_has_said_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", "here")
    set_defaults()
    assert os.environ["ZSCAPE_RUNS"] == "here"


def test_a_folder_that_can_be_written_is_made(tmp_path: Path) -> None:
    assert why_not_writable(tmp_path / "a" / "b") == ""
    assert [*(tmp_path / "a" / "b").iterdir()] == []


def test_a_folder_that_cannot_be_written_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert why_not_writable(tmp_path / "file" / "runs") == "Not a directory"
