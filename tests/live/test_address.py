"""A session hears with which address its browser came back."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from live.address import ADDRESS, CurrentAddress


async def repeat(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(websocket.headers.get(ADDRESS))
    await websocket.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"?{ADDRESS}=z%3D1%2C2%26model%3Drun%253Aa", "z=1,2&model=run%3Aa"),
        (f"?{ADDRESS}=", ""),
        ("?other=1", None),
        (f"?{ADDRESS}=%E2%82%AC%0D%0A", "%E2%82%AC%0D%0A"),
    ],
)
def test_a_socket_tells_the_session_its_address(query: str, said: str | None) -> None:
    app = Starlette(
        routes=[WebSocketRoute("/zs/_stcore/stream", repeat)],
        middleware=[Middleware(CurrentAddress)],
    )
    with TestClient(app).websocket_connect(f"/zs/_stcore/stream{query}") as socket:
        assert socket.receive_json() == said
