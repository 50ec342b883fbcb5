"""The arithmetic of the channel: a few threads, many visitors' requests at a time, each its share.

Requests that wait for the same model and the same verb are run in one batch: a busy class costs
little more than one visitor. A batch is a slice of some milliseconds; what asks for more goes on in
the next ones. Whose turn it is goes by what each address was given, and within an address by what a
request costs: a pointer's one row overtakes sixty-four. Models that take long for one row have a
thread of their own, which gives way to all others, so that they hold up nobody but one another.
What another process computes is only waited for, by one of AWAY threads for each such model. The
event loop never computes, and no model is loaded here.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from live.models import OpenModel

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.models.latent_model import LatentModel

MAX_BATCH = 256  # rows
SLICE = 96_000_000  # multiply-adds of a batch: some 5 ms of a core
SLOW = SLICE // 6  # of one row: a model for the other thread
FEW = 8  # rows at most of a request that goes before larger ones of its address …
HEAD_START = 64  # … by the time that so many rows of each would take: no larger one waits for ever
NICENESS = 10  # of that thread
AWAY = 4  # threads that wait for other processes; no more of these are alive
GATHER_SECONDS = 0.001  # that a batch waits for as many requests as the one before had
SWITCH_SECONDS = 0.0001  # a model's layers each wait so long for Python's lock while pages compute

Array = npt.NDArray[Any]


class Verb(IntEnum):
    """What the threads compute; `live.decode` lays out the bytes."""

    DECODE = 1
    ENCODE = 2
    RETURN = 3
    MAPS = 5  # 4 and 6 need no model


ENCODING = (Verb.ENCODE, Verb.RETURN)


@dataclass(eq=False)
class Job:
    """`rows` of one request from an `address`, and where its answer goes.

    row_cost: multiply-adds; due: the turn within the address; answered: parts of the answer so far.
    """

    opened: OpenModel
    verb: Verb
    rows: Array
    address: str
    answer: asyncio.Future[Array]
    row_cost: int
    due: float = 0.0
    done: int = 0
    answered: list[Array] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.rows) - self.done


Batch = list[tuple[Job, int]]  # each with how many of its rows


class Queue:
    """Jobs that wait for one thread, and the order of their turns.

    Fair queueing (Demers, Keshav & Shenker 1989): an address's account is the work done for it, and
    the address with the smallest is served. One that comes anew begins where the others are. Within
    an address its jobs come in the order in which they would end if all were computed side by side,
    those of a FEW rows earlier.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._accounts: dict[str, float] = {}  # of the addresses whose jobs wait
        self._clocks: dict[str, float] = {}  # of an address: the work done for each of its jobs
        self._now = 0.0

    def __len__(self) -> int:
        return len(self.jobs)

    def add(self, job: Job) -> None:
        self._accounts.setdefault(job.address, self._now)
        rows = len(job.rows) - HEAD_START * (len(job.rows) <= FEW)
        job.due = self._clocks.setdefault(job.address, 0.0) + job.row_cost * rows
        self.jobs.append(job)

    def take(self) -> Batch:
        """The job whose turn it is and others of the same model and verb, a slice together.

        Nothing where no job waits; those whose visitors have gone are forgotten.
        """
        self._keep([job for job in self.jobs if not job.answer.done()])
        if not self.jobs:
            return []
        in_turn = sorted(self.jobs, key=lambda job: (self._accounts[job.address], job.due))
        first, batch = in_turn[0], []
        self._now, room = self._accounts[first.address], _room(first)
        waiting = Counter(job.address for job in in_turn)
        for job in in_turn:
            if room and job.opened is first.opened and job.verb is first.verb:
                rows = min(job.left, room)
                room -= rows
                batch.append((job, rows))
                self._accounts[job.address] += rows * job.row_cost
                self._clocks[job.address] += rows * job.row_cost / waiting[job.address]
        ending = {job for job, rows in batch if rows == job.left}
        self._keep([job for job in self.jobs if job not in ending])
        return batch

    def _keep(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        for address in self._accounts.keys() - {job.address for job in jobs}:
            del self._accounts[address], self._clocks[address]


def _room(job: Job) -> int:
    """How many rows of its kind are a slice; one at least, whatever it costs."""
    by_work = SLICE // max(1, job.row_cost)
    return max(1, min(MAX_BATCH, by_work, job.opened.model.images_at_once))


class Worker:
    """The threads and their queues; started by their first job, they end with the process."""

    def __init__(self) -> None:
        self._quick, self._slow = _Lane("decode"), _Lane("decode-slow", NICENESS)
        self._away = [_Lane(f"decode-away-{k + 1}", NICENESS) for k in range(AWAY)]

    def submit(
        self, opened: OpenModel, verb: Verb, rows: Array, address: str = ""
    ) -> asyncio.Future[Array]:
        """Queue `rows`; the future gives the answer's."""
        answer: asyncio.Future[Array] = asyncio.get_running_loop().create_future()
        cost = row_cost(opened.model, verb)
        self._lane(opened, cost).put(Job(opened, verb, rows, address, answer, cost))
        return answer

    def _lane(self, opened: OpenModel, cost: int) -> _Lane:
        if opened.model.is_elsewhere:
            return min(self._away, key=lambda lane: lane.load_for(opened))
        return self._slow if cost > SLOW else self._quick


def row_cost(model: LatentModel, verb: Verb) -> int:
    """Multiply-adds of one row."""
    encodes = verb in ENCODING
    return model.cost.encode * encodes + model.cost.decode * (verb is not Verb.ENCODE)


class _Lane:
    """A thread and its queue."""

    def __init__(self, name: str, niceness: int = 0) -> None:
        self._name, self._niceness = name, niceness
        self._queue = Queue()
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None
        self._batch: Batch = []  # in work

    def load_for(self, opened: OpenModel) -> tuple[bool, int]:
        """Least where a job of that model goes: beside its own, else where it waits least."""
        with self._ready:
            jobs = [*self._queue.jobs, *(job for job, _ in self._batch)]
        return not any(job.opened is opened for job in jobs), sum(job.row_cost for job in jobs)

    def put(self, job: Job) -> None:
        with self._ready:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._queue.add(job)
            self._ready.notify()

    def _run(self) -> None:
        import torch

        # Batches are small: handing them to a second thread costs more than it saves.
        torch.set_num_threads(1)
        sys.setswitchinterval(SWITCH_SECONDS)
        if self._niceness and sys.platform == "linux":  # elsewhere threads have no niceness
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        batch: Batch = []
        while True:
            with self._ready:
                self._batch = []
                # Those just answered ask again: one batch of them costs less than two of some.
                self._ready.wait_for(lambda: len(self._queue) >= len(batch), GATHER_SECONDS)
                while not (batch := self._queue.take()):
                    self._ready.wait()
                self._batch = batch
            try:
                _perform(batch)
                _deliver([job for job, _ in batch if not job.left])
            except Exception as error:  # noqa: BLE001 — reaches each waiting request, which reports it
                _deliver([job for job, _ in batch], error)


def _perform(batch: Batch) -> None:
    """Answer some rows of each job of a batch."""
    job = batch[0][0]
    rows = np.concatenate([job.rows[job.done : job.done + count] for job, count in batch])
    answer = computed(job.opened.model, job.verb, rows)
    start = 0
    for job, count in batch:
        job.answered.append(answer[start : start + count])
        job.done += count
        start += count


def computed(model: LatentModel, verb: Verb, rows: Array) -> Array:
    """The answer's rows, as `live.decode` lays them out, of a model on the CPU."""
    import torch

    with torch.inference_mode():
        if verb is Verb.DECODE:
            return _pixels(model.decode(torch.from_numpy(rows)))
        if verb is Verb.RETURN:
            # Far out an image overflows; what is no brightness is black, as it is shown.
            return _posterior(*model.encode(model.decode(torch.from_numpy(rows)).nan_to_num(0)))
        if verb is Verb.MAPS:
            return np.stack([_maps(model, z) for z in torch.from_numpy(rows)])
        x = torch.from_numpy(rows).permute(0, 3, 1, 2) / 255
        return _posterior(*model.encode(x))


def _pixels(images: Tensor) -> Array:
    """Mean images (n, c, h, w) in [0, 1] -> bytes (n, h, w, c)."""
    import torch

    return images.mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _maps(model: LatentModel, z: Tensor) -> Array:
    """What leaves the decoder's layers at z (d,), as it is shown, the image left out: int8."""
    import torch

    from vae_core.models.feature_maps import feature_maps

    return torch.cat([layer.shares.flatten() for layer in feature_maps(model, z)[:-1]]).numpy()


def _posterior(mu: Tensor, logvar: Tensor) -> Array:
    """-> (n, 2, d) float32."""
    import torch

    return torch.stack([mu, logvar], dim=1).numpy()


def _deliver(jobs: list[Job], error: Exception | None = None) -> None:
    """Hand the answers to the event loops that wait for them: one wake-up for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.answer.get_loop(), []).append(job)
    for loop, its in by_loop.items():
        with suppress(RuntimeError):  # it is closed, and nobody waits there any more
            loop.call_soon_threadsafe(_resolve, its, error)


def _resolve(jobs: list[Job], error: Exception | None) -> None:
    for job in jobs:
        if job.answer.done():  # its visitor has gone
            continue
        if error is not None:
            job.answer.set_exception(error)
        else:
            job.answer.set_result(np.concatenate(job.answered))
