"""The wheel as a user gets it, in an environment of its own; the app as the command serves it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Built:
    """What `python -m build` made: the sdist, and the wheel made of it."""

    sdist: Path
    wheel: Path


@pytest.fixture(autouse=True)
def environment(tmp_path: Path) -> Iterator[None]:
    """A user who set nothing, and whose own folder is the test's; what a test sets is undone."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("ZSCAPE_", "STREAMLIT_"))]:
        del os.environ[name]
    os.environ["XDG_DATA_HOME"] = str(tmp_path / "home")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def build() -> Callable[..., None]:
    """`build(out)`: `python -m build` with what is installed here, as `make` has put it there."""

    def run(out: Path, *options: str) -> None:
        command = [sys.executable, "-m", "build", "--no-isolation", *options, "-o", out, ROOT]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def built(build: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist and the wheel, built once for all workers of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out = shared / "dist"
    with FileLock(shared / "dist.lock"):
        if not out.exists():
            build(out)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; what it requires is that of this one."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", built.wheel], check=True)
    (site,) = environment.glob("lib/*/site-packages")
    others = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "what_it_requires.pth").write_text("\n".join(others))
    return python.parent


@dataclass(frozen=True)
class Served:
    url: str  # as the command says it
    process: subprocess.Popen[str]

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send the signal; the exit code, and what was written to standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate()
        return self.process.returncode, errors


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., AbstractContextManager[Served]]:
    """`with serving(program, *arguments, VARIABLE=…) as served`, in an empty folder or another."""

    @contextmanager
    def serve(
        *command: str | Path, folder: Path = tmp_path / "empty", **variables: str
    ) -> Iterator[Served]:
        folder.mkdir(exist_ok=True)
        before = sorted(folder.iterdir())
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()  # the end of its output, where it has died
            assert line.startswith("Zscape is at http"), line + process.communicate()[1]
            yield Served(line.split()[3], process)
        finally:
            process.kill()
            process.wait()
        assert (
            sorted(folder.iterdir()) == before
        )  # whatever it writes goes to the user's own folder

    return serve


@pytest.fixture
def in_use() -> Callable[[], AbstractContextManager[int]]:
    """`with in_use() as port`: somebody listens there."""

    @contextmanager
    def listen() -> Iterator[int]:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            yield other.getsockname()[1]

    return listen
