"""What a trainer writes into its run's folder while it learns, and at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.binarisation import as_seen
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.rows import draw_rows
from vae_core.errors import TrainingError
from vae_core.files.atomic import replace, write_bytes
from vae_core.files.tensors import load_tensors, tensor_bytes
from vae_core.latent.latents import Latents, encode_dataset
from vae_core.measures.evaluation import evaluate
from vae_core.models.latent_model import LatentModel
from vae_core.runs.data import run_datasets
from vae_core.runs.event_files import EventFiles
from vae_core.runs.reports import append_report, forget_reports_after
from vae_core.runs.run import MAX_STATE_BYTES, Run, below
from vae_core.training.config import TrainConfig
from vae_core.training.loop import initial_model, train
from vae_core.training.progress import Progress

SAMPLE = 2_000  # test images whose latents go into each snapshot
SNAPSHOTS = 50  # at most that many are kept of one run, the one before learning included …
SNAPSHOTS_BYTES = 256 << 20  # … and of a large network fewer
REPORTS = 4_000  # between epochs' ends; after so many, the next come ever more slowly
LIVE_SECONDS = 0.7  # the checkpoint follows the training that often …
SHARE = 0.04  # … but takes no more than this share of its time, and so does saving the state


def fixed_sample(images: int) -> torch.Tensor:
    """The test images, of so many, whose latents a snapshot holds: rising, always the same."""
    return draw_rows(images, SAMPLE).sort().values


def learn(run: Run, on_progress: Callable[[Progress], None], may_go_on: Callable[[], bool]) -> bool:
    """Train to the end, from the last saved state if there is one; True when it was stopped.

    may_go_on is asked after each report: it may take its time, and says False to stop.
    """
    config = run.config()
    train_data, test_data = run_datasets(run.path, config.dataset)
    # Latents are those of images as the model knows them: drawn once, and so always the same.
    encoded = as_seen(test_data, config.binarisation)
    sample = fixed_sample(len(test_data))
    resume = (
        load_tensors(run.state_file, MAX_STATE_BYTES, TrainingError)
        if run.state_file.exists()
        else {}
    )
    first_epoch = int(resume.get("epoch", 0))
    forget_reports_after(run.events_file, first_epoch if resume else -1)
    model = initial_model(config, train_data.image_shape)
    if not resume:
        _save_snapshot(run, 0, model, encoded, sample)
    due = epochs_to_keep(config.epochs, model)
    report = _Reporter(run.events_file)
    follow = _Sparing(_LiveCheckpoint(run, config, encoded, sample).save, LIVE_SECONDS)
    save_state = _Sparing(lambda p: write_bytes(run.state_file, tensor_bytes(p.state())))
    stopped, progress = False, None
    with EventFiles(run.tensorboard, first_epoch + 1) as event_files:
        for progress in train(
            config, train_data=train_data, test_data=test_data, resume=resume or None
        ):
            model = progress.model
            report(progress)
            if progress.epoch_ended:
                event_files.add(progress)
                if progress.epoch in due or progress.done:
                    _save_snapshot(run, progress.epoch, model, encoded, sample)
                save_state(progress)
            follow(progress)
            on_progress(progress)
            if not progress.done and not may_go_on():
                stopped = True
                break
    if progress is None:  # resumed after its last epoch: nothing was left to learn
        model.load_state_dict(below("best.model.", resume) or below("model.", resume))
    elif stopped and progress.best and progress.best.weights:
        model.load_state_dict(progress.best.weights)
    model.eval()
    final = run.path / "final" / run.checkpoint.name
    publish(model, config, test_data, encoded, final)
    _move_over(final, run.checkpoint)
    return stopped


def epochs_to_keep(epochs: int, model: LatentModel) -> frozenset[int]:
    """The epochs, 0 and the last included, of which a run of `epochs` keeps a snapshot.

    All of a short run; of a long one the early epochs lie closer, for there most happens.
    """
    weights = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    one = weights + SAMPLE * 2 * model.latent_dim * 4
    last = max(1, min(SNAPSHOTS, SNAPSHOTS_BYTES // one) - 1)
    kept = [0]
    for i in range(1, last + 1):
        kept.append(min(epochs, max(kept[-1] + 1, round(epochs * (i / last) ** 2))))
    return frozenset(kept)


def publish(
    model: LatentModel,
    config: TrainConfig,
    test_data: ImageDataset,
    encoded: ImageDataset,
    path: Path,
) -> None:
    """Evaluate on the whole test set and save the checkpoint with its stored latents.

    encoded: the test images as the model knows them.
    """
    save_checkpoint(
        path,
        model,
        config=config,
        metrics=evaluate(model, test_data, binarisation=config.binarisation),
        latents=encode_dataset(model, encoded) if model.has_encoder else None,
        dataset=test_data,
    )


def _move_over(source: Path, target: Path) -> None:
    """Move a checkpoint's files over those of `target`, the weights last.

    File by file, so that nobody who has the live checkpoint open ever finds the folder gone.
    """
    target.mkdir(exist_ok=True)
    for file in sorted(source.iterdir(), key=lambda file: file.name == "model.safetensors"):
        replace(file, target / file.name)
    shutil.rmtree(source.parent)


class _Reporter:
    """Appends reports: all at the epochs' ends; of those between, the fewer the longer it lasts."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.begun = self.told = time.perf_counter()

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter()
        if progress.epoch_ended or now - self.told >= (now - self.begun) / REPORTS:
            append_report(self.file, progress)
            self.told = now


