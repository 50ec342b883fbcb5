"""The address in view, told with each connection, so that a session that begins anew begins there.

Streamlit's browser says at every connection what query string the page was loaded with, minutes or
hours ago. `ui/components/address` has it say the present one, too, as part of the socket's URL; a
session sees headers alone.
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from starlette.types import ASGIApp, Receive, Scope, Send

ADDRESS = "zscape-address"  # a parameter of the socket's URL, a header in the session
SAFE = "=&%,:;+"  # as the browser wrote it; whatever no header can hold is quoted


class CurrentAddress:
    """ASGI middleware: makes the address that a socket's URL tells a header of its request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            said = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            if ADDRESS in said:
                header = (ADDRESS.encode(), quote(said[ADDRESS][0], safe=SAFE).encode())
                scope = {**scope, "headers": [*scope["headers"], header]}
        await self.app(scope, receive, send)
