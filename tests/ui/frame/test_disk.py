"""A disk that is full or closed, in words."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from ui.frame.disk import unwritable
from ui.frame.navigation import report_error
from ui.frame.own_models import bring_model, keep_model
from vae_core.checkpoints.archives import zip_checkpoint
from vae_core.runs.run import Run


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot write"), (errno.EACCES, "cannot write")],
)
def test_a_failure_to_write_is_a_sentence_without_the_servers_folders(
    monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(st, "error", lambda text, **_: told.append(text))
    report_error(OSError(number, os.strerror(number), "/srv/secret/runs"))
    assert words in told[0]
    assert "/srv" not in told[0] and "went wrong" not in told[0]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("what", ["upload", "keep", "delete", "show images"])
def test_what_a_visitor_does_on_such_a_disk_ends_with_that_sentence(
    ended_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, number: int, what: str
) -> None:
    run = ended_run()
    archive = io.BytesIO(zip_checkpoint(run.checkpoint))
    monkeypatch.setattr(st, "context", SimpleNamespace(headers={}, cookies={}, ip_address=None))

    def fail(path: object, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    for module, name in ((os, "rename"), (os, "replace"), (Path, "touch")):
        monkeypatch.setattr(module, name, fail)
    told: list[str] = []
    monkeypatch.setattr(st, "error", lambda text, **_: told.append(text))
    actions: dict[str, Callable[[], object]] = {
        "upload": lambda: bring_model(archive),
        "keep": lambda: keep_model(run, "mine"),
        "delete": run.delete,
        "show images": lambda: run.show_images(True),
    }
    with pytest.raises(OSError) as failed:
        actions[what]()
    report_error(failed.value)
    assert "disk is full" in told[0] or "cannot write" in told[0]
    assert str(run.path.parent) not in told[0] and "went wrong" not in told[0]
    assert [path.name for path in run.path.parent.iterdir() if path.name[0] != "."] == [run.token]


def test_other_failures_are_none_of_the_disk() -> None:
    error: Any = FileNotFoundError(errno.ENOENT, "No such file", "x")
    assert unwritable(error) is None
