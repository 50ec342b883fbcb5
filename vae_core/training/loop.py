"""Training as a generator: a page, a command line, a process or a cluster can drive it.

    for progress in train(TrainConfig(dataset="digits")):
        print(progress.epoch, progress.test)

Runs are repeatable: on the CPU the same config gives the same weights, bit for bit, and a run
resumed from an epoch's end goes on to the very weights of an uninterrupted one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median_low

import torch
from torch import Tensor

from vae_core.data.binarisation import binarise, binarised
from vae_core.data.datasets import check_dataset, load_dataset
from vae_core.data.image_dataset import ImageDataset, check_is_dataset
from vae_core.errors import ConfigError, DataError, DivergenceError, TrainingError
from vae_core.models.device import usable_device
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.linear import check_components
from vae_core.objectives.registry import find_objective
from vae_core.objectives.terms import Batch, ObjectiveTerms
from vae_core.objectives.variational import ramp
from vae_core.training.config import TrainConfig
from vae_core.training.learner import Learner
from vae_core.training.learners import build_learner
from vae_core.training.m2 import labelled_rows
from vae_core.training.progress import Best, Means, Progress

REPORT_SECONDS = 0.25
PACE_REPORTS = 40  # the speed told is that of so many reports …
UNUSUAL = 10  # … but those that took so many times the usual
CHECK_STEPS = 20  # how often a loss is looked at for NaN; looking waits for the device
TEST_BATCH = 500


def train(
    config: TrainConfig,
    *,
    train_data: ImageDataset | None = None,
    test_data: ImageDataset | None = None,
    resume: Mapping[str, Tensor] | None = None,
    report_seconds: float = REPORT_SECONDS,
) -> Iterator[Progress]:
    """Train a model by `config`, yielding at each epoch's end and every `report_seconds` between.

    After the last report the model has the weights of the last epoch, or of the best if so asked.
    Data default to the two splits of config.dataset; where both are given it may be any name.
    `resume` is a `Progress.state()` of the same config. TrainingError as soon as the loss is not
    finite; ConfigError when config and data clash, DataError when the data have no class to leave
    out, or one test image.
    """
    if train_data is None or test_data is None:
        _check_registered(config.dataset)
    if train_data is None:
        train_data = load_dataset(config.dataset, "train")
    if test_data is None:
        test_data = load_dataset(config.dataset, "test")
    train_data = check_data(config, train_data, test_data)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        yield from _train(config, train_data, test_data, resume, report_seconds)
    finally:
        torch.set_num_threads(threads_before)


def _check_registered(dataset: str) -> None:
    try:
        check_dataset(dataset)
    except ConfigError as error:
        raise ConfigError(f"{error} Or give both train_data and test_data.") from error


def check_data(
    config: TrainConfig, train_data: ImageDataset, test_data: ImageDataset
) -> ImageDataset:
    """The images to learn; ConfigError or DataError where they cannot be by these settings."""
    check_is_dataset(train_data, "train_data")
    check_is_dataset(test_data, "test_data")
    if config.left_out >= 0:
        train_data = train_data.without(config.left_out)
    if len(test_data) < 2:
        raise DataError(f"{test_data.name} has one test image; figures with an error need two.")
    if train_data.image_shape != test_data.image_shape:
        raise DataError(
            f"{train_data.name} has training images of {train_data.image_shape}, {test_data.name} "
            f"test images of {test_data.image_shape}; give both alike."
        )
    n = len(train_data)
    if config.batch_size > n:
        raise ConfigError(
            f"batch_size={config.batch_size}, but {train_data.name} has only {n} training images; "
            f"choose {n} at most."
        )
    if config.objective == "m2":
        labelled_rows(config, train_data)
    if config.objective in ("pca", "ppca"):
        check_components(config.latent_dim, n, train_data.images[0].numel())
    return train_data


def _train(
    config: TrainConfig,
    train_data: ImageDataset,
    test_data: ImageDataset,
    resume: Mapping[str, Tensor] | None,
    report_seconds: float,
) -> Iterator[Progress]:
    device = usable_device(config.device)
    if config.binarisation == "static":
        train_data, test_data = binarised(train_data), binarised(test_data)
    learner = initial_learner(config, train_data.image_shape, device)
    model = learner.model
    if resume is not None:
        first_epoch, best = _restore(resume, learner, config)
    else:
        first_epoch, best = 0, Best()
        learner.begin(train_data)

    train_set, test_set = _Images(train_data, config, device), _Images(test_data, config, device)
    n = len(train_data)
    steps_per_epoch = len(train_set.split(torch.arange(n), config.batch_size))
    total_steps = config.epochs * steps_per_epoch
    judged = config.keep == "best" or config.patience > 0
    step = first_epoch * steps_per_epoch
    test: Means | None = None
    pace, reported = _Pace(step), time.perf_counter()

    for epoch in range(first_epoch, config.epochs):
        if best.stalled(config, epoch):
            break
        begin, planned = (epochs * steps_per_epoch for epochs in config.cycle_at(epoch))
        schedule = _Schedule(config.cycle_at(0)[1] * steps_per_epoch, begin, planned)
        model.train()
        # A generator an epoch: a resumed run draws what the uninterrupted one would have drawn.
        order = torch.randperm(n, generator=_generator(config.seed, epoch, "cpu")).to(device)
        generator = _generator(config.seed, epoch, device)
        sums = _Sums(model, device)
        for rows in train_set.split(order, config.batch_size):
            batch = train_set.batch(rows, generator, step, schedule)
            sums.add(_weighed(learner.step(batch), batch, config))
            step += 1
            ended = step % steps_per_epoch == 0
            reports = ended or time.perf_counter() - reported >= report_seconds
            if reports or step % CHECK_STEPS == 0:
                sums.check(step, config)
            if not reports:
                continue
            if ended:
                test_sums = _test_sums(learner, test_set, config, step, schedule)
                test_sums.check(step, config)
                test = test_sums.means()
                if judged and config.compares(epoch + 1) and test.loss < best.loss:
                    best = Best(epoch + 1, test.loss, _weights(model, config))
                model.train()
            rate = pace.steps_per_second(step)
            yield Progress(
                epoch=epoch + ended,
                step=step,
                total_steps=total_steps,
                images_per_second=rate * n / steps_per_epoch,
                seconds_left=(total_steps - step) / rate,
                train=sums.means(),
                test=test,
                epoch_ended=ended,
                learner=learner,
                best=best if judged else None,
                stalled=ended and best.stalled(config, epoch + 1),
            )
            reported = time.perf_counter()
    if best.weights:
        model.load_state_dict(best.weights)
    model.eval()


def _weights(model: LatentModel, config: TrainConfig) -> dict[str, Tensor]:
    if config.keep != "best":
        return {}
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


@dataclass(frozen=True)
class _Schedule:
    """Steps of the first cycle, and from where to where the present one goes."""

    first: int
    begin: int
    end: int

    def at(self, step: int) -> float:
        return (step - self.begin) / (self.end - self.begin)


def initial_model(config: TrainConfig, image_shape: tuple[int, int, int]) -> LatentModel:
    """The model before any learning: the config's seed draws its weights."""
    return initial_learner(config, image_shape, torch.device("cpu")).model


