"""Training outside the web process: a run is a folder, and the folder is all that is shared.

    config.json                   the settings
    status.json                   {"state", "message", "started"}
    events.jsonl                  one line a report
    snapshots/epoch-0007.safetensors   weights and the latents of a fixed sample of test images
    state.safetensors             what resuming needs: weights, optimizer, epoch
    train.log                     what the process printed
    stop                          a file of this name asks the trainer to stop and keep
    checkpoint/                   at the end: an ordinary checkpoint folder

A trainer holds the folder's lock as long as it lives, so a killed one is known at once and no
process number has to be trusted.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load as safetensors_load
from safetensors.torch import save as safetensors_bytes

from vae_core.checkpoints import save_checkpoint
from vae_core.datasets import ImageDataset, load_dataset
from vae_core.errors import ConfigError, TrainingError, ZscapeError
from vae_core.evaluation import evaluate
from vae_core.files import read_json, write_bytes, write_json
from vae_core.latents import Latents, encode_dataset
from vae_core.models import LatentModel, build_model
from vae_core.training import Means, Progress, TrainConfig, train

SAMPLE = 2_000  # test images whose latents go into each snapshot
SNAPSHOTS = 50  # at most that many are kept of one run
MAX_SNAPSHOT_BYTES = 512 << 20
MAX_EVENTS_BYTES = 64 << 20


@dataclass(frozen=True)
class Status:
    """state: "waiting", "running", "finished", "stopped" or "failed"; message: one sentence."""

    state: str
    message: str = ""
    started: float = 0.0

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running")


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

    def config(self) -> TrainConfig:
        return TrainConfig.from_json(read_json(self.path / "config.json", TrainingError))

    def status(self) -> Status:
        """What the trainer last said; "failed" when it died without a word."""
        file = self.path / "status.json"
        if not file.exists():
            return Status("failed", f"{self.token} is not a run folder.")
        try:
            status = Status(**read_json(file, TrainingError))
        except (TypeError, TrainingError):
            return Status("failed", "The run's status.json is torn or was edited.")
        if status.state == "running" and not self._locked():
            return Status("failed", "The training process ended unexpectedly.", status.started)
        return status

    def events(self) -> list[dict[str, Any]]:
        """Every report so far, oldest first; a torn last line is left out."""
        file = self.path / "events.jsonl"
        if not file.exists() or file.stat().st_size > MAX_EVENTS_BYTES:
            return []
        events = []
        for line in file.read_text().splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                break
        return events

    def request_stop(self) -> None:
        """Ask the trainer to stop after its present step and keep what was learned."""
        write_bytes(self.path / "stop", b"")

    def snapshot_epochs(self) -> list[int]:
        files = (self.path / "snapshots").glob("epoch-*.safetensors")
        return sorted(int(f.stem.removeprefix("epoch-")) for f in files)

    def load_snapshot(
        self, epoch: int, image_shape: tuple[int, int, int]
    ) -> tuple[LatentModel, Latents]:
        """The model as it was after `epoch`, and its latents of the fixed sample."""
        file = self.path / "snapshots" / f"epoch-{epoch:04d}.safetensors"
        tensors = _load_tensors(file)
        model = build_model(self.config().model_config(image_shape))
        try:
            model.load_state_dict(_below("model.", tensors))
            latents = Latents(**_below("latents.", tensors))
        except (RuntimeError, TypeError, ZscapeError) as error:
            raise TrainingError(f"The snapshot of epoch {epoch} does not fit the run.") from error
        return model.eval().requires_grad_(False), latents

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder's lock; TrainingError when another trainer has it."""
        lock = FileLock(self.path / ".lock")
        try:
            with lock.acquire(timeout=5):
                yield
        except Timeout as error:
            raise TrainingError(f"{self.token} is being trained by another process.") from error

    def _locked(self) -> bool:
        try:
            with FileLock(self.path / ".lock").acquire(timeout=0):
                return False
        except Timeout:
            return True


def create_run(config: TrainConfig, path: str | Path) -> Run:
    """A new run folder with these settings; ConfigError when the folder holds something already."""
    run = Run(path)
    if run.path.exists() and any(run.path.iterdir()):
        raise ConfigError(f"{run.path.name} exists already; choose another name or resume it.")
    write_json(run.path / "config.json", config.to_json())
    _write_status(run, Status("waiting", started=time.time()))
    return run


