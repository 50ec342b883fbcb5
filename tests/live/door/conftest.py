"""A uvicorn in this process, as the app's own is bounded, that echoes what it is sent."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from live.door import Bodies, Connections
from live.peers import address_of


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_bytes():
        await websocket.send_bytes(message)


async def whole(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(address_of(request))


class Server(uvicorn.Server):
    """Says when it listens; in a thread, so that it leaves the signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@pytest.fixture
def port() -> Iterator[int]:
    """Where it listens."""
    routes = [
        WebSocketRoute("/echo", echo),
        Route("/whole", whole, methods=["POST"]),
        Route("/_stcore/upload_file/{session}/{file}", whole, methods=["PUT"]),
        Route("/who", who),
    ]
    middleware = [Middleware(Connections), Middleware(Bodies, held=dict)]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = Starlette(routes=routes, middleware=middleware)
        config = uvicorn.Config(
            app, ws="websockets-sansio", log_config=None, timeout_graceful_shutdown=1
        )
        server = Server(config)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True
        )
        thread.start()
        assert server.listens.wait(30)
        yield int(listening.getsockname()[1])
        server.should_exit = True
        thread.join()
