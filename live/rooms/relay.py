"""A follower who comes to another server than the room's: that one's socket is asked, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from live.peers import address_of
from live.rooms.hub import Place
from live.rooms.messages import MAX_TEXT
from live.rooms.room import Close, End

PATH = "/live/room"
SECONDS = 5.0  # for the other server to answer
RESTARTS = 1012  # as a server says that is to come back
HANDED_ON = ("cookie", "origin")


async def relay(websocket: WebSocket, code: str, there: Place) -> None:
    """Speak for an accepted socket to the server `there`; End as that one, or where it is not."""
    asked = websocket.headers
    headers = {name: asked[name] for name in HANDED_ON if name in asked}
    headers["x-forwarded-for"] = address_of(websocket)
    # By the name that the browser asked for, which is the one that the other answers to.
    name = asked.get("host", there.host)
    url = f"{'wss' if there.tls else 'ws'}://{name}{PATH}?code={code}&relayed=1"
    try:
        async with connect(
            url,
            host=there.host,
            port=there.port,
            additional_headers=headers,
            max_size=4 * MAX_TEXT,  # what is written anew may be longer: 1e6 as 1000000.0
            open_timeout=SECONDS,
            proxy=None,
        ) as other:
            await _both_ways(websocket, other)
    except (OSError, ValueError, WebSocketException) as error:  # ValueError: a Host that is none
        raise End(Close.NO_ROOM, "The room has ended.") from error
    except KeyError as error:
        raise End(Close.UNFIT, "Bytes came in the place of text.") from error


async def _both_ways(websocket: WebSocket, other: ClientConnection) -> None:
    async def down() -> None:
        try:
            while True:
                await websocket.send_text(await other.recv(decode=True))
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code not in set(Close):
                await websocket.close(RESTARTS)  # the browser asks again
                raise WebSocketDisconnect(RESTARTS) from closed
            raise End(Close(closed.rcvd.code), closed.rcvd.reason) from closed

    async def up() -> None:
        while True:
            await other.send(await websocket.receive_text())

    await first_of(down(), up())


async def first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Run these until one ends, and end as it does."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
