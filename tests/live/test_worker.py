"""Requests of many visitors share batches, and nobody's holds up another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from live import worker as live_worker
from live.models import OpenModel, open_model
from live.worker import MAX_BATCH, SLOW, Job, Queue, Verb, Worker, row_cost
from tests.live.conftest import LATENT_DIM, run, save_small_model
from vae_core.models.cost import ImageCost


class Decoder:
    """A model's decoder that notes the sizes of its batches, the first held back until `go`."""

    def __init__(self, opened: OpenModel) -> None:
        self.decode, self.batches, self.go = opened.model.decode, [], threading.Event()

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(z))
        self.go.wait(timeout=60)
        return self.decode(z)


@pytest.fixture
def opened(checkpoints: Path) -> OpenModel:
    return open_model("small")


@pytest.fixture
def job(opened: OpenModel) -> Iterator[object]:
    """Makes jobs of so many rows, each of the cost given."""
    loop = asyncio.new_event_loop()

    def made(address: str, rows: int, cost: int = 1_000, verb: Verb = Verb.DECODE) -> Job:
        z = np.zeros((rows, LATENT_DIM), "<f4")
        return Job(opened, verb, z, address, loop.create_future(), cost)

    yield made
    loop.close()


def served(queue: Queue) -> Iterator[tuple[Job, int]]:
    """All that is done, in turn."""
    while batch := queue.take():
        for each, rows in batch:
            each.done += rows
            yield each, rows


