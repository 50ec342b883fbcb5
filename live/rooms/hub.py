"""The rooms of this server, and where those of the others are.

A room lives in the memory of the server at which it was opened. A file among what the servers share
bears its code and says where that server is asked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from live.rooms.room import MAX_SECONDS, Room
from live.servers import shared_folder
from vae_core.errors import ConfigError

LETTERS = "BCDFGHJKMNPQRTVWXY3479"  # none is taken for another, and they make no words
LENGTH = 6  # of a code: who tries ten a second as long as a room may stand finds one of 260
CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")
MAX_ROOMS = 128  # at a server
MAX_ROOMS_EACH = 32  # of an address, which may be a school's
LOOK_SECONDS = 30.0  # how often it is looked for rooms that are over

log = logging.getLogger("zscape.live")


@dataclass(frozen=True)
class Place:
    """Where a server is asked: host and port, and whether by TLS."""

    host: str
    port: int
    tls: bool = False


class Hub:
    """Opens, finds and ends rooms, from any thread; a room itself is its event loop's alone."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None

    def open(self, owner: str, address: str, at: Place) -> Room:
        """A new room, in the place of one that the same visitor has here; ConfigError.

        at: where other servers reach this one.
        """
        self._end_all(lambda room: room.owner == owner or room.is_over)
        with self._lock:
            of_address = sum(room.address == address for room in self._rooms.values())
            if len(self._rooms) >= MAX_ROOMS or of_address >= MAX_ROOMS_EACH:
                raise ConfigError("As many rooms are open here as may be; try again later.")
            try:
                room = Room(_new_code(at), owner, address)
            except OSError as error:
                log.warning("No room could be opened: %s", error.strerror)
                raise ConfigError(
                    "The server's disk takes no more at present; try again later."
                ) from error
            self._rooms[room.code] = room
        return room

    def find(self, code: str) -> Room | None:
        """The room of this code at this server, for whoever runs on its event loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._looking is None or self._looking.done():
            self._loop, self._looking = loop, loop.create_task(self._look())
        room = self._rooms.get(code)
        return None if room is None or room.is_over else room

    def stands(self, code: str, at: Place) -> bool:
        """Whether a room of this code is open, here, `at`, or for all that is known elsewhere."""
        place = where(code)
        if place != at:
            return place is not None
        room = self._rooms.get(code)
        return room is not None and not room.is_over

    def shown(self, code: str) -> str:
        """The address in its leader's view, "/manifold?side=9"; empty where none is known here."""
        room = self._rooms.get(code)
        said = None if room is None or room.is_over else room.said.get("view")
        return "" if said is None else str(json.loads(said)["view"])

    def remember(self, room: Room, who: str) -> None:
        """This visitor has come into a room of this server; the others may know."""
        if room.remember(who):
            with suppress(OSError), _known(room.code).open("a", encoding="ascii") as file:
                file.write(f"{who}\n")

    def knows(self, code: str, who: str) -> bool:
        """Whether this visitor has been in a room of this code, here or at another server."""
        room = self._rooms.get(code)
        if room is not None:
            return room.knows(who)
        if not who or not CODE.fullmatch(code):
            return False
        try:
            return who in _known(code).read_text("ascii").split()
        except OSError:
            return False

    def end(self, code: str) -> None:
        """End this room."""
        self._end_all(lambda room: room.code == code)

    async def _look(self) -> None:
        while self._rooms:
            await asyncio.sleep(LOOK_SECONDS)
            self._end_all(lambda room: room.is_over)

    def _end_all(self, which: Callable[[Room], bool]) -> None:
        with self._lock:
            ended = [room for room in self._rooms.values() if which(room)]
            for room in ended:
                del self._rooms[room.code]
        for room in ended:
            with suppress(OSError):
                (_folder() / room.code).unlink(missing_ok=True)
                _known(room.code).unlink(missing_ok=True)
            self._end_in_loop(room)

    def _end_in_loop(self, room: Room) -> None:
        """Where its sockets live; here, where nobody has come or their event loop is closed."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(room.end)
                return
        room.end()


def where(code: str) -> Place | None:
    """The server at which a room of this code was opened; None where none is known."""
    if not CODE.fullmatch(code):
        return None
    try:
        file = _folder() / code
        if file.stat().st_mtime < time.time() - MAX_SECONDS:
            return None
        return Place(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _known(code: str) -> Path:
    """The file of the visitors who have been in a room, each a line."""
    return _folder() / f"{code}-known"


def _folder() -> Path:
    return shared_folder() / "rooms"


def _new_code(at: Place) -> str:
    """A code that no other room has, at any server."""
    _folder().mkdir(parents=True, exist_ok=True)
    for old in _folder().iterdir():
        with suppress(OSError):
            if old.stat().st_mtime < time.time() - MAX_SECONDS:
                old.unlink()
    while True:
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        try:
            new = os.open(_folder() / code, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        try:
            with open(new, "w", encoding="utf-8") as file:
                json.dump(asdict(at), file)
        except OSError:
            (_folder() / code).unlink(missing_ok=True)
            raise
        return code


hub = Hub()
