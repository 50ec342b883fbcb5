"""A trainer's process stands on its own feet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vae_core.runs.jobs import start
from vae_core.training.config import TrainConfig

CONFIG = TrainConfig(hidden=(8,), epochs=1, batch_size=512)


def test_files_of_the_working_folder_take_no_modules_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trainers: list[Any],
    wait_until: Callable[[Callable[[], Any]], None],
) -> None:
    for name in ("random", "vae_core", "torch"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    run = start(CONFIG, tmp_path / "runs")
    wait_until(lambda: trainers[0].poll() is not None)
    assert run.status().state == "finished", (run.path / "train.log").read_text()
