"""On Streamlit's socket its own messages pass, and nothing else reaches it."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from live.door.frames import NO_MESSAGE, Frames
from live.door.gate import SESSION

SOUND = b"a message"


def is_message(data: bytes) -> bool:
    return data == SOUND


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_bytes():  # as Streamlit: a text would be a KeyError
        await websocket.send_bytes(message)


@pytest.mark.parametrize("said", ["text", b"\xff" * 20, SOUND[:-1]])
def test_what_is_no_message_ends_its_socket_without_a_trace(said: str | bytes) -> None:
    app = Starlette(
        routes=[WebSocketRoute(SESSION, echo)],
        middleware=[Middleware(Frames, sound=is_message)],
    )
    with TestClient(app).websocket_connect(SESSION) as socket:
        socket.send_bytes(SOUND)
        assert socket.receive_bytes() == SOUND
        if isinstance(said, str):
            socket.send_text(said)
        else:
            socket.send_bytes(said)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == NO_MESSAGE
