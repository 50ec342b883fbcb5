"""The socket of a room: GET /live/room?code=K7QXBC, upgraded, from the app's own origin only.

The client's first message says what it is, `{"lead": secret}` or `{"follow": true}`, false where it
only looks around; what is said from then on stands in `messages`. A follower is sent the leader's
`view`, `point`, `selected` and `film`; the leader how many follow and how many look around,
`{"followers": [23, 2]}`, and what they chose at a step of a lesson,
`{"answers": {"lesson": …, "step": …, "counts": {choice: how many}}}`. `Close` says why one ends.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from live.door.gate import OTHER_SITE, same_origin
from live.door.tries import WrongTries
from live.peers import address_of
from live.rooms.hub import hub, where
from live.rooms.messages import AT_FIRST, OF_FOLLOWER, OF_LEADER, Unfit, read
from live.rooms.relay import PATH, first_of, relay
from live.rooms.room import MAX_FOLLOWERS, Close, End, Room, Slot
from live.servers import Counts, Full
from live.visitors import visitor_of

MAX_SOCKETS_EACH = MAX_FOLLOWERS + 100  # of an address, which may be a school's
MAX_SOCKETS = 2 * MAX_SOCKETS_EACH  # over all rooms
WRONG, WRONG_SECONDS = 20, 600.0  # codes without a room that a browser may try within so long
FIRST_SECONDS = 10.0  # until a client has said what it is
LEADERS_PACE = 120.0, 240.0  # messages a second, and at once
LONG = 2_048  # characters of a text that count as one more
FOLLOWERS_PACE = 2.0, 20.0
MOST_SENT = 10_000  # texts a second to all who take part: so many cost half a core

log = logging.getLogger("zscape.live")
wrong = WrongTries(WRONG, WRONG_SECONDS)
_sockets = Counts("in-rooms")


class Pace:
    """Lets `rate` messages pass a second, and `burst` at once; one may count as several."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._left, self._at = burst, time.monotonic()

    def one_more(self, counts: float = 1.0) -> float:
        """Seconds until it may pass, 0 at best."""
        now = time.monotonic()
        self._left = min(self.burst, self._left + self.rate * (now - self._at)) - counts
        self._at = now
        return max(0.0, -self._left / self.rate)


async def _socket(websocket: WebSocket) -> None:
    if not same_origin(websocket.headers.get("origin"), websocket.headers.get("host")):
        await websocket.send_denial_response(PlainTextResponse(OTHER_SITE, 403))
        return
    await websocket.accept()  # a browser is told why only by how a socket is closed
    try:
        await _serve(websocket)
    except WebSocketDisconnect:
        pass  # the visitor left
    except End as end:
        if end.code is not Close.NO_ROOM:
            log.warning("a room's socket was closed (%s): %s", end.code.name, end.reason)
        with suppress(RuntimeError, WebSocketDisconnect):  # the visitor may have closed it already
            await websocket.close(end.code, end.reason)


async def _serve(websocket: WebSocket) -> None:
    address, who = address_of(websocket), visitor_of(websocket.cookies)
    code = websocket.query_params.get("code", "").upper()
    room = hub.find(code)
    if wrong.too_many(address, who) and not hub.knows(code, who):  # who was in may come back
        raise End(Close.TOO_MANY, "Too many wrong codes; try again later.")
    if room is None:
        relayed = "relayed" in websocket.query_params
        there = None if relayed else await asyncio.to_thread(where, code)
        if there is None:
            wrong.note(address, who, code)
            raise End(Close.NO_ROOM, "There is no such room, or it has ended.")
        await relay(websocket, code, there)
        return
    try:
        with _sockets.one_more(address, MAX_SOCKETS_EACH, MAX_SOCKETS):
            await _take_part(websocket, room)
    except Full:
        raise End(Close.TOO_MANY, "Too many are connected; try again later.") from None


async def _take_part(websocket: WebSocket, room: Room) -> None:
    try:
        first = await asyncio.wait_for(websocket.receive_text(), FIRST_SECONDS)
        what, said = read(first, AT_FIRST)
        if what == "lead":
            with room.led(said) as slot:
                hub.remember(room, visitor_of(websocket.cookies))
                await first_of(_write(websocket, slot), _hear_leader(websocket, room))
        else:
            with room.followed() as slot:
                hub.remember(room, visitor_of(websocket.cookies))
                room.looks(slot, said)
                await first_of(_write(websocket, slot), _hear_follower(websocket, room, slot))
    except (Unfit, TimeoutError, KeyError) as error:  # KeyError: bytes came in the place of text
        raise End(Close.UNFIT, str(error) or "Nothing came.") from error


async def _write(websocket: WebSocket, slot: Slot) -> None:
    while True:
        texts = await slot.take()
        for text in texts:
            await websocket.send_text(text)
        await asyncio.sleep(pause_after(texts, len(_sockets)))  # then there is newer


def pause_after(texts: Sequence[str], taking_part: int) -> float:
    """Seconds for which one of so many is sent nothing after these."""
    return sum(_counts(text) for text in texts) * taking_part / MOST_SENT


def _counts(text: str) -> float:
    """As how many short ones it counts."""
    return 1 + len(text) / LONG


async def _hear_leader(websocket: WebSocket, room: Room) -> None:
    pace = Pace(*LEADERS_PACE)
    while True:
        text = await websocket.receive_text()
        name, value = read(text, OF_LEADER)
        await asyncio.sleep(pace.one_more(_counts(text)))  # the browser drops what waits
        if name == "end":
            hub.end(room.code)
        else:
            room.tell(name, value)


async def _hear_follower(websocket: WebSocket, room: Room, slot: Slot) -> None:
    pace = Pace(*FOLLOWERS_PACE)
    who = _who(websocket)
    while True:
        what, said = read(await websocket.receive_text(), OF_FOLLOWER)
        if pace.one_more():
            raise End(Close.TOO_MANY, "Messages come faster than they are taken.")
        if what == "follow":
            room.looks(slot, said)
        else:
            room.answer(who, *said)


def _who(asked: HTTPConnection) -> str:
    """Whose answers replace one another: a browser's; without its cookie, this connection's."""
    return visitor_of(asked.cookies) or secrets.token_hex(16)


room_route = WebSocketRoute(PATH, _socket)
