"""What is registered by a file of one's own is there for whoever was started with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from vae_core import plugins
from vae_core.checkpoints.reading import load_checkpoint, read_config
from vae_core.errors import CheckpointError, ConfigError
from vae_core.models import networks
from vae_core.plugins import load_plugins
from vae_core.runs.cluster import RemoteRun
from vae_core.runs.jobs import start
from vae_core.runs.run import Status
from vae_core.training.config import TrainConfig

MINE = """
from torch import nn
from vae_core import register_network

@register_network("normed")
def normed(image_shape, latent_dim, hidden, activation, k):
    c, h, w = image_shape
    encoder = nn.Sequential(
        nn.Conv2d(c, 8, 3, 2, 1), nn.GroupNorm(2, 8), nn.SiLU(), nn.Flatten(),
        nn.Linear(8 * -(-h // 2) * -(-w // 2), 2 * latent_dim),
    )
    decoder = nn.Sequential(nn.Linear(latent_dim, k * c * h * w), nn.Unflatten(1, (k * c, h, w)))
    return encoder, decoder
"""
WaitUntil = Callable[[Callable[[], Any]], None]


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a program that was just started."""
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))
    monkeypatch.setattr(plugins, "_contents", set())
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setenv(plugins.VARIABLE, "")
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(plugins._PREFIX):
            del sys.modules[name]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


def test_a_trainer_learns_a_network_of_ones_own_and_its_card_names_what_it_needs(
    mine: Path, tmp_path: Path, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_plugins([mine])
    config = TrainConfig(dataset="digits", network="normed", epochs=1)
    run = start(config, tmp_path / "runs")
    wait_until(lambda: not run.status().active)
    assert run.status().state == "finished", (run.path / "train.log").read_text()
    assert read_config(run.checkpoint)["plugins"] == {"network": "mine.py"}
    assert "opened with mine.py" in (run.checkpoint / "README.md").read_text()
    assert load_checkpoint(run.checkpoint).decode(torch.zeros(1, 2)).shape == (1, 1, 8, 8)

    monkeypatch.delitem(networks._NETWORKS, "normed")  # a program that was started without it
    with pytest.raises(CheckpointError, match=r"'normed' comes with 'mine\.py'.*--plugin"):
        load_checkpoint(run.checkpoint)


def test_a_node_of_a_cluster_has_the_plugins_of_who_started_the_run(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_CLUSTER", "127.0.0.1:1")
    monkeypatch.setattr("vae_core.runs.jobs.find_spec", lambda name: name)
    monkeypatch.setattr("vae_core.runs.jobs.dispatch_soon", lambda root: None)  # one lives already
    load_plugins([mine])
    run = start(TrainConfig(dataset="digits", network="normed"), tmp_path / "runs")

    monkeypatch.setenv(plugins.VARIABLE, "")  # as it is for that one, and over there
    monkeypatch.delitem(networks._NETWORKS, "normed")
    monkeypatch.setattr(plugins, "_contents", set())
    monkeypatch.setattr("vae_core.runs.cluster.work", lambda run: None)
    assert run.needs() == (1, False)
    RemoteRun("one", {}, run.plugins()).trainer.join()
    assert "normed" in networks.network_names()


def test_a_plugin_that_fails_on_a_node_fails_the_run_with_a_sentence() -> None:
    status = json.dumps(asdict(Status("waiting", started=1.0))).encode()
    remote = RemoteRun("one", {"status.json": status}, {"far.py": b"import not_over_there"})
    remote.trainer.join()
    assert remote.run.status().state == "failed" and remote.run.resumable
    assert "On a node: The plugin far.py fails at line 1" in remote.run.status().message


def test_an_installed_package_brings_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vaes_of_mine.py").write_text(MINE)
    told = tmp_path / "vaes_of_mine-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: vaes-of-mine\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nmine = vaes_of_mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins()
    load_plugins()  # each once
    network = networks.registered_network("normed")
    assert network is not None
    assert plugins.brought_by({"network": network}) == {"network": "vaes-of-mine"}


def test_an_unknown_network_says_how_it_is_brought() -> None:
    with pytest.raises(ConfigError, match=r"Unknown network 'normed'.*--plugin FILE\.py"):
        networks.build_network("normed", (1, 8, 8), 2, (), "relu")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0", "line 1 of mine.py: ZeroDivisionError"),
        ("x = 1\nimport sys\nsys.exit(3)", "line 3 of mine.py: SystemExit"),
        ("def", "SyntaxError"),
        (None, "There is no plugin"),
    ],
)
def test_a_plugin_that_fails_is_a_sentence(text: str | None, words: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_plugins([tmp_path / "mine.py"])
    assert not os.environ[plugins.VARIABLE]
