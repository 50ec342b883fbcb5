"""A disk that is full or closed, in words."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
import streamlit as st

from ui.frame.disk import unwritable
from ui.frame.navigation import report_error


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


def test_other_failures_are_none_of_the_disk() -> None:
    error: Any = FileNotFoundError(errno.ENOENT, "No such file", "x")
    assert unwritable(error) is None
