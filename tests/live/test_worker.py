"""Requests of many visitors share a batch, and each gets its own answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch

from live.models import OpenModel, open_model
from live.worker import MAX_BATCH, Verb, Worker, dimensions
from tests.live.conftest import LATENT_DIM, run, save_small_model


class Decoder:
    """A model's decoder that notes the sizes of its batches, the first held back until `go`."""

    def __init__(self, opened: OpenModel) -> None:
        import threading

        self.decode, self.batches, self.go = opened.model.decode, [], threading.Event()

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(z))
        self.go.wait(timeout=60)
        return self.decode(z)


@pytest.mark.parametrize(("visitors", "rows"), [(20, 1), (9, 40)])
def test_what_waits_for_one_model_runs_in_one_batch(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch, visitors: int, rows: int
) -> None:
    opened = open_model("small")
    decoder = Decoder(opened)
    monkeypatch.setattr(opened.model, "decode", decoder)
    z = np.random.default_rng(0).normal(size=(visitors, rows, LATENT_DIM)).astype("<f4")

    async def ask() -> list[np.ndarray]:
        worker = Worker()
        first = worker.submit("small", Verb.DECODE, dimensions(opened), z[0])
        while not decoder.batches:
            await asyncio.sleep(0)
        others = [worker.submit("small", Verb.DECODE, dimensions(opened), each) for each in z[1:]]
        decoder.go.set()
        return list(await asyncio.gather(first, *others))

    answers = run(ask())
    assert max(decoder.batches) <= MAX_BATCH
    assert len(decoder.batches) == 1 + -(-(visitors - 1) // (MAX_BATCH // rows))
    for each, answer in zip(z, answers, strict=True):
        expected = decoder.decode(torch.from_numpy(each)).permute(0, 2, 3, 1).numpy()
        assert np.abs(answer / 255 - expected).max() <= 1 / 255


def test_two_models_never_share_a_batch(checkpoints: Path) -> None:
    save_small_model(checkpoints / "other", seed=1)
    z = np.zeros((1, LATENT_DIM), "<f4")

    async def ask() -> list[np.ndarray]:
        worker = Worker()
        asked = [
            worker.submit(name, Verb.DECODE, dimensions(open_model(name)), z)
            for name in ("small", "other", "small", "other")
        ]
        return list(await asyncio.gather(*asked))

    small, other, small_again, other_again = run(ask())
    assert (small == small_again).all()
    assert (other == other_again).all()
    assert (small != other).any()


def test_a_visitor_who_left_holds_up_no_other(checkpoints: Path) -> None:
    z = np.zeros((1, LATENT_DIM), "<f4")

    async def ask() -> np.ndarray:
        worker = Worker()
        opened = open_model("small")
        left = worker.submit("small", Verb.DECODE, dimensions(opened), z)
        left.cancel()
        return await worker.submit("small", Verb.DECODE, dimensions(opened), z)

    assert len(run(ask())) == 1
