"""The checkpoints that are shipped, and on demand a visitor's session with runs of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named whole: programs run in folders of their own."""
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(ROOT / "checkpoints"))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Ann's session, and a folder of runs of its own."""
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    state: dict[str, Any] = {"visitor": "ann", "linked": {}}
    monkeypatch.setattr(st, "session_state", state)
    return state


@pytest.fixture
def ended_run(tmp_path: Path, session: dict[str, Any]) -> Callable[..., Run]:
    """A run of two epochs that has ended: ended_run(name, owner), Ann's by default."""

    def ended(name: str = "digits-0123456789", owner: str = "ann") -> Run:
        config = TrainConfig(hidden=(8,), epochs=2, batch_size=512)
        run = create_run(config, tmp_path / name, owner)
        work(run)
        return run

    return ended
