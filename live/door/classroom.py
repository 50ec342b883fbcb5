"""A class behind a code, or behind its school's accounts: pages and live routes alike.

`secrets.toml` says which; without either, everybody is let in. Who is in has a role, "teacher" or
"student", which a session reads from the header ROLE: no browser can send it.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from live.door.gate import HEALTH
from live.door.tries import WrongTries
from live.peers import address_of
from live.visitors import signer, visitor_of
from vae_core.errors import ConfigError

ROLE = "zscape-role"
ROLES = ("teacher", "student")
COOKIE = "zscape-class"
A_MONTH = 30 * 24 * 3600  # seconds that who has entered stays in
SHORTEST = 8  # characters of a code
WRONG, WRONG_SECONDS = 30, 600.0  # wrong codes that a browser may try within so long
SIGNING_IN = ("/auth/login", "/auth/logout", "/oauth2callback")  # Streamlit's
ASKED = "This is for a class. Enter the code that your teacher gave you."
SCHOOL = "This is for a school. Sign in with your account there."
OUTSIDE = "This is for a class: open the page and enter its code."


@dataclass(frozen=True)
class Entrance:
    """Who is let in.

    codes: of each role, where there is one; role_of: who has signed in, by the browser's cookies,
    "" for nobody; login: the address, below the app's, of the page to sign in, "" where none is.
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    role_of: Callable[[Mapping[str, str]], str] = lambda cookies: ""
    login: Callable[[], str] = lambda: ""

    def __post_init__(self) -> None:
        """ConfigError for a role that is none or a code that is too short."""
        for role, code in self.codes.items():
            if role not in ROLES or not isinstance(code, str) or len(code) < SHORTEST:
                raise ConfigError(
                    f"secrets.toml: [class] has a code for the {' or the '.join(ROLES)}, of "
                    f"{SHORTEST} characters at least; see to {role[:40]!r}."
                )
        if len(set(self.codes.values())) < len(self.codes):
            raise ConfigError("secrets.toml: [class] has the same code twice; take two.")


class Classroom:
    """ASGI middleware: lets in who may come in. entrance: gives None where everybody may."""

    def __init__(self, app: ASGIApp, entrance: Callable[[], Entrance | None]) -> None:
        self.app, self.entrance = app, entrance
        self.wrong = WrongTries(WRONG, WRONG_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != ROLE.encode()]
        scope = {**scope, "headers": headers}
        entrance = self.entrance()
        if entrance is None or scope["path"].endswith(HEALTH):
            await self.app(scope, receive, send)
            return
        cookies = Request({**scope, "type": "http"}).cookies
        if role := _entered(entrance, cookies.get(COOKIE, "")) or entrance.role_of(cookies):
            headers.append((ROLE.encode(), role.encode()))
            await self.app(scope, receive, send)
            return
        login = entrance.login()
        if login and scope["type"] == "http" and scope["path"].endswith(SIGNING_IN):
            await self.app(scope, receive, send)
            return
        answer: Response = PlainTextResponse(OUTSIDE, 401)
        if scope["type"] == "http":
            answer = await self.at_the_door(Request(scope, receive), entrance, login)
        await answer(scope, receive, send)

    async def at_the_door(self, request: Request, entrance: Entrance, login: str) -> Response:
        """The page that asks for the code, or what became of one."""
        if request.method == "POST" and entrance.codes and _is_form(request.headers):
            address, browser = address_of(request), visitor_of(request.cookies)
            if self.wrong.too_many(address, browser):
                return _page("Too many wrong codes; try again later.", entrance, login, 429)
            code = _code_in(await request.body())
            if role := _role_with(entrance, code):
                return _let_in(request, entrance, role)
            self.wrong.note(address, browser, code)
            return _page("That is not the code; try again.", entrance, login)
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return _page(ASKED if entrance.codes else SCHOOL, entrance, login)
        return PlainTextResponse(OUTSIDE, 401)


def _code_in(body: bytes) -> str:
    """The code that a form holds."""
    return parse_qs(body.decode("latin-1"), encoding="utf-8").get("code", [""])[0].strip()


def _role_with(entrance: Entrance, code: str) -> str:
    """Whose code this is; takes as long whichever it is, and for none."""
    found = ""
    for role, right in entrance.codes.items():
        if secrets.compare_digest(code.encode(), right.encode()):
            found = role
    return found


def _signer(code: str) -> TimestampSigner:
    """With a new code, what was signed for the old one is worth nothing."""
    return TimestampSigner(signer().secret_key, salt=f"{COOKIE} {code}")


def _entered(entrance: Entrance, cookie: str) -> str:
    role = cookie.partition(".")[0]
    if role not in entrance.codes:
        return ""
    try:
        return _signer(entrance.codes[role]).unsign(cookie, max_age=A_MONTH).decode()
    except BadSignature:
        return ""


def _let_in(request: Request, entrance: Entrance, role: str) -> Response:
    # Relative, so that it stays at this address whatever path a proxy has taken off.
    answer = Response(status_code=303, headers={"Location": f"?{request.url.query}"})
    answer.set_cookie(
        COOKIE,
        _signer(entrance.codes[role]).sign(role).decode(),
        max_age=A_MONTH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def _is_form(headers: Headers) -> bool:
    return headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _page(said: str, entrance: Entrance, login: str, status: int = 401) -> Response:
    text = _template().substitute(
        said=html.escape(said),
        form="" if entrance.codes else "hidden",
        login=html.escape(login),
        link="" if login else "hidden",
    )
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


@cache
def _template() -> Template:
    return Template(Path(__file__).with_suffix(".html").read_text("utf-8"))
