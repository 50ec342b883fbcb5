"""Which runs and models are a visitor's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui.frame.session import owned
from vae_core.runs.run import create_run
from vae_core.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("session")

CONFIG = TrainConfig(hidden=(8,), epochs=2, batch_size=512)


def test_a_run_may_go_while_a_visitor_s_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for token in ("digits-going", "digits-staying"):
        create_run(CONFIG, tmp_path / token, "ann")
    read = Path.read_text

    def gone(path: Path, *encoding: str, **errors: str) -> str:
        if path.parent.name == "digits-going":
            path.unlink()
        return read(path, *encoding, **errors)

    monkeypatch.setattr(Path, "read_text", gone)
    assert owned() == ["digits-staying"]
