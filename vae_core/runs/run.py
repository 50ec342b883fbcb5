"""A training run is a folder, and the folder is all that its trainer and those who look share.

    config.json                   the settings
    images.npz                    the user's own images, where the run learns from such
    status.json                   {"state", "message", "started", "begun", "lasting"}
    events.jsonl                  one line a report
    snapshots/epoch-0007.safetensors   weights and the latents of a fixed sample of test images
    state.safetensors             what resuming needs: weights, optimizer, epoch
    tensorboard/                  event files of the same figures
    train.log                     what the process printed
    stop, pause                   files of these names ask the trainer to stop and keep, or to pause
    plugins/                      the own code of who started it, where it goes to a cluster
    owner                         who started it, where that was said
    images-shown                  a file of this name lets others see the user's own images
    checkpoint/                   an ordinary checkpoint folder: while it trains, of this moment and
                                  with the sample's latents; at the end evaluated, with all of them

A trainer holds the folder's lock as long as it lives, so a killed one is known at once and no
process number has to be trusted. This module imports no torch: those who look or wait need none.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from vae_core.errors import ConfigError, TrainingError, ZscapeError
from vae_core.files.atomic import (
    delete_folder,
    folder_written_whole,
    read_json,
    write_bytes,
    write_json,
)
from vae_core.files.folders import folders
from vae_core.files.locks import is_locked
from vae_core.runs.reports import reports_after, scale_reports

if TYPE_CHECKING:
    import torch

    from vae_core.latent.latents import Latents
    from vae_core.models.latent_model import LatentModel
    from vae_core.training.config import TrainConfig

STATES = ("waiting", "running", "paused", "finished", "stopped", "failed")
START_SECONDS = 120  # a process that has not begun by then never will
LEAVING_SECONDS = 60.0  # on a busy machine, from a trainer's last word until it lets go of its run
MAX_STATE_BYTES = 4 * (512 << 20)  # the largest weights, Adam's two means of each, the best
FULL_DISK_BYTES = 1 << 20  # with less than that free, a death without a word has its reason

_ALWAYS_SET = {"dataset", "latent_dim", "network", "hidden", "objective", "epochs"}
_SNAPSHOT = re.compile(r"epoch-(\d{4,9})\.safetensors")
# What became of a run whose process is gone, by the last state it told.
_DEATHS = {
    "starting": "The training process did not begin; resume the run.",
    "waiting": "The training process ended before its turn came; resume the run.",
    "running": "The training process was ended from outside; resume the run.",
    "paused": "The training process ended while it was paused; resume the run.",
}


@dataclass(frozen=True)
class Status:
    """How a run stands.

    state: one of STATES; message: one sentence, where it failed or was ended; started: when it last
    entered the queue or began, in seconds since 1970; begun: whether its process has said a word
    since then; lasting: it failed in a way that would come again, so that resuming is of no use.
    """

    state: str
    message: str = ""
    started: float = 0.0
    begun: bool = False
    lasting: bool = False

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running", "paused")

    @property
    def resumable(self) -> bool:
        return self.state in ("stopped", "failed") and not self.lasting


class Run:
    """A run folder, seen from any process."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def token(self) -> str:
        return self.path.name

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def images_file(self) -> Path:
        return self.path / "images.npz"

    @property
    def images_shown(self) -> bool:
        """Whether others than the owner may see the owner's own images."""
        return (self.path / "images-shown").exists()

    def show_images(self, shown: bool) -> None:
        """Let others see the owner's own images, or no longer; OSError where nothing is written."""
        if shown:
            (self.path / "images-shown").touch()
        else:
            (self.path / "images-shown").unlink(missing_ok=True)

    @property
    def state_file(self) -> Path:
        return self.path / "state.safetensors"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    def config(self) -> TrainConfig:
        from vae_core.training.config import TrainConfig

        values = read_json(self.path / "config.json", TrainingError)
        if missing := _ALWAYS_SET - values.keys():
            raise TrainingError(
                f"config.json of the run {self.token} lacks {', '.join(sorted(missing))}; put the "
                "file back, or train anew."
            )
        return TrainConfig.from_json(values)

    def needs(self) -> tuple[int, bool]:
        """Threads, and whether a GPU: read where what the settings name may not be registered."""
        values = read_json(self.path / "config.json", TrainingError)
        threads, device = values.get("threads"), values.get("device")
        if not isinstance(threads, int) or threads < 1 or not isinstance(device, str):
            raise TrainingError(f"config.json of the run {self.token} was edited; train anew.")
        return threads, device.startswith("cuda")

    def plugins(self) -> dict[str, bytes]:
        """What `keep_plugins` kept, by the files' names."""
        return {file.name: file.read_bytes() for file in sorted((self.path / "plugins").glob("*"))}

    def keep_plugins(self, files: Mapping[str, bytes]) -> None:
        """Keep whoever starts the run's own code beside it, in the place of what is there."""
        folder = self.path / "plugins"
        if not files and not folder.exists():
            return
        with folder_written_whole(folder) as new:
            for name, data in files.items():
                (new / name).write_bytes(data)

    @property
    def epochs_learned(self) -> int:
        """The epoch at which it has ended, for one that has; those of its settings if none told."""
        ended = (e["epoch"] for e in self.events() if e["epoch_ended"])
        return max(ended, default=self.config().epochs)

    def add_epochs(self, more: int) -> None:
        """Let a finished run go on for `more` epochs, as `TrainConfig.with_more_epochs` says.

        It is as one that was stopped then, and is to be resumed; the caller holds the folder.
        TrainingError where it has not finished; ConfigError for a number out of range.
        """
        if (status := self.status(holding=True)).state != "finished":
            raise TrainingError(
                f"{self.token} has not finished, so that it cannot be given more epochs; let it "
                "come to its end first, or resume it."
            )
        config = self.config()
        longer = config.with_more_epochs(more, self.epochs_learned)
        scale_reports(self.events_file, config.epochs, longer.epochs)
        write_json(self.path / "config.json", longer.to_json())
        self.write_status(replace(status, state="stopped"))

    def status(self, *, holding: bool = False) -> Status:
        """What the trainer last said; "failed" when it died without a word.

        holding: the caller holds the folder, so that nobody trains it.
        """
        status, before = self._read_status(), None
        while status != before:  # it may have ended or begun while the lock was looked at
            if not status.active or (not holding and self._locked()):
                return status
            status, before = self._read_status(), status
        # Another clock may go ahead by as much, but who says more is not waited for.
        starting = not status.begun and abs(time.time() - status.started) < START_SECONDS
        if status.state == "waiting" and starting:
            return status
        message = _DEATHS[status.state if status.begun else "starting"]
        with suppress(OSError):
            if shutil.disk_usage(self.path).free < FULL_DISK_BYTES:
                message = "The disk is full; free some space, then resume the run."
        return replace(status, state="failed", message=message)

    def _read_status(self) -> Status:
        file = self.path / "status.json"
        if not file.exists():
            return Status("failed", f"{self.token} is not a run folder.", lasting=True)
        with suppress(TypeError, TrainingError):
            status = Status(**read_json(file, TrainingError))
            types = all(isinstance(getattr(status, k), type(v)) for k, v in _TYPES.items())
            if status.state in STATES and types and 0 <= status.started < math.inf:
                return status
        return Status("failed", "The run's status.json is torn or was edited.")

    def write_status(self, status: Status) -> None:
        """For the trainer and who starts it; nobody else writes a status."""
        write_json(self.path / "status.json", asdict(status))

    @property
    def resumable(self) -> bool:
        """Whether `resume` can go on with it: it has ended before its time, and may be continued.

        It goes on from its last saved state, an epoch's end: what a stop in mid-epoch kept in the
        checkpoint lies a little beyond, and is trained again to the very same weights.
        """
        return self.status().resumable

    @property
    def silent_seconds(self) -> float:
        """Seconds since the trainer's process last gave a sign of life, 0 when there is none.

        It gives one each second whatever it does, so that some seconds mean: the process is
        suspended, or the machine sleeps.
        """
        status = self.status()
        with suppress(FileNotFoundError):
            if status.active and status.begun:
                return max(0.0, time.time() - (self.path / ".alive").stat().st_mtime)
        return 0.0

    @property
    def owner(self) -> str:
        """Who started the run, as `start` was told; empty where nobody was named."""
        with suppress(OSError):  # there is none, or somebody deletes the run just now
            return (self.path / "owner").read_text("utf-8", errors="replace")
        return ""

    def events(self) -> list[dict[str, Any]]:
        """Every report so far, oldest first; torn and foreign lines are left out."""
        return self.events_after(0)[0]

    def events_after(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """The reports from byte `position` of events.jsonl on, and where the next will begin."""
        return reports_after(self.events_file, position)

    def snapshot_epochs(self) -> list[int]:
        """The epochs of which there is a snapshot, rising; 0 is before any learning."""
        files: list[str] = []
        with suppress(FileNotFoundError):  # there is none yet, or somebody deletes the run just now
            files = os.listdir(self.path / "snapshots")
        return sorted(int(name[1]) for name in map(_SNAPSHOT.fullmatch, files) if name)

    def snapshot_file(self, epoch: int) -> Path:
        return self.path / "snapshots" / f"epoch-{epoch:04d}.safetensors"

    def load_snapshot(
        self, epoch: int, image_shape: tuple[int, int, int]
    ) -> tuple[LatentModel, Latents | None]:
        """The model as it was after `epoch`, and its latents of the fixed sample, if it encodes."""
        from vae_core.files.tensors import load_tensors
        from vae_core.latent.latents import Latents
        from vae_core.models.kinds import build_model

        tensors = load_tensors(self.snapshot_file(epoch), MAX_STATE_BYTES, TrainingError)
        model = build_model(self.config().model_config(image_shape))
        try:
            model.load_state_dict(below("model.", tensors))
            latents = Latents(**below("latents.", tensors)) if model.has_encoder else None
        except (RuntimeError, TypeError, ZscapeError) as error:
            raise TrainingError(f"The snapshot of epoch {epoch} does not fit the run.") from error
        return model.eval().requires_grad_(False), latents

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def tensorboard_command(self) -> str:
        """The shell command that shows the run's event files; it needs the package tensorboard."""
        return f"tensorboard --logdir {shlex.quote(str(self.tensorboard.resolve()))}"

    def request_stop(self) -> None:
        """Ask the trainer to stop after its present step and keep what was learned.

        One that waits or is paused ends at once.
        """
        self._ask("stop")

    def request_pause(self) -> None:
        """Ask the trainer to pause: it keeps everything in memory and gives its turn to others."""
        self._ask("pause")

    def request_continue(self) -> None:
        """Take back a pause; the run goes on, to the same result, as soon as there is a turn."""
        (self.path / "pause").unlink(missing_ok=True)

    def _ask(self, word: str) -> None:
        try:
            (self.path / word).touch()  # an empty file: it goes through on a full disk, too
        except OSError as error:
            raise TrainingError(
                f"{self.token} cannot be asked to {word}: {error.strerror}; is its folder there?"
            ) from error

    @property
    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    @property
    def pause_requested(self) -> bool:
        return (self.path / "pause").exists()

    def forget_requests(self) -> None:
        """Before a new process begins: what was asked of the old one does not concern it."""
        for word in ("stop", "pause"):
            (self.path / word).unlink(missing_ok=True)

    def delete(self) -> None:
        """Remove the folder with all that was learned; TrainingError while it is being trained."""
        if self.status().active:
            raise TrainingError(f"{self.token} is being trained; stop it before you delete it.")
        delete_folder(self.path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder's lock; TrainingError when another trainer has it, or it is not there.

        One that has told its end is waited for: it lets go as soon as it has put things away.
        """
        if not self.path.is_dir():
            raise TrainingError(f"There is no run folder {self.token}.")
        lock, patience = FileLock(self.path / ".lock"), time.monotonic() + LEAVING_SECONDS
        while not lock.is_locked:
            try:
                lock.acquire(timeout=1)  # longer than anybody looks at it
            except Timeout as error:
                if self._read_status().active or time.monotonic() > patience:
                    raise TrainingError(
                        f"{self.token} is being trained by another process."
                    ) from error
        try:
            yield
        finally:
            lock.release()

    def _locked(self) -> bool:
        return is_locked(self.path / ".lock")


_TYPES = asdict(Status("", started=0.0))


def create_run(
    config: TrainConfig,
    path: str | Path,
    owner: str = "",
    write_images: Callable[[Run], object] = lambda run: None,
) -> Run:
    """A new run folder with these settings; ConfigError when the folder holds something already.

    write_images: puts the user's own images into the folder, where the run is to learn from such.
    Where anything fails, nothing of it stays.
    """
    from vae_core.data.datasets import check_dataset

    check_dataset(config.dataset)  # its trainer can have no others
    run = Run(path)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        with run.held():  # of two who choose one name, the second is told
            if any(file.name != ".lock" for file in run.path.iterdir()):
                raise ConfigError(f"{run.token} exists already; choose another name or resume it.")
            try:
                write_images(run)
                write_json(run.path / "config.json", config.to_json())
                if owner:
                    write_bytes(run.path / "owner", owner.encode())
                run.write_status(Status("waiting", started=time.time()))
            except BaseException:
                for file in run.path.iterdir():
                    if file.name != ".lock":
                        file.unlink()
                raise
    except OSError as error:
        raise TrainingError(
            f"The run's folder {run.token} cannot be made: {error.strerror}. Free some space or "
            "choose another place."
        ) from error
    return run


def list_runs(root: str | Path) -> list[Run]:
    """The runs below `root`, newest first, without those that nobody can look into."""
    found = [each.path for each in folders(Path(root)) if not each.error]
    runs = [Run(path) for path in found if (path / "status.json").exists()]
    return sorted(runs, key=lambda run: run.status().started, reverse=True)


def below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
