"""How long a training will take, measured on the machine that will do it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import torch

from vae_core.data.image_dataset import ImageDataset
from vae_core.models.architecture import Architecture, architecture
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

MEASURED = 4_000_000  # numbers that the layers give for a batch that is tried: 100 MB as it learns
STEPS, EPOCHS = 8, 4  # the steps of an epoch at most, and how many of them
ENOUGH_STEPS, ENOUGH_SECONDS = 6, 0.3
FORWARD_SHARE = 1 / 3  # of a training step: the backward pass costs about twice the forward one


def seconds_per_epoch(
    config: TrainConfig,
    train_data: ImageDataset,
    test_images: int,
    train_images: int | None = None,
    on_step: Callable[[], object] = lambda: None,
) -> float:
    """Seconds that one epoch of `config` takes here, by training a few steps on some of the data.

    test_images: how many are evaluated after each epoch; train_images: how many it learns from, all
    of train_data by default, of which `enough_images` do here. What a step costs depends on neither
    the seed nor what has been learned, so nothing else is needed. Of a large batch a part is tried,
    whose images take as long each. on_step is called after each step; what it raises ends the work.
    """
    config = _tried(config, train_data.image_shape)
    few = _first(train_data, max(STEPS * config.batch_size, config.latent_dim + 1))
    if "classes" in config.objective_settings:
        config, few = _with_classes(config, few)
    two = _first(train_data, 2)  # the fewest that can be compared
    clock: list[float] = []  # from the first step's end: that one may wait for PyTorch's imports
    for _ in train(replace(config, epochs=EPOCHS), train_data=few, test_data=two, report_seconds=0):
        on_step()
        clock.append(time.perf_counter())
        if len(clock) > ENOUGH_STEPS and clock[-1] - clock[0] > ENOUGH_SECONDS:
            break
    steps = sorted(after - before for before, after in pairwise(clock))
    step = steps[len(steps) // 4]  # of the faster ones: what else the machine does will pass
    images_per_second = min(config.batch_size, len(few)) / step
    return ((train_images or len(train_data)) + FORWARD_SHARE * test_images) / images_per_second


def enough_images(config: TrainConfig, image_shape: tuple[int, int, int]) -> int:
    """How many training images `seconds_per_epoch` makes use of."""
    return STEPS * _tried(config, image_shape).batch_size


def numbers_held(config: TrainConfig, network: Architecture) -> int:
    """Numbers that the layers give for one batch; learning holds all of them at once."""
    classes = config.objective_settings["classes"] if config.objective == "m2" else 1
    encoded = config.batch_size + (config.pseudo_inputs if config.prior == "vamp" else 0)
    decoded = config.batch_size * config.samples * classes
    held = encoded * sum(map(math.prod, network.encoder or ()))
    return held + decoded * sum(map(math.prod, network.decoder))


def _tried(config: TrainConfig, image_shape: tuple[int, int, int]) -> TrainConfig:
    """The config with as much of its batch, and of a prior's pseudo-inputs, as MEASURED holds."""
    held = numbers_held(config, architecture(config.model_config(image_shape)))
    if held <= MEASURED:
        return config
    return replace(
        config,
        batch_size=max(2, config.batch_size * MEASURED // held),
        pseudo_inputs=max(1, config.pseudo_inputs * MEASURED // held),
    )


def _with_classes(config: TrainConfig, data: ImageDataset) -> tuple[TrainConfig, ImageDataset]:
    """One label of each class, and classes in turn: which they are costs no time."""
    classes = min(config.objective_settings["classes"], len(data))
    settings = {**config.objective_settings, "labels": classes}
    names = tuple(str(k) for k in range(classes))
    labels = torch.arange(len(data)) % classes
    return (
        replace(config, objective_settings=settings),
        replace(data, labels=labels, class_names=names),
    )


def _first(data: ImageDataset, n: int) -> ImageDataset:
    labels = None if data.labels is None else data.labels[:n]
    factors = None if data.factors is None else data.factors[:n]
    return replace(data, images=data.images[:n], labels=labels, factors=factors)