class _Sparing:
    """Does something as often as asked, but for what would take more than SHARE of the time."""

    def __init__(self, action: Callable[[Progress], None], least_seconds: float = 0.0) -> None:
        self.action, self.least_seconds = action, least_seconds
        self.due = 0.0

    def __call__(self, progress: Progress) -> None:
        started = time.perf_counter()
        if started >= self.due:
            self.action(progress)
            took = time.perf_counter() - started
            self.due = started + max(self.least_seconds, took / SHARE)


class _LiveCheckpoint:
    """The run's checkpoint while it trains: whatever opens a checkpoint opens the run, too."""

    def __init__(
        self, run: Run, config: TrainConfig, test_data: ImageDataset, sample: torch.Tensor
    ) -> None:
        self.run, self.config = run, config
        self.test_data, self.sample = test_data, sample
        self.begun = False

    def save(self, progress: Progress) -> None:
        """Save the model of this moment, unless its last step has spoilt it."""
        weights = progress.model.state_dict()
        if not all(bool(t.isfinite().all()) for t in weights.values()):
            return
        latents = _encoded_sample(progress.model, self.test_data, self.sample)
        if self.begun:
            # File by file: the folder is never gone, not even for the blink of a rename.
            if latents is not None:
                write_bytes(
                    self.run.checkpoint / "latents.safetensors",
                    tensor_bytes(vars(latents)),
                )
            write_bytes(
                self.run.checkpoint / "model.safetensors",
                tensor_bytes(weights),
            )
        else:
            path = self.run.checkpoint
            resumed = path.exists()
            first = self.run.path / "first" / path.name if resumed else path
            save_checkpoint(
                first,
                progress.model,
                config=self.config,
                latents=latents,
                dataset=self.test_data,
            )
            if resumed:
                (path / "metrics.json").unlink(missing_ok=True)  # of the training before
                _move_over(first, path)
            self.begun = True


def _save_snapshot(
    run: Run, epoch: int, model: LatentModel, test_data: ImageDataset, sample: torch.Tensor
) -> None:
    latents = _encoded_sample(model, test_data, sample)
    tensors = _prefixed("model.", model.state_dict())
    if latents is not None:
        tensors |= _prefixed("latents.", vars(latents))
    write_bytes(run.snapshot_file(epoch), tensor_bytes(tensors))


def _encoded_sample(
    model: LatentModel, test_data: ImageDataset, sample: torch.Tensor
) -> Latents | None:
    if not model.has_encoder:
        return None
    training = model.training
    model.eval()
    latents = encode_dataset(model, test_data, sample)
    model.train(training)
    return latents


def _prefixed(prefix: str, tensors: Mapping[str, torch.Tensor | None]) -> dict[str, Any]:
    return {prefix + name: tensor for name, tensor in tensors.items()}
