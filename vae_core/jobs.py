"""Training outside the web process: a run is a folder, and the folder is all that is shared.

    config.json                   the settings
    status.json                   {"state", "message", "started"}
    events.jsonl                  one line a report
    snapshots/epoch-0007.safetensors   weights and the latents of a fixed sample of test images
    state.safetensors             what resuming needs: weights, optimizer, epoch
    train.log                     what the process printed
    stop                          a file of this name asks the trainer to stop and keep
    owner                         who started it, where that was said
    checkpoint/                   an ordinary checkpoint folder: while it trains, of this moment and
                                  with the sample's latents; at the end evaluated, with all of them

A trainer holds the folder's lock as long as it lives, so a killed one is known at once and no
process number has to be trusted.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
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

STATES = ("waiting", "running", "finished", "stopped", "failed")
SAMPLE = 2_000  # test images whose latents go into each snapshot
SNAPSHOTS = 50  # at most that many are kept of one run
LIVE_SECONDS = 0.7  # the checkpoint follows the training that often …
LIVE_SHARE = 0.04  # … but takes no more than this share of its time
START_SECONDS = 120  # a process that has not begun by then never will
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
        status = self._read_status()
        if status.active and not self._locked():
            status = self._read_status()  # it may have ended just before the lock was looked at
            if status.state == "running":
                message = "The training process was ended from outside; start it again."
                return replace(status, state="failed", message=message)
            if status.state == "waiting" and time.time() - status.started > START_SECONDS:
                message = "The training process did not begin; start it again."
                return replace(status, state="failed", message=message)
        return status

    def _read_status(self) -> Status:
        file = self.path / "status.json"
        if not file.exists():
            return Status("failed", f"{self.token} is not a run folder.")
        with suppress(TypeError, TrainingError):
            status = Status(**read_json(file, TrainingError))
            known = status.state in STATES and isinstance(status.message, str)
            if known and 0 <= status.started < math.inf:
                return status
        return Status("failed", "The run's status.json is torn or was edited.")

    def events(self) -> list[dict[str, Any]]:
        """Every report so far, oldest first; torn lines are left out."""
        return self.events_after(0)[0]

    def events_after(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """The reports from byte `position` of events.jsonl on, and where the next will begin."""
        file = self.path / "events.jsonl"
        if not file.exists() or file.stat().st_size > MAX_EVENTS_BYTES:
            return [], position
        with file.open("rb") as stream:
            stream.seek(position)
            lines = stream.read().splitlines(keepends=True)
        events = []
        for line in lines:
            if not line.endswith(b"\n"):
                break  # it is still being written
            position += len(line)
            with suppress(ValueError):  # torn by a crash
                events.append(json.loads(line))
        return events, position

    @property
    def owner(self) -> str:
        """Who started the run, as `start` was told; empty where nobody was named."""
        file = self.path / "owner"
        return file.read_text() if file.exists() else ""

    def request_stop(self) -> None:
        """Ask the trainer to stop after its present step and keep what was learned."""
        write_bytes(self.path / "stop", b"")

    @property
    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    def delete(self) -> None:
        """Remove the folder with all that was learned; TrainingError while it is being trained."""
        if self.status().active:
            raise TrainingError(f"{self.token} is being trained; stop it before you delete it.")
        shutil.rmtree(self.path)

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
            with lock.acquire(timeout=1):  # longer than anybody looks at it
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


def list_runs(root: str | Path) -> list[Run]:
    """The runs below `root`, newest first."""
    runs = [Run(file.parent) for file in Path(root).glob("*/status.json")]
    return sorted(runs, key=lambda run: run.status().started, reverse=True)


def start(config: TrainConfig, root: str | Path, owner: str = "") -> Run:
    """Train in a process of its own, at low priority; returns at once.

    The run's name cannot be guessed: who knows it may look at the run. `owner` is kept beside it.
    """
    run = create_run(config, Path(root) / f"{config.dataset}-{secrets.token_hex(12)}")
    if owner:
        write_bytes(run.path / "owner", owner.encode())
    library = Path(__file__).resolve().parent.parent
    environment = os.environ | {
        # The folder stays as it is, so that relative paths keep their meaning.
        "PYTHONPATH": f"{library}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "OMP_NUM_THREADS": str(config.threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # idle threads sleep, so the web server keeps its core
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "vae_core", "train", "--resume", str(run.path), "--quiet"]
    with (run.path / "train.log").open("ab") as log:
        subprocess.Popen(  # its own session: it outlives the server that started it
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True,
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
        try:
            stopped = _work(run, on_progress, should_stop)
        except ZscapeError as error:
            _write_status(run, Status("failed", str(error), started))
            raise
        except OSError as error:
            message = f"The run's folder could not be written: {error.strerror}."
            _write_status(run, Status("failed", message, started))
            raise TrainingError(message) from error
        finally:
            (run.path / "stop").unlink(missing_ok=True)
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
    resume = _load_tensors(state_file) if state_file.exists() else {}
    _forget_events_after(run, int(resume.get("epoch", -1)))
    live = _LiveCheckpoint(run, config, test_data, sample)
    model, stopped = None, False
    for progress in train(config, train_data=train_data, test_data=test_data, resume=resume):
        model = progress.model
        _append_event(run, progress)
        if progress.epoch_ended:
            if progress.epoch % every == 0 or progress.done:
                _save_snapshot(run, progress, test_data, sample)
            write_bytes(state_file, safetensors_bytes(progress.state()))
        live.follow(progress)
        on_progress(progress)
        if not progress.done and (run.stop_requested or should_stop()):
            stopped = True
            break
    if model is None:  # resumed after its last epoch
        model = build_model(config.model_config(train_data.image_shape))
        model.load_state_dict(_below("model.", resume))
    model.eval()
    final = run.path / "final" / run.checkpoint.name
    publish(model, config, test_data, final)
    _move_over(final, run.checkpoint)
    return stopped


def _move_over(source: Path, target: Path) -> None:
    """Move a checkpoint's files over those of `target`, the weights last.

    File by file, so that nobody who has the live checkpoint open ever finds the folder gone.
    """
    target.mkdir(exist_ok=True)
    for file in sorted(source.iterdir(), key=lambda file: file.name == "model.safetensors"):
        os.replace(file, target / file.name)
    shutil.rmtree(source.parent)


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


class _LiveCheckpoint:
    """The run's checkpoint while it trains: whatever opens a checkpoint opens the run, too."""

    def __init__(
        self, run: Run, config: TrainConfig, test_data: ImageDataset, sample: torch.Tensor
    ) -> None:
        self.run, self.config = run, config
        self.test_data, self.sample = test_data, sample
        self.begun = False
        self.due = 0.0

    def follow(self, progress: Progress) -> None:
        """Save the model of this moment, unless that was done a moment ago."""
        started = time.perf_counter()
        weights = progress.model.state_dict()
        if started < self.due or not all(bool(t.isfinite().all()) for t in weights.values()):
            return
        latents = _encoded_sample(progress.model, self.test_data, self.sample)
        if self.begun:
            # File by file: the folder is never gone, not even for the blink of a rename.
            write_bytes(
                self.run.checkpoint / "latents.safetensors",
                safetensors_bytes(_named_tensors(vars(latents))),
            )
            write_bytes(
                self.run.checkpoint / "model.safetensors",
                safetensors_bytes(_named_tensors(weights)),
            )
        else:
            save_checkpoint(
                self.run.checkpoint,
                progress.model,
                config=self.config,
                latents=latents,
                dataset=self.test_data,
            )
            self.begun = True
        took = time.perf_counter() - started
        self.due = started + max(LIVE_SECONDS, took / LIVE_SHARE)


