"""What other systems lack is missed where it is asked for, in a sentence, and nowhere else.

They are simulated: what Python does not have there is taken away.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from docs.rooms import ROOT
from vae_core.checkpoints.archives import unpack_checkpoint
from vae_core.errors import CheckpointError
from vae_core.files.atomic import write_bytes

# Other packages come first: theirs were built for this system.
WINDOWS = """
import importlib, os, pkgutil, signal, socket, sys
import asyncio, multiprocessing, subprocess, tempfile
import filelock, onnxruntime, sklearn.decomposition, streamlit.web.cli, torch, uvicorn

class Lacking:
    names = ("resource", "fcntl", "pwd", "grp", "termios")
    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in Lacking.names:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Lacking())
sys.platform = "win32"
lacks = {
    os: ("fork", "nice", "geteuid", "getuid", "setpriority", "killpg", "setsid", "getloadavg"),
    signal: ("SIGKILL", "SIGXCPU", "SIGHUP", "SIGALRM", "setitimer"),
    socket: ("AF_UNIX",),
}
for module, names in lacks.items():
    for name in names:
        delattr(module, name)
import live, vae_core, zscape
for top in (vae_core, zscape, live):
    for each in pkgutil.walk_packages(top.__path__, f"{top.__name__}."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)

from vae_core.training.config import TrainConfig
from vae_core.runs.run import create_run
from vae_core.runs.trainer import work
run = create_run(TrainConfig(dataset="digits", hidden=(8,), epochs=1), sys.argv[1])
work(run, queued=True)
print(run.status().state)
"""


def test_all_is_imported_and_a_run_is_trained_without_what_windows_lacks(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS, tmp_path / "runs" / "one"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["finished"], done.stderr[-2_000:]


def test_onnx_is_not_taken_by_upload_where_nothing_limits_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("decoder.onnx", b"never opened")
    monkeypatch.setattr("vae_core.checkpoints.onnx.process.sys", SimpleNamespace(platform="win32"))
    with pytest.raises(CheckpointError, match=r"run within limits, .* `zscape import` it"):
        unpack_checkpoint(archive, tmp_path / "model")


def test_a_mac_counts_memory_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    from vae_core.checkpoints.onnx import worker

    here = worker.peak_bytes()
    monkeypatch.setattr(sys, "platform", "darwin" if sys.platform == "linux" else "linux")
    assert sorted([here, worker.peak_bytes()])[1] >= 500 * min(here, worker.peak_bytes())


def test_a_file_that_is_read_just_now_is_replaced_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([PermissionError(13, "Access is denied")] * 3)
    really = os.replace

    def busy(source: str, target: Path) -> None:
        if (refusal := next(refusals, None)) is not None:
            raise refusal
        really(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr("vae_core.files.atomic.sys", SimpleNamespace(platform="win32"))
    write_bytes(tmp_path / "status.json", b"{}")
    assert (tmp_path / "status.json").read_bytes() == b"{}"
    assert next(refusals, None) is None
