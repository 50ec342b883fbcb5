"""Codes seen on a plane by UMAP (McInnes et al. 2018), in a process of its own that can be ended.

umap-learn has no callback and no way to stop it, and compiles itself for half a minute first.
"""

from __future__ import annotations

import base64
import io
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

MISSING = 'UMAP is done by umap-learn, not installed here: pip install "zscape[umap]"'
POLL_SECONDS = 0.3
_PACKAGE = Path(__file__).parents[2]
_DONE, _STEP = "done ", "step "


def has_umap() -> bool:
    """Whether umap-learn is installed, the package of the extra `umap`."""
    return find_spec("umap") is not None


def umap_projection(
    mu: Tensor,
    *,
    neighbours: int = 15,
    seed: int = 0,
    on_progress: Callable[[float], object] | None = None,
) -> Tensor | None:
    """UMAP of mu (n, d) to (n, 2), by umap-learn, its neighbours found by scikit-learn.

    `on_progress` takes the fraction done, 0 while it is being compiled, several times a second; it
    returns False to stop, and None is returned then. Whatever it raises ends the process, too.
    ConfigError for points or neighbours that cannot be embedded, and without umap-learn.
    """
    import torch

    n = len(mu)
    if not has_umap():
        raise ConfigError(MISSING)
    if mu.ndim != 2 or not bool(mu.isfinite().all()) or not 2 <= neighbours < n:
        raise ConfigError(
            f"mu is {tuple(mu.shape)} and neighbours={neighbours}: UMAP needs finite points, and 2 "
            "neighbours or more, fewer than points."
        )
    if bool((mu == mu[0]).all()):
        raise ConfigError("All points lie at one place; UMAP has nothing to tell apart.")
    command = [sys.executable, "-m", __name__, str(neighbours), str(seed)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    path = os.pathsep.join(filter(None, (str(_PACKAGE), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, **one_thread, "PYTHONPATH": path}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as log:
        np.save(given, mu.float().numpy(), allow_pickle=False)
        given.seek(0)
        with subprocess.Popen(
            command, stdin=given, stdout=subprocess.PIPE, stderr=log, env=environment
        ) as process:
            try:
                whole = _watched(process, on_progress or (lambda done: None))
            finally:
                process.kill()
        if whole is None:
            return None
        if not whole:
            log.seek(0)
            said = log.read()[-2000:].decode(errors="replace").strip().rpartition("\n")[2]
            why = said[:200] or "its process was ended"
            raise ConfigError(f"UMAP failed ({why}); choose other points or neighbours.")
    points = np.frombuffer(base64.b64decode(whole), "<f4").reshape(n, 2).copy()
    return torch.from_numpy(points)


def _watched(
    process: subprocess.Popen[bytes], on_progress: Callable[[float], object]
) -> str | None:
    """What the process gives in the end, empty where it failed; None where it was to stop."""
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_hear, args=(process, lines), daemon=True).start()
    share = 0.0
    while on_progress(share) is not False:
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue
        if line.startswith(_STEP):
            share = float(line.removeprefix(_STEP))
        elif line.startswith(_DONE) or not line:
            return line.removeprefix(_DONE).strip()
    return None


def _hear(process: subprocess.Popen[bytes], lines: queue.Queue[str]) -> None:
    """Hear the lines of the process; an empty one is the end, and so is one that was cut off."""
    assert process.stdout is not None
    with suppress(OSError, ValueError):  # it was ended
        for line in process.stdout:
            if line.endswith(b"\n"):
                lines.put(line.decode(errors="replace"))
    lines.put("")


class _Steps:
    """A file to which the bar of umap-learn writes "done/all"."""

    def write(self, text: str) -> None:
        done, slash, whole = text.strip().partition("/")
        if slash:
            print(f"{_STEP}{int(done) / max(1, int(whole))}", flush=True)

    def flush(self) -> None:
        pass


def _embed(neighbours: int, seed: int) -> None:
    """Read mu as .npy; print the steps, then the embedding."""
    mu = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    if hasattr(os, "nice"):
        os.nice(10)
    from sklearn.neighbors import NearestNeighbors
    from umap import UMAP

    distances, indices = NearestNeighbors(n_neighbors=neighbours).fit(mu).kneighbors(mu)
    embedding = UMAP(
        n_neighbors=neighbours,
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(indices, distances.astype(np.float32)),
        tqdm_kwds={"file": _Steps(), "bar_format": "{n}/{total}\n", "disable": False},
    ).fit_transform(mu)
    print(f"{_DONE}{base64.b64encode(embedding.astype('<f4').tobytes()).decode()}", flush=True)


if __name__ == "__main__":
    _embed(*map(int, sys.argv[1:]))
