"""One thread that does all the arithmetic of the channel, many visitors' requests at a time.

Requests that wait for the same model and the same verb are run in one batch: a busy class costs
little more than one visitor. The event loop never computes, so a slow model delays only pixels.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from live.models import OpenModel, open_model
from vae_core.errors import ZscapeError

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.models.latent_model import LatentModel

MAX_BATCH = 256

Array = npt.NDArray[Any]


class Verb(IntEnum):
    """What the thread computes; `live.decode` lays out the bytes."""

    DECODE = 1
    ENCODE = 2
    RETURN = 3
    MAPS = 5  # 4 and 6 need no model


ENCODING = (Verb.ENCODE, Verb.RETURN)


class ModelReplaced(ZscapeError):
    """The model behind a connection now has other dimensions than it was opened with."""


@dataclass(frozen=True)
class Job:
    """`rows` of one request, and where its answer goes."""

    model_id: str
    verb: Verb
    dimensions: tuple[int, ...]
    rows: Array
    answer: asyncio.Future[Array]

    @property
    def kind(self) -> tuple[str, Verb, tuple[int, ...]]:
        return self.model_id, self.verb, self.dimensions


def dimensions(opened: OpenModel) -> tuple[int, ...]:
    """(latent_dim, channels, height, width)."""
    return (opened.model.latent_dim, *opened.model.image_shape)


class Worker:
    """The thread and its queue; started by the first job, it ends with the process."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(
        self, model_id: str, verb: Verb, dims: tuple[int, ...], rows: Array
    ) -> asyncio.Future[Array]:
        """Queue `rows`; the future gives the answer's."""
        job = Job(model_id, verb, dims, rows, asyncio.get_running_loop().create_future())
        with self._ready:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
                self._thread.start()
            self._jobs.append(job)
            self._ready.notify()
        return job.answer

    def _run(self) -> None:
        import torch

        # Batches are small: handing them to a second thread costs more than it saves.
        torch.set_num_threads(1)
        while True:
            with self._ready:
                while not self._jobs:
                    self._ready.wait()
                batch = self._take_alike()
            try:
                answers: list[Array | Exception] = list(_perform(batch))
            except Exception as error:  # noqa: BLE001 — reaches each waiting request, which reports it
                answers = [error] * len(batch)
            _deliver(batch, answers)

    def _take_alike(self) -> list[Job]:
        """The oldest job and those of its kind, MAX_BATCH rows at most; the others wait."""
        kind, room = self._jobs[0].kind, MAX_BATCH
        batch, rest = [], []
        for job in self._jobs:
            if job.kind == kind and len(job.rows) <= room:
                batch.append(job)
                room -= len(job.rows)
            else:
                rest.append(job)
        self._jobs = deque(rest)
        return batch


def _perform(batch: list[Job]) -> Iterator[Array]:
    model_id, verb, dims = batch[0].kind
    opened = open_model(model_id)
    if dimensions(opened) != dims:
        raise ModelReplaced(f"{model_id!r} was replaced by a model of other dimensions.")
    rows = batch[0].rows if len(batch) == 1 else np.concatenate([job.rows for job in batch])
    answer = _answer(opened, verb, rows)
    start = 0
    for job in batch:
        yield answer[start : start + len(job.rows)]
        start += len(job.rows)


def _answer(opened: OpenModel, verb: Verb, rows: Array) -> Array:
    import torch

    model = opened.model
    with torch.inference_mode():
        if verb is Verb.DECODE:
            return _pixels(model.decode(torch.from_numpy(rows)))
        if verb is Verb.RETURN:
            return _posterior(*model.encode(model.decode(torch.from_numpy(rows))))
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


def _deliver(batch: list[Job], answers: list[Array | Exception]) -> None:
    """Hand the answers to the event loops that wait for them: one wake-up for each loop."""
    by_loop: dict[
        asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Array], Array | Exception]]
    ] = {}
    for job, answer in zip(batch, answers, strict=True):
        by_loop.setdefault(job.answer.get_loop(), []).append((job.answer, answer))
    for loop, pairs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: list[tuple[asyncio.Future[Array], Array | Exception]]) -> None:
    for future, answer in pairs:
        if future.done():  # its visitor has gone
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