def start(config: TrainConfig, root: str | Path) -> Run:
    """Train in a process of its own, at low priority; returns at once.

    The run's name cannot be guessed: who knows it may look at the run.
    """
    run = create_run(config, Path(root) / f"{config.dataset}-{secrets.token_hex(12)}")
    environment = os.environ | {
        "OMP_NUM_THREADS": str(config.threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # idle threads sleep, so the web server keeps its core
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "vae_core", "train", "--resume", str(run.path), "--quiet"]
    with (run.path / "train.log").open("ab") as log:
        subprocess.Popen(  # its own session: it outlives the server that started it
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True, cwd=Path(__file__).resolve().parent.parent,
        )  # fmt: skip
    return run


def work(
    run: Run,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Train `run` in this process to its end, from its last saved state if it has one.

    The folder then holds a checkpoint, evaluated on the whole test set. A failure is written to
    status.json as a sentence and raised again.
    """
    with run.held():
        started = time.time()
        _write_status(run, Status("running", started=started))
        (run.path / "stop").unlink(missing_ok=True)
        try:
            stopped = _work(run, on_progress, should_stop)
        except ZscapeError as error:
            _write_status(run, Status("failed", str(error), started))
            raise
        except OSError as error:
            message = f"The run's folder could not be written: {error.strerror}."
            _write_status(run, Status("failed", message, started))
            raise TrainingError(message) from error
        _write_status(run, Status("stopped" if stopped else "finished", started=started))


def _work(
    run: Run, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]
) -> bool:
    config = run.config()
    train_data, test_data = (
        load_dataset(config.dataset, "train"),
        load_dataset(config.dataset, "test"),
    )
    sample = torch.randperm(len(test_data), generator=torch.Generator().manual_seed(0))[:SAMPLE]
    sample = sample.sort().values
    every = max(1, -(-config.epochs // SNAPSHOTS))
    state_file = run.path / "state.safetensors"
    resume = _load_tensors(state_file) if state_file.exists() else None
    if not resume:
        (run.path / "events.jsonl").unlink(missing_ok=True)
    model, stopped = None, False
    for progress in train(config, train_data=train_data, test_data=test_data, resume=resume):
        model = progress.model
        _append_event(run, progress)
        if progress.epoch_ended:
            if progress.epoch % every == 0 or progress.done:
                _save_snapshot(run, progress, test_data, sample)
            write_bytes(state_file, safetensors_bytes(progress.state()))
        on_progress(progress)
        if not progress.done and ((run.path / "stop").exists() or should_stop()):
            stopped = True
            break
    if model is None:  # resumed after its last epoch
        model = build_model(config.model_config(train_data.image_shape))
        model.load_state_dict(_below("model.", resume or {}))
    model.eval()
    publish(model, config, test_data, run.checkpoint)
    return stopped


def publish(
    model: LatentModel,
    config: TrainConfig,
    test_data: ImageDataset,
    path: Path,
    importance_samples: int = 0,
) -> None:
    """Evaluate on the whole test set and save the checkpoint with its stored latents."""
    save_checkpoint(
        path,
        model,
        config=config,
        metrics=evaluate(model, test_data, importance_samples=importance_samples),
        latents=encode_dataset(model, test_data),
        dataset=test_data,
    )


def _save_snapshot(
    run: Run, progress: Progress, test_data: ImageDataset, sample: torch.Tensor
) -> None:
    training = progress.model.training
    progress.model.eval()
    latents = encode_dataset(progress.model, test_data, sample)
    progress.model.train(training)
    tensors = {f"model.{k}": t.cpu().contiguous() for k, t in progress.model.state_dict().items()}
    columns = {f"latents.{k}": t for k, t in vars(latents).items() if t is not None}
    data = safetensors_bytes(tensors | {k: t.contiguous() for k, t in columns.items()})
    write_bytes(run.path / "snapshots" / f"epoch-{progress.epoch:04d}.safetensors", data)


def _append_event(run: Run, progress: Progress) -> None:
    event = {
        "time": time.time(),
        "epoch": progress.epoch,
        "step": progress.step,
        "total_steps": progress.total_steps,
        "images_per_second": progress.images_per_second,
        "seconds_left": progress.seconds_left,
        "epoch_ended": progress.epoch_ended,
        "train": _means_json(progress.train),
        "test": _means_json(progress.test),
    }
    with (run.path / "events.jsonl").open("a") as file:
        file.write(json.dumps(event) + "\n")


def _means_json(means: Means | None) -> dict[str, Any] | None:
    return None if means is None else asdict(means)


def _write_status(run: Run, status: Status) -> None:
    write_json(run.path / "status.json", asdict(status))


def _load_tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        if file.stat().st_size > MAX_SNAPSHOT_BYTES:
            raise TrainingError(f"{file.name} is larger than {MAX_SNAPSHOT_BYTES >> 20} MB.")
        return safetensors_load(file.read_bytes())
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{file.name} of the run is missing or torn.") from error


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
