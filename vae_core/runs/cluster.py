"""The same runs on a Ray cluster: $ZSCAPE_CLUSTER names its address, requirements-cluster.txt Ray.

Nothing changes for those who start, watch, pause or stop a run: its folder stays here. For each
folder of runs there is one dispatcher, a process that the first run to start brings up and that
ends when there is nothing left to do. It takes the runs that wait and makes each an actor, which
the cluster puts where there are cores or a GPU for it. The actor does what a trainer here would do,
in a folder of its own, with the plugins of who started the run, and what changes there is carried
back (see `mirror`). The dispatcher itself loads none: it serves who comes later, with others. The
run of a node that was lost goes on elsewhere, from the last state that came back.

A paused run leaves the cluster, so that it holds nobody up, and goes on from its last state.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vae_core.errors import ConfigError, TrainingError, ZscapeError
from vae_core.files.atomic import write_bytes
from vae_core.plugins import load_plugins
from vae_core.runs.mirror import Outbox, Part, receive
from vae_core.runs.run import Run
from vae_core.runs.slots import Slot, waiting
from vae_core.runs.trainer import Turn, spawn, work

LOOK_SECONDS = 0.25
WORD_SECONDS = 1.0  # an actor with nothing new to tell still gives a sign of life that often
IDLE_SECONDS = 60.0
CONNECT_SECONDS = 10.0
SENT = ("config.json", "status.json", "images.npz", "state.safetensors", "events.jsonl")
MAX_LOSSES = 5  # a run that is lost so often, and never gave a word between, is not sent again

log = logging.getLogger("zscape.cluster")


class RemoteRun:
    """On a node of the cluster: a run in a folder there, trained in a thread."""

    def __init__(self, token: str, files: dict[str, bytes], plugins: dict[str, bytes]) -> None:
        """plugins: those of who started the run, by their files' names, see `Run.plugins`."""
        self.folder = tempfile.TemporaryDirectory(prefix="zscape-")
        self.plugins = [Path(self.folder.name) / "plugins" / name for name in plugins]
        for path in self.plugins:
            write_bytes(path, plugins[path.name])
        self.run = Run(Path(self.folder.name) / token)
        for name, data in files.items():
            write_bytes(self.run.path / name, data)
        self.outbox = Outbox(self.run.path)
        self.trainer = threading.Thread(target=self._train, daemon=True)
        self.trainer.start()

    def _train(self) -> None:
        try:
            load_plugins(self.plugins)
        except ConfigError as error:  # a package that is missing here may be there the next time
            Turn(self.run, lambda: False, None).say_failure(TrainingError(f"On a node: {error}"))
            return
        with suppress(ZscapeError):  # told in status.json
            work(self.run)

    def changes(self, stop: bool) -> tuple[list[Part], bool]:
        """What is new, and whether that was all; waits a moment for something new."""
        if stop:
            self.run.request_stop()
        patience = time.monotonic() + WORD_SECONDS
        while True:
            ended = not self.trainer.is_alive()
            parts = self.outbox.changes()
            if parts or ended or time.monotonic() > patience:
                return parts, ended
            time.sleep(LOOK_SECONDS)


