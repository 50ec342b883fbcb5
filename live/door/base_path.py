"""The app below a path, as https://school.example/zscape, whoever takes the path off.

Streamlit moves its own routes below `server.baseUrlPath`, but none that it is given; and where a
proxy has taken the path off already, it answers nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

LIVE = "/live/"  # the routes of `live`


class BasePath:
    """ASGI middleware: live routes lie at the root, Streamlit's below `base`, as each expects.

    base: gives server.baseUrlPath, which is not known yet while app.py is read.
    """

    def __init__(self, app: ASGIApp, base: Callable[[], str]) -> None:
        self.app = app
        path = base().strip("/")
        self.base = f"/{path}" if path else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.base and scope["type"] in ("http", "websocket"):
            scope = {**scope, "path": self.routed(scope["path"])}
        await self.app(scope, receive, send)

    def routed(self, path: str) -> str:
        """Where the routes have what was asked for at `path`."""
        below = f"{path}/".startswith(f"{self.base}/")
        inside = path.removeprefix(self.base) if below else path
        return inside if inside.startswith(LIVE) else self.base + inside
