"""All limits that a visitor meets, in one place; the library itself takes more.

How many runs train at once is no limit to a visitor: the others wait (see `vae_core.runs.slots`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from ui.frame.owners import alone, came_from
from ui.frame.room import kept_or_told, why_no_room
from ui.kept import address
from vae_core.checkpoints.archives import too_much_an_image
from vae_core.errors import ConfigError, TrainingError
from vae_core.files.atomic import staging, write_bytes
from vae_core.models.architecture import Architecture
from vae_core.objectives.registry import find_objective
from vae_core.runs.jobs import resume, start
from vae_core.runs.run import Run, list_runs
from vae_core.training.calibration import numbers_held
from vae_core.training.config import TrainConfig

# What a run may be.
MAX_LATENT_DIM = 64
MAX_EPOCHS = 500
MAX_SAMPLES = 16
MAX_BATCH = 4_096
MAX_BETA = 100.0
MAX_WEIGHTS = 10_000_000
MAX_PSEUDO_INPUTS = 500
MAX_HELD = 256_000_000  # numbers that the layers give for one batch, which learning holds at once
MAX_PAIRS = 20_000_000  # of a batch's images, by dimension, where an objective compares them
# What a visitor's own images may be.
MAX_UPLOAD_MB = 64
MAX_IMAGES_BYTES = 96 << 20  # of all of them, prepared: 32,000 of 32x32 in colour
MAX_IMAGE_SIDE = 64
# How many runs there may be; those that train, wait or are paused are active.
MAX_ACTIVE_OF_A_VISITOR = 5
MAX_ACTIVE_OF_AN_ADDRESS = 32
MAX_ACTIVE = 256
MAX_KEPT_OF_A_VISITOR = 24
MAX_MODELS_OF_A_VISITOR = 24  # copies of what a run learned, under a name, and uploads
MAX_UPLOADS_OF_A_VISITOR = 5


def check_settings(config: TrainConfig, network: Architecture, train_images: int) -> None:
    """ConfigError when these settings are more than a visitor may ask for, or cannot be."""
    if network.weights > MAX_WEIGHTS:
        raise ConfigError(
            f"The network has {network.weights:,} weights; a run here may have {MAX_WEIGHTS:,} at "
            "most. Choose narrower layers."
        )
    if too_much := too_much_an_image(network):
        raise ConfigError(f"{too_much}. Choose narrower layers or smaller images.")
    held = numbers_held(config, network)
    if held > MAX_HELD:
        raise ConfigError(
            f"A batch would fill {held:,} places between the layers; a run here may fill "
            f"{MAX_HELD:,} at most. Choose a smaller batch, narrower layers or fewer samples."
        )
    pairs = config.batch_size**2 * config.latent_dim
    if find_objective(config.objective).pairs and pairs > MAX_PAIRS:
        most = math.isqrt(MAX_PAIRS // config.latent_dim)
        raise ConfigError(
            f"The objective {config.objective} compares the images of a batch with one another; "
            f"choose a batch of {most:,} at most."
        )
    if config.batch_size > train_images:
        raise ConfigError(
            f"The batch of {config.batch_size:,} is larger than the data set, which has "
            f"{train_images:,} training images."
        )


def why_not_now(root: Path, visitor: str) -> str:
    """Why `visitor` cannot start a run at present, in a sentence; empty when they can."""
    own = sum(run.owner == visitor for run in list_runs(root))
    if own >= MAX_KEPT_OF_A_VISITOR and not alone():
        return f"You have {own} runs, the most that are kept; delete one on the page Runs."
    return why_not_resume(root, visitor)


def why_not_resume(root: Path, visitor: str) -> str:
    """Why `visitor` cannot go on with one of their runs at present; empty when they can."""
    active = [run for run in list_runs(root) if run.status().active]
    own = sum(run.owner == visitor for run in active)
    if own >= MAX_ACTIVE_OF_A_VISITOR and not alone():
        return (
            f"{own} runs of yours train or wait, as many as one visitor may have; wait for the end "
            "of one, or stop it: what it learned is kept."
        )
    where = address()
    here = sum(came_from(run) == where for run in active)
    if here >= MAX_ACTIVE_OF_AN_ADDRESS and not alone():
        return (
            f"{here} runs from your network train or wait, as many as one may have; wait for the "
            "end of one."
        )
    if len(active) >= MAX_ACTIVE:
        return f"{len(active)} runs train or wait on this server; try again in a few minutes."
    return ""


def check_disk(root: Path, visitor: str) -> None:
    """TrainingError where nothing more of `visitor` has room on the disk; looks at every file."""
    if not alone() and (refusal := why_no_room(root, visitor, address())):
        raise TrainingError(refusal)


def start_run(
    config: TrainConfig,
    root: Path,
    visitor: str,
    write_images: Callable[[Run], object] = lambda run: None,
) -> Run:
    """Start a run for `visitor`; TrainingError with a sentence where the limits say no.

    write_images: puts the visitor's own images into the run's folder.
    """

    def check() -> None:
        if refusal := why_not_now(root, visitor):
            raise TrainingError(refusal)

    check()
    check_disk(root, visitor)
    with kept_or_told(TrainingError):
        root.mkdir(parents=True, exist_ok=True)
    with kept_or_told(TrainingError), staging(root / "start") as place:
        prepared = Run(place)
        write_images(prepared)  # takes seconds, in which others may start

        def put(run: Run) -> None:
            if prepared.images_file.exists():
                os.rename(prepared.images_file, run.images_file)
            write_bytes(run.path / "from", address().encode())

        with FileLock(root / ".starting"):  # two who click at once are counted one after the other
            check()
            return start(config, root, visitor, put)


def resume_run(run: Run, visitor: str, more_epochs: int = 0) -> None:
    """Go on with a run of `visitor`, `more_epochs` beyond its end where it has finished.

    TrainingError with a sentence where the limits say no.
    """
    root = run.path.parent
    if more_epochs and (epochs := run.config().epochs + more_epochs) > MAX_EPOCHS:
        raise TrainingError(f"That would be {epochs} epochs; {MAX_EPOCHS} are the most here.")
    with kept_or_told(TrainingError), FileLock(root / ".starting"):
        if refusal := why_not_resume(root, visitor):
            raise TrainingError(refusal)
        check_disk(root, visitor)
        resume(run, more_epochs=more_epochs)
