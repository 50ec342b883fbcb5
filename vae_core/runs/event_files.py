"""TensorBoard's event files: the curves of a run, for those who live in TensorBoard.

Two folders, train/ and test/, hold the same names, so that TensorBoard draws both in one chart.
Written by tensorboardX without its threads: a full disk is an OSError here, not a silent loss.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from vae_core.training.progress import Means, Progress


class EventFiles:
    """Scalars at each epoch's end, the epoch being the step."""

    def __init__(self, folder: Path, first_epoch: int) -> None:
        """first_epoch: what earlier files say of this epoch and later ones is taken back."""
        self._writers: dict[str, EventsWriter] = {}
        for split in ("train", "test"):
            (folder / split).mkdir(parents=True, exist_ok=True)
            suffix = f".{time.time_ns()}"  # two starts within a second are two files
            writer = EventsWriter(str(folder / split / "events"), suffix)
            restart = SessionLog(status=SessionLog.START)
            writer.write_event(Event(wall_time=time.time(), step=first_epoch, session_log=restart))
            writer.flush()
            self._writers[split] = writer

    def add(self, progress: Progress) -> None:
        """Write the figures of an epoch that has ended."""
        speed = {"images_per_second": progress.images_per_second}
        self._write("train", progress.epoch, _scalars(progress.train) | speed)
        if progress.test is not None:
            self._write("test", progress.epoch, _scalars(progress.test))

    def __enter__(self) -> EventFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def _write(self, split: str, epoch: int, scalars: Mapping[str, float]) -> None:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        event = Event(wall_time=time.time(), step=epoch, summary=Summary(value=values))
        self._writers[split].write_event(event)
        self._writers[split].flush()


def _scalars(means: Means) -> dict[str, float]:
    """In nats per image; for a Bernoulli likelihood -reconstruction is the cross-entropy."""
    scalars = {
        "nats/cross_entropy": means.cross_entropy,
        "nats/kl": means.kl,
        "nats/cross_entropy_plus_kl": None if means.elbo is None else -means.elbo,
        "nats/loss": means.loss,
        **{f"parts/{name}": part for name, part in means.parts.items()},
        **{f"kl_by_dimension/{j}": kl for j, kl in enumerate(means.kl_per_dim, start=1)},
    }
    return {tag: value for tag, value in scalars.items() if value is not None}
