"""A lock is looked at by any number of processes at once, and by none is it taken."""

import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from vae_core.files.locks import is_locked


def test_a_lock_is_held_until_it_is_let_go(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / ".lock")
    with lock:
        assert is_locked(tmp_path / ".lock")
    assert not is_locked(tmp_path / ".lock")


def test_nothing_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "gone" / ".lock")
    assert list(tmp_path.iterdir()) == []


def test_what_goes_while_it_is_looked_at_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".lock").touch()
    open_file = os.open

    def gone_by_then(path: Path, flags: int, *mode: int) -> int:
        Path(path).unlink()
        return open_file(path, flags, *mode)

    monkeypatch.setattr(os, "open", gone_by_then)
    assert not is_locked(tmp_path / ".lock")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there each who looks is alone")
def test_who_else_looks_is_no_holder(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / ".lock").touch()
    other = os.open(tmp_path / ".lock", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_SH)
    assert not is_locked(tmp_path / ".lock")
    os.close(other)


def test_a_file_that_nobody_may_lock_counts_as_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".lock").touch()

    def refused(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refused)
    assert is_locked(tmp_path / ".lock")
