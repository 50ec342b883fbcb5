"""Training as a generator: a page, a command line, a process or a cluster can drive it.

    for progress in train(TrainConfig(dataset="digits")):
        print(progress.epoch, progress.test)

Runs are repeatable: on the CPU the same config gives the same weights, bit for bit, and a run
resumed from an epoch's end goes on to the very weights of an uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median_low

import torch
from torch import Tensor

from vae_core.datasets import ImageDataset, load_dataset
from vae_core.errors import ConfigError, DivergenceError, TrainingError
from vae_core.models import LatentModel, build_model
from vae_core.objectives import Terms, TermsFunction, loss, objective_terms
from vae_core.train_config import PRESETS, SCHEDULES, TrainConfig, preset

__all__ = [
    "PRESETS", "SCHEDULES", "Means", "Progress", "TrainConfig", "initial_model",
    "learning_rate_at", "preset", "train",
]  # fmt: skip

REPORT_SECONDS = 0.25
PACE_REPORTS = 40  # the speed told is that of so many reports …
UNUSUAL = 10  # … but those that took so many times the usual
CHECK_STEPS = 20  # how often a loss is looked at for NaN; looking waits for the device
TEST_BATCH = 500


@dataclass(frozen=True)
class Means:
    """Means per image over a set of images, in nats; `loss` is -reconstruction + beta * kl.

    For a Bernoulli likelihood -reconstruction is the cross-entropy.
    """

    reconstruction: float
    kl: float
    loss: float
    kl_per_dim: tuple[float, ...]

    @property
    def cross_entropy(self) -> float:
        return -self.reconstruction

    @property
    def elbo(self) -> float:
        return self.reconstruction - self.kl


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    epoch: whole epochs done; step of total_steps; train: means over the epoch so far; test: means
    over the held-out images at the last epoch's end, None before; epoch_ended: this report closes
    an epoch, so `state` may be saved; model: the live model, in training; do not change it.
    """

    epoch: int
    step: int
    total_steps: int
    images_per_second: float
    seconds_left: float
    train: Means
    test: Means | None
    epoch_ended: bool
    model: LatentModel
    optimizer: torch.optim.Optimizer = field(repr=False)

    @property
    def done(self) -> bool:
        return self.step == self.total_steps

    def state(self) -> dict[str, Tensor]:
        """All that `train(resume=…)` needs, as tensors by name; take it where epoch_ended."""
        tensors = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        names = [name for name, _ in self.model.named_parameters()]
        for index, slots in self.optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                tensors[f"optimizer.{names[index]}.{slot}"] = torch.as_tensor(value)
        tensors["epoch"] = torch.tensor(self.epoch)
        return {name: t.detach().cpu().clone() for name, t in tensors.items()}


def train(
    config: TrainConfig,
    *,
    train_data: ImageDataset | None = None,
    test_data: ImageDataset | None = None,
    resume: Mapping[str, Tensor] | None = None,
    report_seconds: float = REPORT_SECONDS,
) -> Iterator[Progress]:
    """Train a model by `config`, yielding at each epoch's end and every `report_seconds` between.

    Data default to the two splits of config.dataset. `resume` is a `Progress.state()` of the same
    config. TrainingError as soon as the loss is not finite; ConfigError when config and data clash.
    """
    train_data = train_data or load_dataset(config.dataset, "train")
    test_data = test_data or load_dataset(config.dataset, "test")
    n = len(train_data)
    if config.batch_size > n:
        raise ConfigError(
            f"batch_size={config.batch_size}, but {train_data.name} has only {n} training images; "
            f"choose {n} at most."
        )
    threads_before = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        yield from _train(config, train_data, test_data, resume, report_seconds)
    finally:
        torch.set_num_threads(threads_before)


