"""All limits that a visitor meets, in one place; the library itself takes more."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock

from vae_core.architecture import Architecture
from vae_core.errors import ConfigError, TrainingError
from vae_core.jobs import Run, list_runs, start
from vae_core.training import TrainConfig

# What a run may be.
MAX_LATENT_DIM = 64
MAX_EPOCHS = 500
MAX_SAMPLES = 16
MAX_BATCH = 4_096
MAX_BETA = 100.0
MAX_WEIGHTS = 10_000_000
# How many runs there may be.
MAX_ACTIVE_OF_A_VISITOR = 1
MAX_ACTIVE = max(1, (os.cpu_count() or 1) // 2)
MAX_KEPT_OF_A_VISITOR = 12


def check_settings(config: TrainConfig, network: Architecture, train_images: int) -> None:
    """ConfigError when these settings are more than a visitor may ask for, or cannot be."""
    if network.weights > MAX_WEIGHTS:
        raise ConfigError(
            f"The network has {network.weights:,} weights; a run here may have {MAX_WEIGHTS:,} at "
            "most. Choose narrower layers."
        )
    if config.batch_size > train_images:
        raise ConfigError(
            f"The batch of {config.batch_size:,} is larger than the data set, which has "
            f"{train_images:,} training images."
        )


def why_not_now(root: Path, visitor: str) -> str:
    """Why `visitor` cannot start a run at present, in a sentence; empty when they can."""
    runs = list_runs(root)
    active = [run for run in runs if run.status().active]
    own = [run for run in runs if run.owner == visitor]
    if sum(run.owner == visitor for run in active) >= MAX_ACTIVE_OF_A_VISITOR:
        return "A run of yours is training; wait for its end, or stop it: what it learned is kept."
    if len(active) >= MAX_ACTIVE:
        return (
            f"{_people(len(active))} training on this server, which is all that it bears; "
            "try again in a minute."
        )
    if len(own) >= MAX_KEPT_OF_A_VISITOR:
        return f"You have {len(own)} runs here, the most that are kept; delete one below."
    return ""


def start_run(config: TrainConfig, root: Path, visitor: str) -> Run:
    """Start a run for `visitor`; TrainingError with a sentence where the limits say no."""
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".starting"):  # two who click at once are counted one after the other
        if refusal := why_not_now(root, visitor):
            raise TrainingError(refusal)
        return start(config, root, owner=visitor)


def _people(n: int) -> str:
    return "Another visitor's run is" if n == 1 else f"{n} runs of other visitors are"
