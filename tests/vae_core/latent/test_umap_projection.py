"""UMAP in a process of its own: what it gives, how it is told and ended, and its absence."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from vae_core.errors import ConfigError
from vae_core.latent import umap_projection as module
from vae_core.latent.umap_projection import umap_projection

LABELS = torch.arange(90) % 3
CLUSTERS = 9 * torch.eye(4)[LABELS] + torch.randn(90, 4, generator=torch.Generator().manual_seed(0))
INSTEAD = """
import time
class UMAP:
    def __init__(self, **settings): self.file = settings["tqdm_kwds"]["file"]
    def fit_transform(self, mu):
        self.file.write("\\r1/4")
        {then}
        return mu[:, :2]
"""


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Another package of the name umap, which does `then`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "has_umap", lambda: True)
    return lambda then: (tmp_path / "umap.py").write_text(INSTEAD.format(then=then)) and None


def test_what_lies_together_stays_together() -> None:
    if not module.has_umap():
        pytest.skip("umap-learn is not installed")
    shares: list[float] = []
    embedding = umap_projection(CLUSTERS, neighbours=10, on_progress=shares.append)
    assert embedding is not None and embedding.shape == (90, 2) and embedding.dtype == torch.float32
    assert KNeighborsClassifier(3).fit(embedding, LABELS).score(embedding, LABELS) > 0.95
    assert shares[0] == 0 and shares == sorted(shares) and max(shares) > 0.5


def test_it_ends_at_once_when_asked_and_when_its_caller_is_ended(
    pretend: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("time.sleep(1000)")
    begun: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(*args, **named)  # type: ignore[call-overload]
            begun.append(self)

    monkeypatch.setattr(module.subprocess, "Popen", Watched)
    assert umap_projection(CLUSTERS, on_progress=lambda share: False) is None

    def leaves(share: float) -> None:
        if share == 0.25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        umap_projection(CLUSTERS, on_progress=leaves)
    assert [process.poll() for process in begun] == [-9, -9]
    assert [process.stdin for process in begun] == [None, None]  # no pipe to break as it ends


@pytest.mark.parametrize(
    ("mu", "neighbours", "why"),
    [
        (CLUSTERS, 90, "fewer than points"),
        (CLUSTERS, 1, "2 neighbours or more"),
        (torch.full((9, 2), np.nan), 3, "finite points"),
        (torch.ones(9, 2), 3, "at one place"),
    ],
)
def test_what_cannot_be_embedded_is_a_sentence(
    mu: torch.Tensor, neighbours: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_umap", lambda: True)
    with pytest.raises(ConfigError, match=why):
        umap_projection(mu, neighbours=neighbours)


def test_an_embedding_that_is_cut_off_is_none(pretend: Callable[[str], None]) -> None:
    """As where the system, short of memory, ends the process while it writes."""
    pretend("import os; os.write(1, b'done AAAA'); os.kill(os.getpid(), 9)")
    with pytest.raises(ConfigError, match=r"UMAP failed \(its process was ended\)"):
        umap_projection(CLUSTERS)


def test_its_failure_and_its_absence_are_sentences(
    pretend: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("raise ValueError('no such graph')")
    with pytest.raises(ConfigError, match=r"UMAP failed \(ValueError: no such graph\)"):
        umap_projection(CLUSTERS)
    monkeypatch.setattr(module, "has_umap", lambda: False)
    with pytest.raises(ConfigError, match=r'pip install "zscape\[umap\]"'):
        umap_projection(CLUSTERS)
