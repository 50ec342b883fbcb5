"""Training as a generator: a page, a command line, a process or a cluster can drive it.

    for progress in train(TrainConfig(dataset="digits")):
        print(progress.epoch, progress.test)

Runs are repeatable: on the CPU the same config gives the same weights, bit for bit, and a run
resumed from an epoch's end goes on to the very weights of an uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from reprlib import repr as shown
from typing import Any

import torch
from torch import Tensor

from vae_core.datasets import ImageDataset, dataset_names, load_dataset
from vae_core.errors import ConfigError, TrainingError
from vae_core.models import LatentModel, ModelConfig, build_model, check_texts
from vae_core.objectives import Terms, TermsFunction, loss, objective_terms

REPORT_SECONDS = 0.25
CHECK_STEPS = 20  # how often a loss is looked at for NaN; looking waits for the device
TEST_BATCH = 500
SCHEDULES = ("one-cycle", "constant")

# field: (type, least, most), both ends included
_RANGES: dict[str, tuple[type, float, float]] = {
    "samples": (int, 1, 64),
    "epochs": (int, 1, 10_000),
    "batch_size": (int, 1, 65_536),
    "seed": (int, 0, 2**31 - 1),
    "threads": (int, 1, 256),
    "beta": (float, 0, 1_000),
    "learning_rate": (float, 1e-8, 10),
}


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one training; plain JSON values only. ConfigError when one is out of range.

    dataset, latent_dim, network, hidden, activation, likelihood, sigma, link: see `ModelConfig`.
    objective: "elbo", or "autoencoder" for the plain one; beta weighs the KL (1 is the ELBO);
    samples: draws of z per image (L). schedule: "one-cycle" rises to learning_rate over the first
    30 % of the steps and falls to almost 0 (Smith & Topin 2019), "constant" stays.
    device: a torch device; threads: torch threads on the CPU.
    """

    dataset: str = "digits"
    latent_dim: int = 2
    network: str = "mlp"
    hidden: tuple[int, ...] = (512, 512, 256)
    activation: str = "silu"
    likelihood: str = "bernoulli"
    sigma: float = 0.1
    link: str = "sigmoid"
    objective: str = "elbo"
    beta: float = 1.0
    samples: int = 1
    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    seed: int = 0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        check_texts(self)
        for name, (kind, least, most) in _RANGES.items():
            value = getattr(self, name)
            number = isinstance(value, (int, kind)) and not isinstance(value, bool)
            if not number or not least <= value <= most:
                a = "a whole number" if kind is int else "a number"
                raise ConfigError(f"{name}={shown(value)} is not {a} from {least:g} to {most:g}.")
        if self.dataset not in dataset_names():
            raise ConfigError(
                f"Unknown data set {shown(self.dataset)}; choose one of "
                f"{', '.join(dataset_names())}."
            )
        if self.schedule not in SCHEDULES:
            raise ConfigError(
                f"Unknown schedule {shown(self.schedule)}; choose one of {', '.join(SCHEDULES)}."
            )
        objective_terms(self.objective)
        if self.objective == "autoencoder" and self.beta != 1:
            raise ConfigError(
                f"beta={self.beta:g} has no meaning for a plain autoencoder, which has no KL; "
                "leave beta at 1 or choose the objective elbo."
            )
        try:
            torch.device(self.device)
        except RuntimeError as error:
            raise ConfigError(f"device={shown(self.device)} is no torch device.") from error
        # The model's own settings are checked where they live; the image shape is not known yet.
        with torch.device("meta"):
            model = build_model(self.model_config((1, 1, 1)))
        object.__setattr__(self, "hidden", model.config.hidden)

    def model_config(self, image_shape: tuple[int, int, int]) -> ModelConfig:
        return ModelConfig(
            image_shape=image_shape,
            kind="autoencoder" if self.objective == "autoencoder" else "vae",
            **{name: getattr(self, name) for name in _MODEL_FIELDS},
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"hidden": list(self.hidden)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_json`; ConfigError for a field that does not exist."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(
                f"Unknown setting {shown(unknown[0])}; the settings are {', '.join(sorted(known))}."
            )
        return cls(**values)


_MODEL_FIELDS = tuple(
    f.name for f in fields(ModelConfig) if f.name in {g.name for g in fields(TrainConfig)}
)

PRESETS: dict[str, TrainConfig] = {
    "digits-2d": TrainConfig(
        dataset="digits", hidden=(256, 128), epochs=120, batch_size=128, learning_rate=3e-3
    ),
    "mnist-2d": TrainConfig(dataset="mnist", hidden=(1024, 512, 256), epochs=40),
    "mnist-16d": TrainConfig(
        dataset="mnist",
        latent_dim=16,
        network="conv",
        hidden=(32, 64, 64, 256),
        epochs=8,
    ),
    "fashion-2d": TrainConfig(dataset="fashion-mnist", epochs=30),
    "sprites-6d": TrainConfig(
        dataset="sprites", latent_dim=6, network="conv", hidden=(32, 32, 64, 256), epochs=40
    ),
    # The example of the PyTorch repository (pytorch/examples, vae/main.py).
    "pytorch-example": TrainConfig(
        dataset="mnist",
        latent_dim=20,
        hidden=(400,),
        activation="relu",
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
        schedule="constant",
    ),
}


def preset(name: str) -> TrainConfig:
    """The named settings; ConfigError when there are none of that name."""
    if name not in PRESETS:
        raise ConfigError(f"Unknown preset {shown(name)}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build_model(config.model_config(train_data.image_shape)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    first_epoch = _restore(resume, model, optimizer) if resume else 0
    terms_of = objective_terms(config.objective)

    images, test_images = train_data.images.to(device), test_data.images.to(device)
    n = len(images)
    steps_per_epoch = math.ceil(n / config.batch_size)
    total_steps = config.epochs * steps_per_epoch
    step = first_step = first_epoch * steps_per_epoch
    test: Means | None = None
    started = reported = time.perf_counter()

    for epoch in range(first_epoch, config.epochs):
        model.train()
        # A generator an epoch: a resumed run draws what the uninterrupted one would have drawn.
        order = torch.randperm(n, generator=_generator(config.seed, epoch, "cpu")).to(device)
        generator = _generator(config.seed, epoch, device)
        sums = _Sums(config, device)
        for batch in order.split(config.batch_size):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(config, step / total_steps)
            x = images[batch].float() / 255
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
            rate = (step - first_step) / (time.perf_counter() - started)
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
            raise TrainingError(
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
