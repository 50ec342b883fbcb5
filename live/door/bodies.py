"""The bodies of requests: of a size, whole in time, and bounded in sum while they come.

A file that a page takes up (`/_stcore/upload_file/`) may be large; nothing else is. Streamlit
holds what was taken up in memory as long as its session lasts, so that counts, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.peers import address_of

UPLOAD = "/_stcore/upload_file/"
MAX_UPLOAD = 66 << 20  # bytes: a file of 64 MB, and what a form adds to it
MAX_BODY = 4 << 20
MAX_POSTED_EACH, MAX_POSTED = 64 << 20, 256 << 20  # bytes that come, of an address and of all
MAX_OF_A_SESSION = 192 << 20  # bytes of files that come or are held
MAX_OF_AN_ADDRESS = 384 << 20
MAX_IN_ALL = 768 << 20
PIECE_SECONDS = 20.0  # until the next piece of a body
BODY_SECONDS = 20.0  # until all of it, …
BYTES_A_SECOND = 100_000  # … longer for what has come, at this pace

TOO_LARGE = "This is larger than what is taken here: 64 MB for a file."
REASONS = {
    408: "The rest of this did not come in time; send it again.",
    413: TOO_LARGE,
    503: "The server holds as much as it may; try again in some minutes.",
}

log = logging.getLogger("zscape.live")


class Bodies:
    """ASGI middleware: lets no more in than the bounds above.

    held: gives how many bytes of files each session holds, by its id.
    """

    def __init__(self, app: ASGIApp, held: Callable[[], Mapping[str, int]]) -> None:
        self.app, self.held = app, held
        self.coming: Counter[tuple[str, str]] = Counter()  # bytes, by address and session
        self.address_of_session: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE"):
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        session = scope["path"].partition(UPLOAD)[2].partition("/")[0]
        body = Body(receive, MAX_UPLOAD if session else MAX_BODY)
        if not body.may_be(asked.headers.get("content-length", "0")):
            await _refuse(scope, receive, send, 413, TOO_LARGE)
            return
        of = address_of(asked), session

        async def receive_counted() -> Message:
            before = body.got
            message = await body.receive()
            self.coming[of] += body.got - before
            if not body.refused and not self.fits(*of):
                body.refused = 503
            return {"type": "http.disconnect"} if body.refused else message

        answered = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal answered
            if not body.refused:
                answered = True
                await send(message)

        try:
            await self.app(scope, receive_counted, send_unless_refused)
        except ClientDisconnect:
            if not body.refused:
                raise
        finally:
            self.coming[of] -= body.got
            if not self.coming[of]:
                del self.coming[of]
        if body.refused and not answered:
            await _refuse(scope, receive, send, body.refused, REASONS[body.refused])

    def fits(self, address: str, session: str) -> bool:
        """Whether what comes, and of files what is held, is within the bounds of its kind."""
        if not session:
            posted = {a: n for (a, s), n in self.coming.items() if not s}
            return posted[address] <= MAX_POSTED_EACH and sum(posted.values()) <= MAX_POSTED
        held = self.held()
        self.address_of_session.setdefault(session, address)
        living = held.keys() | {known for _, known in self.coming}
        self.address_of_session = {
            known: where for known, where in self.address_of_session.items() if known in living
        }
        files = Counter({(self.address_of_session.get(s, ""), s): n for s, n in held.items()})
        files.update({of: n for of, n in self.coming.items() if of[1]})
        return (
            sum(n for (_, s), n in files.items() if s == session) <= MAX_OF_A_SESSION
            and sum(n for (a, _), n in files.items() if a == address) <= MAX_OF_AN_ADDRESS
            and files.total() <= MAX_IN_ALL
        )


class Body:
    """A body as it comes: `got` bytes so far, and the status with which it was `refused`, or 0."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self.most = receive, most
        self.got = self.refused = 0
        self._whole = False
        self._begun = asyncio.get_running_loop().time()

    def may_be(self, length: str) -> bool:
        """Whether a body may be as long as its head says."""
        return length.isdecimal() and len(length) < 20 and int(length) <= self.most

    async def receive(self) -> Message:
        """The next piece; where it is refused, what it is does not matter."""
        if self._whole:
            return await self._receive()
        passed = asyncio.get_running_loop().time() - self._begun
        left = BODY_SECONDS + self.got / BYTES_A_SECOND - passed
        try:
            message = await asyncio.wait_for(self._receive(), min(PIECE_SECONDS, max(0.0, left)))
        except TimeoutError:
            self.refused = 408
            return {"type": "http.disconnect"}
        self.got += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self.got > self.most:
            self.refused = 413
        return message


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    log.warning("refused (%d): %s", status, reason)
    closing = {"Connection": "close"}  # what is still to come is not read
    await PlainTextResponse(reason, status, headers=closing)(scope, receive, send)
