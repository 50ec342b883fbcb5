"""A trainer's process: how it is begun, and what it does from its first to its last.

It waits for its turn (see `slots`) before it imports torch, so that one that waits costs little
memory.
"""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vae_core.errors import (
    ConfigError,
    DivergenceError,
    TrainingError,
    ZscapeError,
)
from vae_core.files.atomic import write_bytes
from vae_core.runs.run import Run, Status
from vae_core.runs.slots import Slot, run_seconds

if TYPE_CHECKING:
    from vae_core.training.progress import Progress


ALIVE_SECONDS = 1.0  # between two signs of life
PAUSE_SECONDS = 0.2  # between two looks whether a pause has ended
# On Windows: no window, and no Ctrl-C that is meant for who started it.
_DETACHED: int = sum(
    getattr(subprocess, name, 0) for name in ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW")
)
RESERVE_BYTES = 64 << 10  # given up on a full disk, so that the failure can still be written


def spawn(arguments: list[str], log: Path, **variables: str) -> None:
    """Start Python with these arguments in a session of its own: it outlives who started it."""
    library = Path(__file__).resolve().parents[2]
    # An empty entry would be the working folder, whose files are to take no module's place.
    path = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    environment = os.environ | {
        # The folder stays as it is, so that relative paths keep their meaning.
        "PYTHONPATH": os.pathsep.join([str(library), *path]),
        "OMP_WAIT_POLICY": "PASSIVE",  # idle threads sleep, so the web server keeps its core
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    with log.open("ab") as stream:
        subprocess.Popen(
            [sys.executable, "-P", *arguments],
            env=environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL,
            start_new_session=True, creationflags=_DETACHED,
        )  # fmt: skip


def work(
    run: Run,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    *,
    queued: bool = False,
) -> None:
    """Train `run` in this process to its end, from its last saved state if it has one.

    The folder then holds a checkpoint, evaluated on the whole test set. A failure is written to
    status.json as a sentence and raised again. queued: wait for a slot first.
    """
    with run.held(), _signs_of_life(run):
        turn = Turn(run, should_stop, Slot(run) if queued else None)
        try:
            turn.reserve()
            if queued and not turn.may_train():
                stopped = True
            else:
                turn.say("running")
                from vae_core.runs.recording import learn  # torch, once there is a slot

                stopped = learn(run, on_progress, turn.may_train)
            turn.say("stopped" if stopped else "finished", turn.why_over if stopped else "")
        except BaseException as error:
            turn.say_failure(error)
            if isinstance(error, OSError):
                raise TrainingError(_sentence(error)) from error
            raise
        finally:
            turn.end()


class Turn:
    """What others ask of a trainer, and what it tells them, between two of its reports."""

    def __init__(self, run: Run, should_stop: Callable[[], bool], slot: Slot | None) -> None:
        self.run, self.should_stop, self.slot = run, should_stop, slot
        self.started = time.time()
        self.said = self.why_over = ""
        self.may_last = run_seconds() if slot else math.inf
        self.trained, self.since = 0.0, time.monotonic()  # seconds in its slot until `since`

    def reserve(self) -> None:
        """Take the space that a word of failure needs, before the disk may be full."""
        write_bytes(self.run.path / ".reserve", os.urandom(RESERVE_BYTES))

    def may_train(self) -> bool:
        """Wait while the run is paused or has no slot; False when it was asked to stop."""
        while not (self.run.stop_requested or self.should_stop()):
            if self.run.pause_requested:
                self.say("paused")
                if self.slot:
                    self.slot.give_back()
                time.sleep(PAUSE_SECONDS)
            elif self.slot is None or self.slot.held:
                begins = self.said != "running"
                self.say("running")
                if begins or self.trained + time.monotonic() - self.since < self.may_last:
                    return True
                self.why_over = (
                    f"It has trained for {self.may_last / 3600:g} h, as long as a run may at a "
                    "time; what it learned is kept. Resume it to go on when it is its turn again."
                )
                return False
            else:
                self.slot.enter()  # first: who reads that it waits may ask for its place
                self.say("waiting")
                if not self.slot.try_take():
                    time.sleep(self.slot.look_seconds)
        return False

    def say(self, state: str, message: str = "") -> None:
        if state != self.said:
            self.run.write_status(Status(state, message, self.started, begun=True))
            self.trained += time.monotonic() - self.since if self.said == "running" else 0.0
            self.said, self.since = state, time.monotonic()

    def say_failure(self, error: BaseException) -> None:
        (self.run.path / ".reserve").unlink(missing_ok=True)
        lasting = isinstance(error, (ConfigError, DivergenceError))
        status = Status("failed", _sentence(error), self.started, begun=True, lasting=lasting)
        # Where not even that can be written, `Run.status` says what can be seen from outside.
        with suppress(OSError):
            if self.run.path.exists():
                self.run.write_status(status)

    def end(self) -> None:
        (self.run.path / ".reserve").unlink(missing_ok=True)
        self.run.forget_requests()
        if self.slot:
            self.slot.give_back()


def _sentence(error: BaseException) -> str:
    """What ended a run, and what to do."""
    if isinstance(error, ZscapeError):
        return str(error)
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "free some space" if full else "see to the folder"
        reason = error.strerror or type(error).__name__
        return f"The run's folder could not be written: {reason}; {remedy}, then resume the run."
    if isinstance(error, KeyboardInterrupt):
        return "The training was interrupted; resume the run."
    if isinstance(error, MemoryError):
        return "The machine has too little memory for this run; choose a smaller network or batch."
    first_line = (str(error).strip().splitlines() or [""])[0]
    return f"The training broke off with {type(error).__name__}: {first_line[:200]}"


@contextmanager
def _signs_of_life(run: Run) -> Iterator[None]:
    """Touch a file each second, whatever the process is busy with: a suspended one cannot."""
    ended = threading.Event()

    def touch() -> None:
        with suppress(OSError):  # the folder may be gone, or the disk full: not this thread's word
            (run.path / ".alive").touch()

    def live() -> None:
        while not ended.wait(ALIVE_SECONDS):
            touch()

    touch()
    thread = threading.Thread(target=live, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
