"""How long a training will take, measured on the machine that will do it."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import torch

from vae_core.data.image_dataset import ImageDataset
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

STEPS, EPOCHS = 8, 4  # the steps of an epoch at most, and how many of them
ENOUGH_STEPS, ENOUGH_SECONDS = 6, 0.3
FORWARD_SHARE = 1 / 3  # of a training step: the backward pass costs about twice the forward one


def seconds_per_epoch(
    config: TrainConfig,
    train_data: ImageDataset,
    test_images: int,
    train_images: int | None = None,
) -> float:
    """Seconds that one epoch of `config` takes here, by training a few steps on some of the data.

    test_images: how many are evaluated after each epoch; train_images: how many it learns from, all
    of train_data by default. What a step costs depends on neither the seed nor what has been
    learned, so nothing else is needed.
    """
    few = _first(train_data, max(STEPS * config.batch_size, config.latent_dim + 1))
    if "classes" in config.objective_settings:
        config, few = _with_classes(config, few)
    two = _first(train_data, 2)  # the fewest that can be compared
    clock: list[float] = []  # from the first step's end: that one may wait for PyTorch's imports
    for _ in train(replace(config, epochs=EPOCHS), train_data=few, test_data=two, report_seconds=0):
        clock.append(time.perf_counter())
        if len(clock) > ENOUGH_STEPS and clock[-1] - clock[0] > ENOUGH_SECONDS:
            break
    steps = sorted(after - before for before, after in pairwise(clock))
    step = steps[len(steps) // 4]  # of the faster ones: what else the machine does will pass
    images_per_second = min(config.batch_size, len(few)) / step
    return ((train_images or len(train_data)) + FORWARD_SHARE * test_images) / images_per_second


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
