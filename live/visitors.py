"""A name for each browser, so that who started a run keeps it over a reload.

The cookie holds nothing but a random secret. Streamlit's own session ends with a reload, so it
cannot tell whose run it was. No other visitor sees the secret: runs are marked with a hash of it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "zscape-visitor"
ONE_YEAR = 365 * 24 * 3600
_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Via")


def visitor_of(connection: HTTPConnection) -> str:
    """The hash by which runs are marked, of whoever connects; empty without the cookie."""
    secret = connection.cookies.get(COOKIE)
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def is_alone(headers: Mapping[str, str]) -> bool:
    """Whether the app is served to whoever sits at this machine, and to nobody else."""
    forwarded = any(name in headers for name in _OF_PROXIES)  # from who knows where
    return os.environ.get("ZSCAPE_ALONE") == "1" and not forwarded


class VisitorCookie:
    """ASGI middleware: gives a browser that has none its cookie, with the page itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or COOKIE in HTTPConnection(scope).cookies:
            await self.app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append(
                        "set-cookie",
                        f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; Max-Age={ONE_YEAR}; "
                        "HttpOnly; SameSite=Lax",
                    )
            await send(message)

        await self.app(scope, receive, send_with_cookie)
