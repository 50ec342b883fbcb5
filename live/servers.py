"""What several servers of one folder of runs share: a folder in it, and what is counted there."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.places import runs_root

SERVERS = 64
PLACES = 4096  # addresses are told apart by so many hashes; the first counts them all

log = logging.getLogger("zscape.live")


def shared_folder() -> Path:
    """Where servers that share $ZSCAPE_RUNS meet; one of this process's own where it cannot be."""
    return _made(runs_root())


@cache
def _made(runs: Path) -> Path:
    folder = runs / ".servers"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        log.warning("Nothing can be kept in %s: %s", runs, error.strerror)
    own = tempfile.mkdtemp(prefix="zscape-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


class NotHere:
    """ASGI middleware: an upload for a session that this server has not is answered by 404.

    Streamlit says 400; on 404 a proxy may ask the next server.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_404(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 400:
                message = {**message, "status": 404}
            await send(message)

        upload = scope["type"] == "http" and "/_stcore/upload_file/" in scope["path"]
        await self.app(scope, receive, send_404 if upload else send)


def _allocate(file: Path, size: int) -> None:
    """Have the disk hold all of the file: a page in memory that it has no place for ends a process.

    What is in it stays.
    """
    opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened, 0, size)
        else:
            os.truncate(opened, size)
    finally:
        os.close(opened)


class Full(Exception):
    """As many are open as there may be."""


class Counts:
    """How many of a kind are open, by address, over all servers that share the folder.

    A file of a row for each server, mapped into the memory of all. Each writes its own row alone,
    and holds the row's lock: a row whose lock is free counts nothing, its server has died. Only
    one thread may count. Servers on several machines each count their own.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder: Path | None = None

    def __len__(self) -> int:
        """How many are open at this server."""
        self._open()
        return int(self._row[0])

    @contextmanager
    def one_more(self, address: str, most_each: int, most: int | None = None) -> Iterator[None]:
        """Count one for `address`; Full where that is more than there may be."""
        self._open()
        row, places = self._row, [0, 1 + zlib.crc32(address.encode()) % (PLACES - 1)]
        # Counted first, then looked at: of two that come at once, none is overlooked.
        row[places] += 1
        try:
            if not self._fits(places, most_each, most):
                self._forget_the_dead()
                if not self._fits(places, most_each, most):
                    raise Full
            yield
        finally:
            row[places] -= 1

    def _fits(self, places: list[int], most_each: int, most: int | None) -> bool:
        total, of_address = self._table[:, places].sum(0)
        return bool(of_address <= most_each and (most is None or total <= most))

    def _open(self) -> None:
        if (folder := shared_folder()) == self._folder:
            return
        self._folder = folder
        try:
            file = folder / self.name
            _allocate(file, SERVERS * PLACES * 4)
            self._table: npt.NDArray[Any] = np.memmap(file, np.uint32, "r+", 0, (SERVERS, PLACES))
            self._lock, self._row = next(self._free_rows(self._table))
        except (OSError, NotImplementedError, StopIteration) as error:
            log.warning("Other servers' visitors are not counted: %s", error)
            self._table = np.zeros((1, PLACES), np.uint32)
            self._row = self._table[0]

    def _free_rows(self, rows: npt.NDArray[Any]) -> Iterator[tuple[FileLock, npt.NDArray[Any]]]:
        """Those of `rows` that no living server has, emptied, each with its lock, which is held."""
        for number, row in enumerate(rows):
            lock = FileLock(f"{self._folder}/{self.name}-{number}.lock", thread_local=False)
            with suppress(Timeout):
                lock.acquire(timeout=0)
                row[:] = 0
                yield lock, row

    def _forget_the_dead(self) -> None:
        used = np.flatnonzero(self._table[:, 0])
        for lock, _ in self._free_rows(self._table[: used.max() + 1]):
            lock.release()
