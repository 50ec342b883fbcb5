"""Streamlit's own scripts and styles, compressed once and kept in memory.

A first visit fetches over a hundred of these files; Streamlit opens each anew and sends it as it
is. A class that opens the app at once would wait for that. Their names hold hashes, so a copy is
never stale.
"""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from live.assets import MEDIA_TYPES, compressed


class Frontend:
    """ASGI middleware: answers for the files in `root`/static, to browsers that take gzip."""

    def __init__(self, app: ASGIApp, root: Path) -> None:
        self.app = app
        self.files = {
            path.relative_to(root).as_posix(): path
            for path in (root / "static").glob("*/*")
            if path.suffix in MEDIA_TYPES
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and scope["method"] == "GET":
            name = "/".join(scope["path"].rsplit("/", 3)[1:])  # below a path, too
            accepted = Headers(scope=scope).get("accept-encoding", "")
            if name in self.files and "gzip" in accepted:
                app = compressed(self.files[name])
        await app(scope, receive, send)
