"""A foreign network, run in a process of its own: what goes wrong there is a sentence here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NoReturn

import numpy as np

from vae_core.checkpoints.onnx.frames import OUT_OF_MEMORY, receive, send
from vae_core.errors import CheckpointError

MEMORY_BYTES = 1 << 30  # beside four times the files
OPEN_SECONDS = 10.0  # of a core
CALL_SECONDS = 5.0
WALL = 12  # a call may take so many times its seconds by the clock, on a busy machine
MAX_ANSWER_BYTES = 256 << 20
MOST_AT_ONCE = 4  # processes of one server; who was used least ends, and begins anew when asked
_WANTS_MEMORY = "wants more memory than it may have"
_KILLED = -getattr(signal, "SIGKILL", 9)

_alive: list[weakref.ref[OnnxProcess]] = []  # the last used at the end
_alive_lock = threading.Lock()


@dataclass(frozen=True)
class Graph:
    """An opened file. sides: of its input, 0 for one that may vary; metadata: what it says."""

    sides: tuple[int, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]


class OnnxProcess:
    """Files by their names, opened in a process that begins with the first call.

    A call that takes too long or too much memory, or ends the process in another way, is a
    CheckpointError; it is the last, and its sentence answers every later call. So is one whose
    process is killed from outside, but that tells nothing of the files: the next begins it anew.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        check_runtime()
        self._files = dict(files)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._refusal = ""
        self.graphs: dict[str, Graph] = {}
        self.taken = 0.0  # of a core, that the last call took

    def open(self) -> dict[str, Graph]:
        """Each file's graph, by its name; CheckpointError where one is not taken."""
        with self._lock:
            self._begun()
        return self.graphs

    def run(
        self, name: str, rows: np.ndarray, outputs: Sequence[str] = (), most: int = MAX_ANSWER_BYTES
    ) -> list[np.ndarray]:
        """Each of `outputs`, or all, of the file `name` for rows (n, …) float32: (n, …) float32.

        most: bytes that they may have together.
        """
        given = np.ascontiguousarray(rows, np.float32)
        told = {"verb": "run", "name": name, "shape": given.shape, "outputs": list(outputs)}
        with self._lock:
            self._begun()
            answer, data = self._ask(name, told | {"most": most}, given.tobytes(), CALL_SECONDS)
            self.taken = float(answer["seconds"])
        found, start = [], 0
        for shape in answer["shapes"]:
            size = int(np.prod(shape)) * 4
            part = np.frombuffer(data[start : start + size], np.float32)
            found.append(part.reshape(shape))
            start += size
        return found

    def end(self) -> None:
        """End the process; another call begins it anew."""
        with self._lock:
            self._kill()

    def _begun(self) -> None:
        """Have a process with all files opened."""
        if self._refusal:
            raise CheckpointError(self._refusal)
        _make_room_for(self)
        if self._process is not None and self._process.poll() is None:
            return
        self._kill()
        self._process = _started(MEMORY_BYTES + 4 * sum(map(len, self._files.values())))
        weakref.finalize(self, _stop, self._process)
        for name, data in self._files.items():
            told = {"verb": "open", "name": name}
            try:
                answer, _ = self._ask(name, told, data, OPEN_SECONDS)
            except CheckpointError:
                self._kill()
                raise
            self.graphs[name] = Graph(
                tuple(answer["sides"]), tuple(answer["outputs"]), answer["metadata"]
            )

    def _ask(
        self, name: str, told: dict[str, Any], data: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        is_late = threading.Event()

        def end_late() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(seconds * WALL, end_late)
        timer.start()
        try:
            send(process.stdin, told | {"seconds": seconds}, data)
            answer, given = receive(process.stdout, MAX_ANSWER_BYTES)
        except (EOFError, OSError, ValueError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            if process.returncode == _KILLED and not is_late.is_set():
                self._kill()
                raise CheckpointError(
                    f"{name} was running when its process was killed from outside, as a system "
                    "short of memory does; ask again."
                ) from None
            self._refuse(name, _how_it_ended(process, seconds))
        finally:
            timer.cancel()
        if why := answer.get("refused"):
            raise CheckpointError(f"{name} {_plain(why)}.")
        if why := answer.get("failed"):
            raise CheckpointError(f"{name} cannot be run by onnxruntime: {_plain(why)}.")
        if answer.get("limit"):
            self._refuse(name, _WANTS_MEMORY)
        return answer, given

    def _refuse(self, name: str, why: str) -> NoReturn:
        """End it for good."""
        self._kill()
        self._refusal = f"{name} {why}, so it was ended and is not asked again; export it anew."
        raise CheckpointError(self._refusal)

    def _kill(self) -> None:
        if self._process is not None:
            _stop(self._process)
        self._process = None


def _how_it_ended(process: subprocess.Popen[bytes], seconds: float) -> str:
    if process.returncode == OUT_OF_MEMORY:
        return _WANTS_MEMORY
    if process.returncode in (None, _KILLED, -getattr(signal, "SIGXCPU", 0)):
        return f"computes for more than {seconds:g} seconds at a call"
    return "has brought down the process that it was run in, which was its own"


def check_runtime() -> None:
    """CheckpointError where what runs ONNX is not installed."""
    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        raise CheckpointError(
            f"ONNX is run with {' and '.join(missing)}, not installed here: "
            'pip install "zscape[onnx]"'
        )


def check_limited() -> None:
    """CheckpointError where the system cannot hold a process to so much memory and time."""
    if sys.platform == "win32":
        raise CheckpointError(
            "ONNX that comes by upload is run within limits, which this server's system has none "
            "of; whoever runs the server can `zscape import` it."
        )


def _started(memory: int) -> subprocess.Popen[bytes]:
    library = Path(__file__).resolve().parents[3]
    path = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    keep = {n: v for n, v in os.environ.items() if n in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "vae_core.checkpoints.onnx.worker", str(memory)],
        env=keep | {"PYTHONPATH": os.pathsep.join([str(library), *path]), "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        cwd=gettempdir(),
    )  # fmt: skip


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            if stream is not None:
                stream.close()


def _make_room_for(asked: OnnxProcess) -> None:
    """End those used least beyond MOST_AT_ONCE, unless they compute just now."""
    with _alive_lock:
        others = [ref for ref in _alive if ref() is not None and ref() is not asked]
        _alive[:] = [*others, weakref.ref(asked)]
        too_many = [ref() for ref in _alive[:-MOST_AT_ONCE]]
    for other in too_many:
        if other is not None and other._lock.acquire(blocking=False):
            try:
                other._kill()
            finally:
                other._lock.release()


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:400]).rstrip(".")