def _train(
    config: TrainConfig,
    train_data: ImageDataset,
    test_data: ImageDataset,
    resume: Mapping[str, Tensor] | None,
    report_seconds: float,
) -> Iterator[Progress]:
    device = _usable_device(config.device)
    model = initial_model(config, train_data.image_shape).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    first_epoch = _restore(resume, model, optimizer) if resume else 0
    terms_of = objective_terms(config.objective)

    images, test_images = train_data.images.to(device), test_data.images.to(device)
    n = len(images)
    steps_per_epoch = math.ceil(n / config.batch_size)
    total_steps = config.epochs * steps_per_epoch
    step = first_epoch * steps_per_epoch
    test: Means | None = None
    pace, reported = _Pace(step), time.perf_counter()

    for epoch in range(first_epoch, config.epochs):
        model.train()
        # A generator an epoch: a resumed run draws what the uninterrupted one would have drawn.
        order = torch.randperm(n, generator=_generator(config.seed, epoch, "cpu")).to(device)
        generator = _generator(config.seed, epoch, device)
        sums = _Sums(config, device)
        for batch in order.split(config.batch_size):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(config, step / total_steps)
            x = images.index_select(0, batch).float().div_(255)  # faster than images[batch]
            terms = terms_of(model, x, generator=generator, samples=config.samples)
            optimizer.zero_grad(set_to_none=True)
            loss(terms, config.beta).backward()
            optimizer.step()
            sums.add(terms)
            step += 1
            ended = step % steps_per_epoch == 0
            reports = ended or time.perf_counter() - reported >= report_seconds
            if reports or step % CHECK_STEPS == 0:
                sums.check(step, config)
            if not reports:
                continue
            if ended:
                test_sums = _test_sums(model, test_images, config, terms_of)
                test_sums.check(step, config)
                test = test_sums.means()
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
                model=model,
                optimizer=optimizer,
            )
            reported = time.perf_counter()
    model.eval()


def initial_model(config: TrainConfig, image_shape: tuple[int, int, int]) -> LatentModel:
    """The model before any learning: the config's seed draws its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return build_model(config.model_config(image_shape))


def learning_rate_at(config: TrainConfig, fraction: float) -> float:
    """The learning rate after `fraction` of all steps.

    One-cycle: from 1/25 of the peak up to it at 30 %, then down to 1/250,000, both along a cosine.
    """
    peak, rise = config.learning_rate, 0.3
    if config.schedule == "constant":
        return peak
    if fraction < rise:
        low, way = peak / 25, (1 - math.cos(math.pi * fraction / rise)) / 2
    else:
        low, way = peak / 250_000, (1 + math.cos(math.pi * (fraction - rise) / (1 - rise))) / 2
    return low + (peak - low) * way


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

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.beta = config.beta
        self.n = 0
        self.reconstruction = torch.zeros((), dtype=torch.float64, device=device)
        self.kl = torch.zeros(config.latent_dim, dtype=torch.float64, device=device)

    def add(self, terms: Terms) -> None:
        self.n += len(terms.reconstruction)
        self.reconstruction = self.reconstruction + terms.reconstruction.detach().sum()
        self.kl = self.kl + terms.kl.detach().sum(0)

    def check(self, step: int, config: TrainConfig) -> None:
        if not bool(torch.isfinite(self.reconstruction + self.kl.sum())):
            raise DivergenceError(
                f"The loss is not a finite number after step {step}; try a learning rate below "
                f"{config.learning_rate:g}."
            )

    def means(self) -> Means:
        reconstruction = float(self.reconstruction) / self.n
        kl_per_dim = tuple((self.kl / self.n).tolist())
        kl = sum(kl_per_dim)
        return Means(reconstruction, kl, self.beta * kl - reconstruction, kl_per_dim)


@torch.inference_mode()
def _test_sums(
    model: LatentModel, images: Tensor, config: TrainConfig, terms_of: TermsFunction
) -> _Sums:
    model.eval()
    generator = _generator(config.seed, 0, images.device)  # the same draws at every epoch
    sums = _Sums(config, images.device)
    for batch in images.split(TEST_BATCH):
        sums.add(terms_of(model, batch.float() / 255, generator=generator, samples=config.samples))
    return sums


def _generator(seed: int, epoch: int, device: torch.device | str) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed * 1_000_003 + epoch)


def _usable_device(name: str) -> torch.device:
    try:
        torch.zeros((), device=name).item()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={name} cannot be used on this machine; choose cpu.") from error
    return torch.device(name)


def _restore(
    resume: Mapping[str, Tensor], model: LatentModel, optimizer: torch.optim.Optimizer
) -> int:
    """Load a `Progress.state()` and return its epoch; TrainingError where it does not fit."""
    try:
        model.load_state_dict(
            {k.removeprefix("model."): t for k, t in resume.items() if k.startswith("model.")}
        )
        slots: dict[int, dict[str, Tensor]] = {}
        for index, (name, parameter) in enumerate(model.named_parameters()):
            shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
            slots[index] = {  # clones: Adam would write into the caller's tensors
                slot: resume[f"optimizer.{name}.{slot}"].float().clone() for slot in shapes
            }
            if any(slots[index][slot].shape != shape for slot, shape in shapes.items()):
                raise ValueError(f"{name} is {tuple(parameter.shape)}")  # fused Adam trusts shapes
        optimizer.load_state_dict(
            {"state": slots, "param_groups": optimizer.state_dict()["param_groups"]}
        )
        return int(resume["epoch"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            "The saved state does not belong to these settings; resume a run with its own."
        ) from error
