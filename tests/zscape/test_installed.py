"""The wheel in an environment of its own, used in an empty folder."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

import zscape
from benchmarks.proxies import free_port

LIGHT = """
import sys, zscape
print(zscape.__version__, {"torch", "streamlit", "numpy"} & set(sys.modules))
"""


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Callable[..., str]:
    """Run a program of the environment in an empty folder; what it prints."""

    def run(program: str, *arguments: str) -> str:
        command = [installed / program, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_says_its_version(run: Callable[..., str]) -> None:
    assert run("zscape", "--version") == f"zscape {zscape.__version__}\n"


def test_importing_it_loads_nothing_large(run: Callable[..., str]) -> None:
    assert run("python", "-c", LIGHT) == f"{zscape.__version__} set()\n"


def test_it_lists_the_models_that_came_with_it(run: Callable[..., str]) -> None:
    listed = run("zscape", "list").splitlines()
    assert [line.split()[0] for line in listed] == ["digits-2d", "mnist-16d", "mnist-2d"]


def test_it_saves_a_model_as_a_page(run: Callable[..., str], tmp_path: Path) -> None:
    run("zscape", "export", "digits-2d", "--html", "digits.html")
    assert (tmp_path / "digits.html").read_bytes().rstrip().endswith(b"</html>")


def test_a_training_goes_where_the_app_looks_for_it(
    run: Callable[..., str], tmp_path: Path
) -> None:
    run("zscape", "train", "--preset", "digits-2d", "--epochs", "1", "--hidden", "8")
    (made,) = (tmp_path / "home" / "zscape" / "runs").glob("digits-*")
    assert (made / "checkpoint" / "model.safetensors").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_it_serves_its_settings_and_modules(
    installed: Path, serving: Callable[..., AbstractContextManager[Any]]
) -> None:
    command = [installed / "zscape", "--no-browser", "--port", str(free_port())]
    with serving(*command) as served:
        with urlopen(f"{served.url}_stcore/health") as health:
            assert health.read() == b"ok"
        with urlopen(f"{served.url}_stcore/host-config") as settings:
            assert settings.status == 200
        with urlopen(f"{served.url}live/ask?model=mnist-2d") as opened:
            assert b'"latent_dim":2' in opened.read().replace(b" ", b"")
        assert served.end(signal.SIGTERM) == (0, "")