@pytest.mark.parametrize(("visitors", "rows"), [(20, 1), (9, 40)])
def test_what_waits_for_one_model_runs_in_one_batch(
    opened: OpenModel, monkeypatch: pytest.MonkeyPatch, visitors: int, rows: int
) -> None:
    decoder = Decoder(opened)
    monkeypatch.setattr(opened.model, "decode", decoder)
    z = np.random.default_rng(0).normal(size=(visitors, rows, LATENT_DIM)).astype("<f4")

    async def ask() -> list[np.ndarray]:
        worker = Worker()
        first = worker.submit(opened, Verb.DECODE, z[0])
        while not decoder.batches:
            await asyncio.sleep(0)
        others = [worker.submit(opened, Verb.DECODE, each) for each in z[1:]]
        decoder.go.set()
        return list(await asyncio.gather(first, *others))

    answers = run(ask())
    assert max(decoder.batches) <= MAX_BATCH
    assert len(decoder.batches) == 1 + -(-(visitors - 1) * rows // MAX_BATCH)
    for each, answer in zip(z, answers, strict=True):
        expected = decoder.decode(torch.from_numpy(each)).permute(0, 2, 3, 1).numpy()
        assert np.abs(answer / 255 - expected).max() <= 1 / 255


def test_two_models_never_share_a_batch(checkpoints: Path) -> None:
    save_small_model(checkpoints / "other", seed=1)
    z = np.zeros((1, LATENT_DIM), "<f4")

    async def ask() -> list[np.ndarray]:
        worker = Worker()
        asked = [
            worker.submit(open_model(name), Verb.DECODE, z)
            for name in ("small", "other", "small", "other")
        ]
        return list(await asyncio.gather(*asked))

    small, other, small_again, other_again = run(ask())
    assert (small == small_again).all()
    assert (other == other_again).all()
    assert (small != other).any()


def test_a_visitor_who_left_holds_up_no_other(opened: OpenModel) -> None:
    z = np.zeros((1, LATENT_DIM), "<f4")

    async def ask() -> np.ndarray:
        worker = Worker()
        left = worker.submit(opened, Verb.DECODE, z)
        left.cancel()
        return await worker.submit(opened, Verb.DECODE, z)

    assert len(run(ask())) == 1


def test_an_event_loop_that_ends_meanwhile_takes_no_answer_from_another(
    opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, rows = asyncio.new_event_loop(), np.zeros((1, LATENT_DIM), "<f4")
    gone = Job(opened, Verb.DECODE, rows, "", ended.create_future(), 1)
    ended.close()
    monkeypatch.setattr(ended, "is_closed", lambda: False)  # as it was a moment ago

    async def story() -> None:
        waits = Job(opened, Verb.DECODE, rows, "", asyncio.get_running_loop().create_future(), 1)
        waits.answered.append(rows)
        live_worker._deliver([gone, waits])
        assert (await asyncio.wait_for(waits.answer, 60)).shape == rows.shape

    run(story())


def test_a_model_that_is_slow_holds_up_no_other(
    checkpoints: Path, opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still at its first row when the other has answered."""
    save_small_model(checkpoints / "slow", seed=1)
    slow = open_model("slow")
    monkeypatch.setattr(slow.model, "cost", ImageCost(SLOW + 1, SLOW + 1, 60))
    decoder = Decoder(slow)
    monkeypatch.setattr(slow.model, "decode", decoder)
    z = np.zeros((3, LATENT_DIM), "<f4")

    async def ask() -> None:
        worker = Worker()
        held = worker.submit(slow, Verb.DECODE, z)
        while not decoder.batches:
            await asyncio.sleep(0)
        assert len(await worker.submit(opened, Verb.DECODE, z)) == 3
        assert not held.done()
        decoder.go.set()
        assert len(await held) == 3

    run(ask())


def test_of_models_that_other_processes_compute_none_holds_up_another(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = []
    for seed in (1, 2):
        save_small_model(checkpoints / f"away{seed}", seed=seed)
        away.append(open_model(f"away{seed}"))
        monkeypatch.setattr(away[-1].model, "is_elsewhere", True)
        monkeypatch.setattr(away[-1].model, "cost", ImageCost(SLOW + 1, SLOW + 1, 60))
    decoder = Decoder(away[0])
    monkeypatch.setattr(away[0].model, "decode", decoder)
    z = np.zeros((3, LATENT_DIM), "<f4")

    async def ask() -> None:
        worker = Worker()
        held = [worker.submit(away[0], Verb.DECODE, z)]
        while not decoder.batches:
            await asyncio.sleep(0)
        held += [worker.submit(away[0], Verb.DECODE, z) for _ in range(3)]
        assert len(await worker.submit(away[1], Verb.DECODE, z)) == 3
        assert decoder.batches == [3]  # its own others wait for it, in one queue
        decoder.go.set()
        assert [len(answer) for answer in await asyncio.gather(*held)] == [3, 3, 3, 3]

    run(ask())


def test_what_costs_more_than_a_slice_goes_by_slices(
    opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_worker, "SLICE", 5 * row_cost(opened.model, Verb.DECODE))
    decoder = Decoder(opened)
    decoder.go.set()
    monkeypatch.setattr(opened.model, "decode", decoder)
    z = np.random.default_rng(0).normal(size=(12, LATENT_DIM)).astype("<f4")

    async def ask() -> np.ndarray:
        return await Worker().submit(opened, Verb.DECODE, z)

    answer = run(ask())
    assert decoder.batches == [5, 5, 2]
    expected = decoder.decode(torch.from_numpy(z)).permute(0, 2, 3, 1).numpy()
    assert np.abs(answer / 255 - expected).max() <= 1 / 255


def test_what_fails_in_its_second_slice_is_told_and_forgotten(
    opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_worker, "SLICE", row_cost(opened.model, Verb.DECODE))
    decode, seen = opened.model.decode, []

    def failing(z: torch.Tensor) -> torch.Tensor:
        seen.append(len(z))
        if len(seen) == 2:
            raise RuntimeError("broken")
        return decode(z)

    monkeypatch.setattr(opened.model, "decode", failing)
    z = np.zeros((4, LATENT_DIM), "<f4")

    async def ask() -> None:
        worker = Worker()
        with pytest.raises(RuntimeError, match="broken"):
            await worker.submit(opened, Verb.DECODE, z)
        assert len(await worker.submit(opened, Verb.DECODE, z[:1])) == 1

    run(ask())


def test_one_row_overtakes_many_of_its_own_address(job) -> None:
    queue = Queue()
    for _ in range(50):
        queue.add(job("school", 64, cost=live_worker.SLICE // 64))
    pointer = job("school", 1, cost=live_worker.SLICE // 64)
    turns = served(queue)
    for _ in range(20):
        next(turns)
    queue.add(pointer)
    assert next(turns)[0] is pointer


def test_many_of_one_row_do_not_starve_a_large_request(job) -> None:
    queue, cost = Queue(), live_worker.SLICE
    large = job("school", 4, cost)
    queue.add(large)
    turns = served(queue)
    for _ in range(10):
        queue.add(job("school", 1, cost))
        next(turns)
    assert large.done > 0


def test_addresses_are_given_equal_shares_however_much_they_ask(job) -> None:
    queue, cost = Queue(), live_worker.SLICE // 4
    for _ in range(100):
        queue.add(job("flood", 64, cost))
    for _ in range(10):
        queue.add(job("class", 8, cost))
    turns = served(queue)
    done = {"flood": 0, "class": 0}
    while done["class"] < 80:
        each, rows = next(turns)
        done[each.address] += rows
    assert done["flood"] <= 80 + 8


def test_who_comes_late_is_not_paid_for_the_time_away(job) -> None:
    queue, cost = Queue(), live_worker.SLICE
    for _ in range(30):
        queue.add(job("early", 1, cost))
    turns = served(queue)
    for _ in range(10):
        next(turns)
    for _ in range(10):
        queue.add(job("late", 1, cost))
    next_ones = [next(turns)[0].address for _ in range(10)]
    assert next_ones.count("early") in (4, 5, 6)


def test_jobs_of_visitors_who_left_are_not_computed(job) -> None:
    queue = Queue()
    gone, here = job("a", 64), job("b", 1)
    queue.add(gone)
    queue.add(here)
    gone.answer.cancel()
    assert [each for each, _ in served(queue)] == [here]
    assert queue.take() == []
