"""The time of a training is told before it starts."""

from itertools import count

import pytest
import torch

from vae_core.data.image_dataset import ImageDataset
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
