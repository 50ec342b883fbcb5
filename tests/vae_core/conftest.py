"""Processes that tests start, and patience with them; data sets that are forgotten again."""

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vae_core.data import datasets

PATIENCE = 120  # seconds; a bound for a machine that is busy with other things


@pytest.fixture
def wait_until() -> Callable[[Callable[[], Any]], None]:
    def wait(condition: Callable[[], Any]) -> None:
        patience = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < patience, "it never came about"
            time.sleep(0.02)

    return wait


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that `start` and `resume` begin; those still alive at the end are killed."""
    begun: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            begun.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    yield begun
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture
def nothing_remembered() -> Iterator[None]:
    yield
    datasets._load.cache_clear()
