"""How long a training takes is tried one visitor at a time, and ends with the visitor."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from ui.training import estimate
from ui.training.estimate import MEASURING, epoch_seconds
from vae_core.data.image_dataset import ImageDataset
from vae_core.training.config import TrainConfig

IMAGES = ImageDataset("d", "train", torch.zeros(64, 1, 4, 4, dtype=torch.uint8))


class Place:
    """Where the page says it; `leaves` raises as Streamlit does where the visitor has gone."""

    def __init__(self, leaves: bool = False) -> None:
        self.said: list[str] = []
        self.leaves = leaves
        self.waits = threading.Event()

    def caption(self, text: str) -> None:
        self.said.append(text)
        if text.startswith("Waiting"):
            self.waits.set()
        if self.leaves:
            raise InterruptedError


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    estimate._measured.clear()


def seconds(place: Place, batch_size: int) -> float:
    config = TrainConfig(hidden=(4,), batch_size=batch_size)
    return epoch_seconds(place, config, IMAGES, train=64, test=0)  # type: ignore[arg-type]


def test_it_is_measured_once_for_the_same_settings() -> None:
    first, second = Place(), Place()
    assert seconds(first, 8) == seconds(second, 8) > 0
    assert set(first.said) == {MEASURING} and second.said == []


def test_it_ends_where_its_visitor_leaves_and_the_next_one_s_begins() -> None:
    leaving = Place(leaves=True)
    with pytest.raises(InterruptedError):
        seconds(leaving, 8)
    assert leaving.said == [MEASURING]
    assert seconds(Place(), 8) > 0


def test_one_is_measured_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ends, order = threading.Event(), threading.Event(), []

    def measured(config: TrainConfig, *_args: object, **_given: object) -> float:
        order.append(config.batch_size)
        begun.set()
        assert ends.wait(120)
        order.append(config.batch_size)
        return 1.0

    monkeypatch.setattr(estimate, "seconds_per_epoch", measured)
    second = Place()
    threads = [threading.Thread(target=seconds, args=each) for each in ((Place(), 2), (second, 3))]
    threads[0].start()
    assert begun.wait(120)
    threads[1].start()
    assert second.waits.wait(120)
    ends.set()
    for thread in threads:
        thread.join()
    assert order == [2, 2, 3, 3]