def initial_learner(
    config: TrainConfig, image_shape: tuple[int, int, int], device: torch.device
) -> Learner:
    """The learner before any learning: the config's seed draws all weights, the model's first."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return build_learner(config, build_model(config.model_config(image_shape)).to(device))


class _Images:
    """The images of a split on the device, and batches of them."""

    def __init__(self, data: ImageDataset, config: TrainConfig, device: torch.device) -> None:
        self.images = data.images.to(device)
        self.labels = None if data.labels is None else data.labels.to(device)
        self.drawn_anew = config.binarisation == "dynamic"
        self.pairs = find_objective(config.objective).pairs
        self.warm_up = config.warm_up

    def split(self, rows: Tensor, size: int) -> list[Tensor]:
        """Rows of each batch; a last one of a single image joins the one before, if it must."""
        parts = list(rows.split(size))
        if self.pairs and len(parts) > 1 and len(parts[-1]) == 1:
            parts[-2:] = [torch.cat(parts[-2:])]
        return parts

    def batch(
        self, rows: Tensor, generator: torch.Generator, step: int, schedule: _Schedule
    ) -> Batch:
        x = self.images.index_select(0, rows).float().div_(255)  # faster than images[rows]
        return Batch(
            x=binarise(x, generator) if self.drawn_anew else x,
            labels=None if self.labels is None else self.labels.index_select(0, rows),
            generator=generator,
            images=len(self.images),
            step=step,
            total_steps=schedule.first,
            cycle=schedule.at(step),
            kl_weight=ramp(step, round(self.warm_up * schedule.first), 1.0),
        )


class _Pace:
    """How fast the steps are, from one report to the next.

    An interval far longer than the usual does not count: the run was paused, or the machine slept.
    """

    def __init__(self, step: int) -> None:
        self.step, self.time = step, time.perf_counter()
        self.intervals: deque[tuple[int, float]] = deque(maxlen=PACE_REPORTS)

    def steps_per_second(self, step: int) -> float:
        """The mean pace of the last reports, this one at `step` included."""
        now = time.perf_counter()
        self.intervals.append((step - self.step, now - self.time))
        self.step, self.time = step, now
        usual = median_low(seconds / steps for steps, seconds in self.intervals)
        counted = [(n, s) for n, s in self.intervals if s <= UNUSUAL * n * usual]
        return sum(n for n, _ in counted) / sum(s for _, s in counted)


class _Sums:
    """Running sums of per-image terms; kept on the device so that a step never waits for it."""

    def __init__(self, model: LatentModel, device: torch.device) -> None:
        self.encodes = model.has_encoder
        self.n = 0
        self.reconstruction = torch.zeros((), dtype=torch.float64, device=device)
        self.loss = torch.zeros_like(self.reconstruction)
        self.kl = torch.zeros(model.latent_dim, dtype=torch.float64, device=device)
        self.parts: dict[str, Tensor] = {}

    def add(self, terms: ObjectiveTerms) -> None:
        n = len(terms.reconstruction)
        self.n += n
        self.reconstruction = self.reconstruction + terms.reconstruction.detach().sum()
        self.loss = self.loss + n * terms.loss.detach().double()
        self.kl = self.kl + terms.kl.detach().sum(0)
        for name, part in terms.parts.items():
            self.parts[name] = self.parts.get(name, 0) + n * part.detach().double()

    def check(self, step: int, config: TrainConfig) -> None:
        if not bool(torch.isfinite(self.loss + self.reconstruction + self.kl.sum())):
            raise DivergenceError(
                f"The loss is not a finite number after step {step}; try a learning rate below "
                f"{config.learning_rate:g}."
            )

    def means(self) -> Means:
        kl_per_dim = tuple((self.kl / self.n).tolist()) if self.encodes else ()
        return Means(
            reconstruction=float(self.reconstruction) / self.n if self.encodes else None,
            kl=sum(kl_per_dim) if self.encodes else None,
            loss=float(self.loss) / self.n,
            kl_per_dim=kl_per_dim,
            parts={name: float(part) / self.n for name, part in self.parts.items()},
        )


def _weighed(terms: ObjectiveTerms, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
    """With the weight of the KL among the parts, where it rises."""
    if not config.warm_up:
        return terms
    weight = torch.tensor(batch.kl_weight, device=terms.loss.device)
    return replace(terms, parts={**terms.parts, "kl_weight": weight})


@torch.no_grad()
def _test_sums(
    learner: Learner, test_set: _Images, config: TrainConfig, step: int, schedule: _Schedule
) -> _Sums:
    learner.model.eval()
    device = test_set.images.device
    generator = _generator(config.seed, 0, device)  # the same draws at every epoch
    sums = _Sums(learner.model, device)
    for rows in test_set.split(torch.arange(len(test_set.images), device=device), TEST_BATCH):
        batch = test_set.batch(rows, generator, step, schedule)
        sums.add(_weighed(learner.terms(batch), batch, config))
    return sums


def _generator(seed: int, epoch: int, device: torch.device | str) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed * 1_000_003 + epoch)


def _restore(
    resume: Mapping[str, Tensor], learner: Learner, config: TrainConfig
) -> tuple[int, Best]:
    """Load a `Progress.state()`; its epoch and best. TrainingError where it does not fit."""
    try:
        learner.restore(resume)
        if not 0 <= (epoch := int(resume["epoch"])) <= config.epochs:
            raise ValueError(epoch)
        if "best.epoch" not in resume:
            return epoch, Best()
        head = "best.model."
        weights = {k.removeprefix(head): t for k, t in resume.items() if k.startswith(head)}
        if weights and weights.keys() != learner.model.state_dict().keys():
            raise ValueError(sorted(weights))
        return epoch, Best(int(resume["best.epoch"]), float(resume["best.loss"]), weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            "The saved state does not belong to these settings; resume a run with its own."
        ) from error