class _Job:
    """One run of this machine on the cluster."""

    def __init__(self, run: Run, ray: Any) -> None:
        self.run, self.ray = run, ray
        self.hold = ExitStack()
        self.hold.enter_context(run.held())
        self.turn = Turn(run, lambda: False, Slot(run))
        self.actor: Any = None
        self.word: Any = None  # the answer that is awaited from the actor
        self.begun = self.ended = False
        self.losses = 0

    def begin(self) -> None:
        self.turn.reserve()
        self.submit()

    def submit(self) -> None:
        """Ask the cluster for a place, and for what it has to tell from there."""
        threads, on_gpu = self.run.needs()
        files = {name: self.run.path / name for name in SENT}
        self.turn.say("waiting")
        Slot(self.run).enter()
        self.actor = (
            self.ray.remote(RemoteRun)
            .options(num_cpus=threads, num_gpus=int(on_gpu))
            .remote(
                self.run.token,
                {n: f.read_bytes() for n, f in files.items() if f.exists()},
                self.run.plugins(),
            )
        )
        self.begun = False
        self.word = self.actor.changes.remote(False)

    def look(self) -> None:
        """See what is asked of the run here."""
        if not self.begun:
            (self.run.path / ".alive").touch()
        if self.run.stop_requested and not self.begun:
            self.withdraw()
            self.turn.say("stopped")
            self.end()
        elif self.run.pause_requested and self.actor is not None:
            self.withdraw()
            Slot(self.run).leave()
            self.turn.say("paused")
        elif self.actor is None and not self.run.pause_requested:
            self.submit()

    def hear(self) -> None:
        """Take what the actor tells."""
        try:
            parts, ended = self.ray.get(self.word)
        except self.ray.exceptions.RayError as error:
            self.lost(error)
            return
        if not self.begun:
            self.begun = True
            Slot(self.run).leave()
            # The figures of an earlier, shorter training are none of the model's that follows.
            (self.run.checkpoint / "metrics.json").unlink(missing_ok=True)
        self.losses = 0
        receive(self.run.path, parts)
        self.turn.said = ""  # the actor has spoken in between
        (self.run.path / ".alive").touch()
        if ended:
            self.withdraw()
            self.end()
        else:
            self.word = self.actor.changes.remote(self.run.stop_requested)

    def lost(self, error: Exception) -> None:
        """The node or the actor is gone: send the run again, from what came back so far."""
        log.warning("%s was lost: %s", self.run.token, error)
        self.withdraw()
        self.losses += 1
        if self.losses > MAX_LOSSES:
            raise TrainingError(
                f"The cluster lost this run {self.losses} times in a row: {_first_line(error)}"
            )
        self.turn.said = ""
        self.submit()

    def withdraw(self) -> None:
        """Take the run from the cluster."""
        if self.actor is not None:
            self.ray.kill(self.actor)
        self.actor = self.word = None
        self.begun = False

    def fail(self, error: BaseException) -> None:
        self.withdraw()
        self.turn.say_failure(error)
        self.end()

    def end(self) -> None:
        self.turn.end()
        self.hold.close()
        self.ended = True


class _Dispatcher:
    """Sends the runs below `root` to the cluster until there have been none for a while."""

    def __init__(self, root: Path, ray: Any) -> None:
        self.root, self.ray = root, ray
        self.jobs: dict[str, _Job] = {}

    def serve(self) -> None:
        idle_since = time.monotonic()
        while self.jobs or time.monotonic() - idle_since < IDLE_SECONDS:
            self.take_waiting()
            for job in self.jobs.values():
                self.guarded(job, job.look)
            words = {job.word: job for job in self.jobs.values() if job.word is not None}
            if words:
                told, _ = self.ray.wait(
                    list(words), num_returns=len(words), timeout=LOOK_SECONDS, fetch_local=False
                )
                for word in told:
                    self.guarded(words[word], words[word].hear)
            else:
                time.sleep(LOOK_SECONDS)
            if self.jobs:
                idle_since = time.monotonic()
            self.jobs = {token: job for token, job in self.jobs.items() if not job.ended}

    def take_waiting(self) -> None:
        for run in waiting(self.root):
            if run.token not in self.jobs and run.status().state == "waiting":
                with suppress(TrainingError):  # somebody else trains it
                    job = self.jobs[run.token] = _Job(run, self.ray)
                    self.guarded(job, job.begin)

    def guarded(self, job: _Job, step: Any) -> None:
        """One run's failure is its own."""
        try:
            step()
        except Exception as error:
            log.exception("%s failed", job.run.token)
            job.fail(error)


def dispatch_soon(root: Path) -> None:
    """See to it that a dispatcher serves `root`, after a run has entered its queue."""
    lock = _lock(root)
    with suppress(Timeout):
        lock.acquire(timeout=0)
        lock.release()
        code = "import sys; from vae_core.runs.cluster import dispatch; dispatch(sys.argv[1])"
        spawn(["-c", code, str(root)], root / ".slots" / "dispatcher.log")


def dispatch(root: str | Path) -> None:
    """Serve `root` in this process, unless another does so already."""
    root = Path(root)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    while True:
        try:
            with _lock(root).acquire(timeout=0):
                _serve(root)
        except Timeout:
            return
        # Who came after the last look found the lock held, and relies on this one.
        if not any(run.status().state == "waiting" for run in waiting(root)):
            return


def _serve(root: Path) -> None:
    try:
        ray = _connected(os.environ["ZSCAPE_CLUSTER"])
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        _fail_waiting(root, TrainingError(f"The cluster cannot be reached: {_first_line(error)}"))
        return
    try:
        _Dispatcher(root, ray).serve()
    finally:
        ray.shutdown()


def _fail_waiting(root: Path, failure: ZscapeError) -> None:
    log.error("%s", failure)
    for run in waiting(root):
        with suppress(TrainingError), run.held():
            turn = Turn(run, lambda: False, Slot(run))
            turn.say_failure(failure)
            turn.end()


def _connected(address: str) -> Any:
    """Ray, connected to the cluster at `address`."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():  # Ray itself would try for minutes
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    return ray


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _lock(root: Path) -> FileLock:
    return FileLock(root / ".slots" / "dispatcher")
