"""Runs on a real Ray cluster of several nodes, all of them on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.runs.jobs import resume, start
from vae_core.runs.run import Run
from vae_core.runs.slots import place
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

pytest.importorskip("ray", reason="Ray is not installed; see requirements-cluster.txt")

from ray.cluster_utils import Cluster

CONFIG = TrainConfig(dataset="digits", hidden=(64,), epochs=60, batch_size=64)
LONG = replace(CONFIG, epochs=10_000)

WaitUntil = Callable[[Callable[[], Any]], None]
Trainers = list["subprocess.Popen[bytes]"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, trainers: Trainers) -> Iterator[Cluster]:
    """A head that trains nothing; tests add nodes. Dispatchers end before it does."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=os.pathsep)  # workers'
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    monkeypatch.setenv("ZSCAPE_CLUSTER", cluster.address)
    yield cluster
    for process in trainers:
        process.kill()
        process.wait()
    cluster.shutdown()


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """What an uninterrupted training on this machine comes to."""
    *_, last = train(CONFIG)
    return last.model.state_dict()


def assert_learned(run: Run, weights: dict[str, torch.Tensor]) -> None:
    assert run.status().state == "finished", run.status().message
    learned = load_checkpoint(run.checkpoint).state_dict()
    assert all(torch.equal(learned[name], weights[name]) for name in weights)
    assert read_metrics(run.checkpoint) is not None
    ends = [event["epoch"] for event in run.events() if event["epoch_ended"]]
    assert ends == list(range(1, CONFIG.epochs + 1))
    assert {0, CONFIG.epochs} <= set(run.snapshot_epochs())
    assert list(run.tensorboard.rglob("*tfevents*"))


def test_runs_spread_over_the_nodes_and_the_rest_wait(
    tmp_path: Path, cluster: Cluster, wait_until: WaitUntil, trainers: Trainers,
    weights: dict[str, torch.Tensor],
) -> None:  # fmt: skip
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    runs = [start(config, tmp_path) for config in (LONG, LONG, CONFIG)]
    wait_until(lambda: runs[0].events() and runs[1].events())
    wait_until(lambda: [process.poll() for process in trainers].count(None) == 1)  # one dispatcher
    assert [run.status().state for run in runs] == ["running", "running", "waiting"]
    assert [place(run) for run in runs] == [None, None, 1]
    assert runs[0].silent_seconds < 30
    runs[0].request_pause()
    wait_until(lambda: runs[0].status().state == "paused")
    wait_until(lambda: not runs[2].status().active)
    assert_learned(runs[2], weights)

    runs[1].request_stop()
    wait_until(lambda: not runs[1].status().active)
    assert runs[1].status().state == "stopped" and read_metrics(runs[1].checkpoint) is not None
    epoch = runs[0].events()[-1]["epoch"]
    runs[0].request_continue()
    # One that begins anew, as nothing was saved yet, has no reports for a moment.
    wait_until(lambda: any(event["epoch"] > epoch + 1 for event in runs[0].events()[-1:]))
    runs[0].request_stop()
    wait_until(lambda: not runs[0].status().active)
    assert runs[0].status().state == "stopped"


def test_the_run_of_a_killed_node_goes_on_elsewhere(
    tmp_path: Path, cluster: Cluster, wait_until: WaitUntil, weights: dict[str, torch.Tensor]
) -> None:
    first = cluster.add_node(num_cpus=1)
    run = start(CONFIG, tmp_path)
    wait_until(lambda: run.events() and run.events()[-1]["epoch"] >= 3)
    cluster.remove_node(first, allow_graceful=False)
    wait_until(lambda: run.status().state == "waiting")
    assert run.state_file.exists()
    cluster.add_node(num_cpus=1)
    wait_until(lambda: not run.status().active)
    assert_learned(run, weights)


PLUGIN = """
import math
from torch import nn
from vae_core import register_network

@register_network("straight")
def straight(image_shape, latent_dim, hidden, activation, k):
    pixels, shape = math.prod(image_shape), (k * image_shape[0], *image_shape[1:])
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 2 * latent_dim))
    return encoder, nn.Sequential(nn.Linear(latent_dim, k * pixels), nn.Unflatten(1, shape))
"""


def test_a_sweep_with_a_network_of_ones_own_is_trained_by_the_nodes(
    tmp_path: Path, cluster: Cluster, wait_until: WaitUntil, trainers: Trainers
) -> None:
    cluster.add_node(num_cpus=2)
    plain = start(LONG, tmp_path / "runs")  # its dispatcher is asked for what it knows nothing of
    wait_until(plain.events)
    (tmp_path / "mine.py").write_text(PLUGIN)
    command: list[str | Path] = [sys.executable, "-m", "vae_core", "train"]
    command += ["--plugin", tmp_path / "mine.py"]
    settings = ["--dataset", "digits", "--network", "straight", "--epochs", "1", "--seeds", "0-1"]
    done = subprocess.run(
        [*command, *settings, "--output", tmp_path / "runs", "--json"],
        capture_output=True, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = [Run(tmp_path / "runs" / f"seed-{seed}") for seed in (0, 1)]
    assert [run.status().state for run in runs] == ["finished"] * 2
    assert not (runs[0].path / "train.log").exists()  # no trainer of this machine
    assert [process.poll() for process in trainers].count(None) == 1  # the dispatcher


def test_a_run_that_waits_for_a_node_stops_at_once(
    tmp_path: Path, cluster: Cluster, wait_until: WaitUntil
) -> None:
    run = start(CONFIG, tmp_path)
    wait_until(lambda: run.status().begun)
    run.request_stop()
    wait_until(lambda: not run.status().active)
    assert run.status().state == "stopped" and not run.checkpoint.exists()


def test_runs_of_a_dispatcher_that_was_killed_can_be_resumed(
    tmp_path: Path, cluster: Cluster, wait_until: WaitUntil, trainers: Trainers,
    weights: dict[str, torch.Tensor],
) -> None:  # fmt: skip
    cluster.add_node(num_cpus=1)
    run = start(CONFIG, tmp_path)
    wait_until(lambda: run.events() and run.events()[-1]["epoch"] >= 3)
    trainers[0].kill()
    trainers[0].wait()
    assert run.status().state == "failed" and run.resumable
    resume(run)
    wait_until(lambda: not run.status().active)
    assert_learned(run, weights)


def test_a_cluster_that_does_not_answer_fails_the_run_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil, trainers: Trainers
) -> None:
    monkeypatch.setenv("ZSCAPE_CLUSTER", "127.0.0.1:1")
    run = start(CONFIG, tmp_path)
    wait_until(lambda: not run.status().active)
    assert run.status().state == "failed" and run.resumable
    assert "The cluster cannot be reached" in run.status().message
