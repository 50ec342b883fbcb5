"""The time of a training is told before it starts."""

from dataclasses import replace
from itertools import count

import pytest
import torch

from vae_core.data.image_dataset import ImageDataset
from vae_core.models.architecture import architecture
from vae_core.training import calibration
from vae_core.training.calibration import seconds_per_epoch
from vae_core.training.config import TrainConfig


def test_an_epoch_takes_its_images_at_the_measured_rate(monkeypatch):
    ticks = count()
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: 0.05 * next(ticks))
    images = torch.zeros(1_000, 1, 4, 4, dtype=torch.uint8)
    config = TrainConfig(hidden=(4,), batch_size=100, epochs=7)
    # The clock goes on between two reports, and every step takes equally many ticks of it.
    one = seconds_per_epoch(config, ImageDataset("d", "train", images), test_images=0)
    more = seconds_per_epoch(config, ImageDataset("d", "train", images), test_images=3_000)
    part = ImageDataset("d", "train", images[:800])
    assert seconds_per_epoch(config, part, 0, train_images=1_000) == pytest.approx(one)
    assert one > 0
    assert more == pytest.approx(2 * one)  # a test image costs a third of a training image


LARGE = TrainConfig(
    network="conv", hidden=(128, 64, 256), latent_dim=60, batch_size=4_096, prior="vamp"
)
SHAPE = (1, 28, 28)


def test_of_a_large_batch_no_more_than_a_part_is_held(monkeypatch):
    """However large the batch: what the layers give in a step that is tried is bounded."""
    tried = []

    def watched(config, **given):
        tried.append(config)
        few = given["train_data"]
        network = architecture(config.model_config(SHAPE))
        assert calibration.numbers_held(config, network) <= calibration.MEASURED
        assert len(few) == calibration.enough_images(LARGE, SHAPE) == 8 * config.batch_size
        return iter(range(100))

    monkeypatch.setattr(calibration, "train", watched)
    images = torch.zeros(40_000, *SHAPE, dtype=torch.uint8)
    assert seconds_per_epoch(LARGE, ImageDataset("d", "train", images), test_images=0) > 0
    (config,) = tried
    assert 2 <= config.batch_size < 100 and config.pseudo_inputs < LARGE.pseudo_inputs


def test_an_image_of_a_part_counts_as_one_of_the_whole(monkeypatch):
    images = ImageDataset("d", "train", torch.zeros(8_000, 1, 4, 4, dtype=torch.uint8))
    config = TrainConfig(hidden=(4,), batch_size=1_000)

    def seconds():
        ticks = count()
        monkeypatch.setattr(calibration.time, "perf_counter", lambda: next(ticks))
        monkeypatch.setattr(calibration, "train", lambda config, **_: iter(range(100)))
        return seconds_per_epoch(config, images, test_images=0)

    whole = seconds()
    per_image = calibration.numbers_held(
        replace(config, batch_size=1), architecture(config.model_config((1, 4, 4)))
    )
    monkeypatch.setattr(calibration, "MEASURED", 100 * per_image)
    assert seconds() == 10 * whole  # each step of a hundred takes one tick, as one of a thousand


def test_who_asks_for_no_more_ends_it():
    class Enough(Exception):
        pass

    steps = []

    def on_step():
        steps.append(1)
        if len(steps) == 2:
            raise Enough

    images = torch.zeros(64, 1, 4, 4, dtype=torch.uint8)
    config = TrainConfig(hidden=(4,), batch_size=8)
    with pytest.raises(Enough):
        seconds_per_epoch(config, ImageDataset("d", "train", images), 0, on_step=on_step)
    assert len(steps) == 2