def _save_snapshot(
    run: Run, progress: Progress, test_data: ImageDataset, sample: torch.Tensor
) -> None:
    latents = _encoded_sample(progress.model, test_data, sample)
    tensors = _named_tensors(progress.model.state_dict(), "model.")
    tensors |= _named_tensors(vars(latents), "latents.")
    file = run.path / "snapshots" / f"epoch-{progress.epoch:04d}.safetensors"
    write_bytes(file, safetensors_bytes(tensors))


def _encoded_sample(model: LatentModel, test_data: ImageDataset, sample: torch.Tensor) -> Latents:
    training = model.training
    model.eval()
    latents = encode_dataset(model, test_data, sample)
    model.train(training)
    return latents


def _named_tensors(
    columns: Mapping[str, torch.Tensor | None], prefix: str = ""
) -> dict[str, torch.Tensor]:
    """As safetensors takes them: on the CPU, contiguous, those that are there."""
    return {f"{prefix}{k}": t.cpu().contiguous() for k, t in columns.items() if t is not None}


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


def _forget_events_after(run: Run, epoch: int) -> None:
    """Keep the reports up to the end of `epoch` alone: what came after will be trained again."""
    kept = [e for e in run.events() if (e["epoch"], not e["epoch_ended"]) <= (epoch, False)]
    lines = "".join(json.dumps(event) + "\n" for event in kept)
    write_bytes(run.path / "events.jsonl", lines.encode())


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
