"""Start a training in a process of its own, go on with one, keep what it learned.

The server and the process share only the run's folder (see `run`).
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from vae_core.errors import CheckpointError, ConfigError, TrainingError
from vae_core.plugins import plugin_files
from vae_core.runs.cluster import dispatch_soon
from vae_core.runs.run import Run, Status, create_run
from vae_core.runs.slots import Slot, run_seconds, slots
from vae_core.runs.trainer import spawn

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def start(
    config: TrainConfig,
    root: str | Path,
    owner: str = "",
    write_images: Callable[[Run], object] = lambda run: None,
    name: str = "",
) -> Run:
    """Train in a process of its own, at low priority; returns at once.

    The process waits until one of the `slots()` is free and nobody is before it; where
    $ZSCAPE_CLUSTER names a Ray cluster, the run goes there instead (see `cluster`). The run's name
    cannot be guessed, unless it is given: who knows it may look at the run. `owner` is kept beside
    it; write_images: see `create_run`. TrainingError when the folder cannot be made.
    """
    _check_settings()
    path = Path(root) / name if name else new_run_path(config, root)
    run = create_run(config, path, owner, write_images)
    _launch(run, config.threads)
    return run


def new_run_path(config: TrainConfig, root: str | Path) -> Path:
    """A folder for a new run below `root`, of a name that cannot be guessed."""
    return Path(root) / f"{config.dataset}-{secrets.token_hex(12)}"


def resume(run: Run, *, more_epochs: int = 0) -> None:
    """Go on with a run that stopped, failed or died, in a process of its own; returns at once.

    It goes on from its last saved state, an epoch's end, to the very weights of an uninterrupted
    run; where there is none yet, it begins anew. more_epochs: for a run that has finished, see
    `Run.add_epochs`. TrainingError where that is of no use.
    """
    _check_settings()
    with run.held():  # of two who resume it at once, the second is told
        if more_epochs:
            run.add_epochs(more_epochs)
        status = run.status(holding=True)
        if not status.resumable:
            reason = "it is being trained." if status.active else status.message
            raise TrainingError(f"{run.token} cannot be resumed: {reason or 'it has finished.'}")
        config = run.config()
        run.forget_requests()
        run.write_status(Status("waiting", started=time.time()))
    _launch(run, config.threads)


def keep(run: Run, name: str, root: str | Path) -> Path:
    """Copy what an ended run has learned to the checkpoint `root/name`; returns that folder.

    CheckpointError when the name is empty, odd or taken, or there is nothing to keep.
    """
    from vae_core.checkpoints.writing import copy_checkpoint

    if not name.strip():
        raise CheckpointError("A checkpoint needs a name; give it one.")
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"{name[:64]!r} cannot be a checkpoint's name; take letters, digits, '.', '_' and '-', "
            "64 at most, the first a letter or digit."
        )
    if run.status().active:
        raise CheckpointError(f"{run.token} is still being trained; stop it, or wait for its end.")
    if not (run.checkpoint / "config.json").exists():
        raise CheckpointError(f"{run.token} has not learned anything that could be kept.")
    target = Path(root) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / ".keeping"):  # of two who take one name, the second is told
        if os.path.lexists(target):
            raise CheckpointError(f"There is a checkpoint {name!r} already; choose another name.")
        copy_checkpoint(run.checkpoint, target)
    return target


def _check_settings() -> None:
    """ConfigError for what is set in a way that cannot be: it is told here, not to a log."""
    slots(), run_seconds()
    if os.environ.get("ZSCAPE_CLUSTER") and find_spec("ray") is None:
        raise ConfigError(
            "ZSCAPE_CLUSTER is set, but Ray is not installed here; install "
            "requirements-cluster.txt, or unset it to train on this machine."
        )
    if os.environ.get("ZSCAPE_CLUSTER"):
        plugin_files()


def _launch(run: Run, threads: int) -> None:
    if os.environ.get("ZSCAPE_CLUSTER"):
        run.keep_plugins(plugin_files())  # the dispatcher may be one that knows nothing of them
        Slot(run).enter()
        dispatch_soon(run.path.parent)
    else:
        Slot(run).enter()
        command = ["-m", "vae_core", "train", "--resume", str(run.path), "--queue", "--quiet"]
        spawn(command, run.path / "train.log", OMP_NUM_THREADS=str(threads))
