"""A name for each browser, so that who started a run keeps it over a reload.

The cookie holds nothing but a random secret, signed, so that a name that the server did not give
is nobody's. Streamlit's own session ends with a reload, so it cannot tell whose run it was. No
other visitor sees the secret: runs are marked with a hash of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from filelock import FileLock
from itsdangerous import BadSignature, Signer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.peers import OF_PROXIES
from live.places import runs_root
from live.servers import shared_folder

COOKIE = "zscape-visitor"
ONE_YEAR = 365 * 24 * 3600
UNSIGNED = 32  # characters of the secret in a cookie of earlier versions


class VisitorCookie:
    """ASGI middleware: gives a browser its cookie, with the page itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    given = HTTPConnection(scope).cookies
                    if cookie := await asyncio.to_thread(new_cookie, given):
                        secure = "; Secure" if scope["scheme"] == "https" else ""
                        headers.append(
                            "set-cookie",
                            f"{COOKIE}={cookie}; Path=/; Max-Age={ONE_YEAR}; HttpOnly; "
                            f"SameSite=Lax{secure}",
                        )
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def visitor_of(cookies: Mapping[str, str]) -> str:
    """Who a browser with these cookies is: the hash that marks what is theirs; "" for nobody."""
    secret = _secret_in(cookies.get(COOKIE, ""))
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def is_alone(headers: Mapping[str, str]) -> bool:
    """Whether the app is served to whoever sits at this machine, and to nobody else."""
    forwarded = any(name in headers for name in OF_PROXIES)  # from who knows where
    return os.environ.get("ZSCAPE_ALONE") == "1" and not forwarded


def new_cookie(cookies: Mapping[str, str]) -> str:
    """The cookie for a browser that has none, or one that is to be replaced; else ""."""
    given = cookies.get(COOKIE, "")
    if _signed(given):
        return ""
    return signer().sign(_secret_in(given) or secrets.token_urlsafe(24)).decode()


def signer() -> Signer:
    """Signs with the key of all servers of these runs: $ZSCAPE_KEY, or a file among them."""
    return Signer(os.environ.get("ZSCAPE_KEY") or _key(shared_folder() / "key"), salt=COOKIE)


def _secret_in(cookie: str) -> str:
    """The secret of a cookie that the server gave, or that marks something here from before."""
    return _signed(cookie) or (cookie if _is_from_before(cookie) else "")


def _signed(cookie: str) -> str:
    try:
        return signer().unsign(cookie).decode()
    except (BadSignature, UnicodeError):
        return ""


def _is_from_before(cookie: str) -> bool:
    """Whether an unsigned cookie's runs or settings lie here: nobody could make up such a one."""
    if len(cookie) != UNSIGNED:
        return False
    owner = hashlib.sha256(cookie.encode()).hexdigest()
    if (runs_root() / ".visitors" / owner).is_dir():
        return True
    return any(_owner(file) == owner for file in runs_root().glob("*/owner"))


def _owner(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:  # somebody deletes it just now
        return ""


@cache  # a request asks for it
def _key(file: Path) -> bytes:
    """What is in the file, which is made where there is none, for the server's own eyes."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        pass
    with FileLock(f"{file}.lock"):
        if not file.exists():
            part = file.with_name(f"{file.name}-{os.getpid()}")
            part.unlink(missing_ok=True)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
                new.write(secrets.token_bytes(32))
                os.fsync(new.fileno())
            os.replace(part, file)
        return file.read_bytes()
