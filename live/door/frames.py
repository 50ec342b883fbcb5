"""What a browser says on Streamlit's own socket: such messages alone, else the socket is closed.

Streamlit takes whatever comes apart, and writes a trace into the log for each that is none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.door.gate import SESSION

NO_MESSAGE = 1002  # a code of WebSockets: protocol error

log = logging.getLogger("zscape.live")


class Frames:
    """ASGI middleware: ends a session's socket on which something else is said.

    sound: whether these bytes are a message.
    """

    def __init__(self, app: ASGIApp, sound: Callable[[bytes], bool]) -> None:
        self.app, self.sound = app, sound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_sound() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            frame = message.get("bytes")
            if frame is not None and self.sound(frame):
                return message
            log.warning("A session's socket was closed: what came is no message.")
            await send({"type": "websocket.close", "code": NO_MESSAGE})
            return {"type": "websocket.disconnect", "code": NO_MESSAGE}

        session = scope["type"] == "websocket" and scope["path"].endswith(SESSION)
        await self.app(scope, receive_sound if session else receive, send)
