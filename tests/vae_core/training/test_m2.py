"""M2 learns from the labels that its settings ask for, and from images drawn as all others are."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.models.m2 import M2
from vae_core.objectives.m2 import m2_objective
from vae_core.training import m2 as m2_learner
from vae_core.training.calibration import seconds_per_epoch
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train
from vae_core.training.m2 import labelled_rows


def test_data_that_do_not_go_with_the_settings_are_refused() -> None:
    config = TrainConfig(objective="m2", objective_settings={"labels": 4, "classes": 2})
    pixels, labels = torch.zeros(6, 1, 2, 3, dtype=torch.uint8), torch.tensor([0, 1, 2, 0, 1, 2])
    bare = ImageDataset("bare", "train", pixels)
    with pytest.raises(ConfigError, match="bare has 0"):
        labelled_rows(config, bare)
    three = ImageDataset("three", "train", pixels, labels, class_names=("a", "b", "c"))
    with pytest.raises(ConfigError, match="2 classes, but three has 3"):
        labelled_rows(config, three)
    two = labels % 2
    assert two[labelled_rows(config, replace(three, labels=two))].tolist().count(1) == 2


def test_the_time_of_m2_is_told_of_data_without_classes() -> None:
    config = TrainConfig(objective="m2", hidden=(4,), batch_size=2)
    data = ImageDataset("bare", "train", torch.zeros(20, 1, 2, 3, dtype=torch.uint8))
    assert seconds_per_epoch(config, data, 10) > 0


@pytest.mark.parametrize("binarisation", ["none", "dynamic"])
def test_images_with_a_label_are_drawn_as_those_without(
    binarisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spied(model: M2, x: Tensor, told: tuple[Tensor, Tensor], **settings: Any) -> Any:
        seen.append((x, told[0]))
        return m2_objective(model, x, told, **settings)

    monkeypatch.setattr(m2_learner, "m2_objective", spied)
    config = TrainConfig(
        objective="m2", hidden=(4,), epochs=1, batch_size=500, binarisation=binarisation
    )
    next(train(config, report_seconds=0))
    grey = [bool(((x > 0) & (x < 1)).any()) for x in seen[0]]
    assert grey == [binarisation == "none"] * 2
