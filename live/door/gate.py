"""Who may ask, and what a browser may do with the answers, the same for pages and live routes.

- Only names that the server is meant to have are answered to, so that no other site's name can be
  turned to it: those of Streamlit's `server.allowedHosts`, or, where it serves this machine alone
  ($ZSCAPE_ALONE) and no name is set, this machine's.
- An Origin that is none is refused before anything takes it apart; one of another site opens no
  session: Streamlit would ask a host on the internet, while all wait, whether it is this machine.
- Figures of the server's own are for this machine.
- An address has only so many pages open: each is a session, which costs memory.
- Scripts, styles and pictures come from the server itself; other sites show its pages in a frame
  where $ZSCAPE_EMBED names them (as `frame-ancestors` of a Content-Security-Policy does).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.peers import OF_PROXIES, address_of, is_this_machine
from live.servers import Counts, Full

HEALTH, METRICS, SESSION = "/_stcore/health", "/_stcore/metrics", "/_stcore/stream"
ASKED_FIRST = (HEALTH, "/_stcore/host-config")  # by Streamlit's frontend, which shows the answer
MAX_SESSIONS_EACH, MAX_SESSIONS = 500, 1000  # of an address, of all, over all servers of the runs
TOO_MANY = "Too many visitors are connected; try again later."
OTHER_SITE = "Another site's page may not use this channel."
WRONG_HOST = (
    "This server does not know the name it was asked by. Whoever runs it can name it in "
    "STREAMLIT_SERVER_ALLOWED_HOSTS."
)
# In lines, as Streamlit's frontend shows it.
HOST_LOST = """\
The proxy in front of this server does
not hand on the name that you asked for,
so that nothing can move here.

Whoever runs it can have it leave the
Host header as it is, with the port."""
_sessions = Counts("sessions")  # open pages
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class Gate:
    """ASGI middleware: refuses what nobody should ask, and says what a page may do.

    hosts: gives server.allowedHosts; root: of Streamlit's frontend, whose page has a script in it.
    """

    def __init__(self, app: ASGIApp, hosts: Callable[[], Sequence[str]], root: Path) -> None:
        self.app, self.hosts = app, hosts
        scripts = _INLINE.findall((root / "index.html").read_bytes())
        self.policy = policy([hashlib.sha256(script).digest() for script in scripts])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
            await send(message)

        asked = HTTPConnection(scope)
        if refusal := self.refusal(asked):
            await refusal(scope, receive, send_guarded)
        elif scope["type"] == "websocket" and scope["path"].endswith(SESSION):
            try:
                with _sessions.one_more(address_of(asked), MAX_SESSIONS_EACH, MAX_SESSIONS):
                    await self.app(scope, receive, send_guarded)
            except Full:
                await PlainTextResponse(TOO_MANY, 503)(scope, receive, send_guarded)
        else:
            await self.app(scope, receive, send_guarded)

    def refusal(self, asked: HTTPConnection) -> Response | None:
        """Why this is not answered; None where it is."""
        headers, path = asked.headers, asked.url.path
        if "origin" in headers and parsed(headers["origin"]) is None:
            return PlainTextResponse("The Origin header is no address.", 400)
        host = headers.get("host", "")
        if path.endswith(SESSION) and not same_origin(headers.get("origin"), host):
            return PlainTextResponse(OTHER_SITE, 403)
        if not path.endswith(HEALTH) and not self.answers_to(host):
            return PlainTextResponse(WRONG_HOST, 421)
        if path.endswith(METRICS) and not from_this_machine(asked):
            return PlainTextResponse("Not found", 404)
        if path.endswith(ASKED_FIRST) and lost_host(headers):
            return JSONResponse(HOST_LOST, 421)  # what is no JSON, it does not show
        return None

    def answers_to(self, host: str) -> bool:
        """Whether the server is meant to be asked by this name, with or without a port."""
        allowed = [name.strip().lower() for name in self.hosts()]
        if not allowed and os.environ.get("ZSCAPE_ALONE") != "1":
            return True
        url = parsed(f"//{host}")
        name = ((url and url.hostname) or "").rstrip(".")
        if not allowed:
            return is_this_machine(name) or name.endswith(".localhost")
        ends = tuple(name[1:] for name in allowed if name.startswith("*."))
        return "*" in allowed or name in allowed or name.endswith(ends)


def policy(inline: Sequence[bytes]) -> str:
    """The Content-Security-Policy; inline: SHA-256 of the scripts that stand in the page itself.

    Streamlit turns a component's script into a blob, writes styles into the page and has some
    WebAssembly. Strings may be evaluated: parts of Plotly and Vega do so, and what drives a browser
    from outside. A script that is written into a page does not run, wherever it comes from.
    """
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in inline)
    embed = os.environ.get("ZSCAPE_EMBED", "").replace(";", " ")
    return (
        f"default-src 'self'; script-src 'self' blob: 'unsafe-eval' {hashes}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        f"frame-ancestors 'self' {embed}"
    ).rstrip()


def parsed(url: str) -> SplitResult | None:
    """The parts of a URL; None where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # is looked at only now
    except ValueError:
        return None
    return parts


def same_origin(origin: str | None, host: str | None) -> bool:
    """Browsers always name the page's origin; a program that sends none is no page."""
    return origin is None or ((url := parsed(origin)) is not None and url.netloc == host)


def lost_host(headers: Headers) -> bool:
    """Whether a page of this server asks, and something between has taken its Host for another."""
    referer = parsed(headers.get("referer", ""))
    return referer is not None and bool(referer.netloc) and referer.netloc != headers.get("host")


def from_this_machine(asked: HTTPConnection) -> bool:
    """Whether a program on this machine asks, and for nobody else."""
    here = asked.client is not None and is_this_machine(asked.client.host)
    return here and not any(name in asked.headers for name in OF_PROXIES)
