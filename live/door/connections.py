"""What is sent without an end is not held without one: uvicorn's protocols, with bounds.

No route and no middleware sees a request before its head is whole, nor a WebSocket's message
before its last byte, and uvicorn has no setting for either. It hands its configuration along with
the lifespan, before it listens; there it is given protocols of the same kind that

- close a connection whose head is not whole after HEAD_SECONDS, or is larger than MAX_HEAD, and
  the oldest of these where more than MAX_HALF_OPEN wait;
- close a socket whose message is not whole after MESSAGE_SECONDS, or is larger than MAX_MESSAGE,
  or with which its address would hold more than MAX_UNFINISHED_EACH, or all MAX_UNFINISHED;
- tell whoever answers on a socket that was closed meanwhile that the visitor has left, and not, by
  a trace in the log, that the answer came in the wrong order.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections import Counter
from contextlib import suppress
from typing import ClassVar

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from live.peers import counted_as

HEAD_SECONDS = 15.0
MAX_HEAD = 64 << 10  # bytes
MAX_HALF_OPEN = 512
MESSAGE_SECONDS = 30.0
MAX_MESSAGE = 4 << 20  # bytes: a page's own have some 100 KB at most
MAX_UNFINISHED_EACH = 64 << 20  # bytes that an address has sent of messages without an end …
MAX_UNFINISHED = 256 << 20  # … and all together

log = logging.getLogger("zscape.live")


class Connections:
    """ASGI middleware: has the uvicorn that serves `app` use these protocols."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            config = getattr(getattr(receive, "__self__", None), "config", None)
            if isinstance(config, Config):
                bound(config)
            else:
                log.warning("Unfinished requests have no bounds here: this is not uvicorn.")
        await self.app(scope, receive, send)


def bound(config: Config) -> None:
    """Give a uvicorn that has loaded its configuration, and does not listen yet, these bounds."""
    _take_all_files()
    config.ws_max_size = MAX_MESSAGE
    config.http_protocol_class = BoundedHttp
    config.ws_protocol_class = BoundedWebSocket
    # It believes any program on this machine; here a proxy is believed that is named.
    proxied = isinstance(config.loaded_app, ProxyHeadersMiddleware)
    if proxied and "FORWARDED_ALLOW_IPS" not in os.environ:
        config.loaded_app = config.loaded_app.app


def _take_all_files() -> None:
    """Let this process open as many files as it may.

    Each connection is one, and a process may often have 1,024 where nobody asks for more: then as
    many pages as an address may open would leave no place for another's.
    """
    if sys.platform != "win32":
        import resource

        soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != most:
            with suppress(OSError, ValueError):  # of more than the system has
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class BoundedHttp(HttpToolsProtocol):
    """HTTP, of which a request's head is whole in time and of a size."""

    _waiting: ClassVar[dict[BoundedHttp, None]] = {}  # for the rest of a head, the oldest first
    _clock: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._expect_nothing()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self in self._waiting and self._head > MAX_HEAD:
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self in self._waiting:
            return
        self._head = 0
        self._waiting[self] = None
        self._clock = self.loop.call_later(HEAD_SECONDS, self._refuse)
        if len(self._waiting) > MAX_HALF_OPEN:
            next(iter(self._waiting))._refuse()

    def _expect_nothing(self) -> None:
        self._waiting.pop(self, None)
        if self._clock is not None:
            self._clock.cancel()

    def _refuse(self) -> None:
        self._expect_nothing()
        self.transport.abort()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket, of which a message is whole in time, and what is not is bounded in sum."""

    _held: ClassVar[Counter[str]] = Counter()  # bytes of unfinished messages, by address
    _unfinished = 0
    _clock: asyncio.TimerHandle | None = None
    _address: str | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._count(len(self.conn.reader.buffer) + sum(map(len, self.frames)))

    def send_receive_event_to_app(self) -> None:
        self._stop_clock()
        super().send_receive_event_to_app()

    def connection_lost(self, exc: Exception | None) -> None:
        self._count(0)
        super().connection_lost(exc)

    async def send(self, message: ASGISendEvent) -> None:
        await self.writable.wait()
        # Closed by uvicorn itself, as for a visitor who answers no ping: nobody else knows of it.
        if self.handshake_complete and self.close_sent and self.initial_response is None:
            raise ClientDisconnected
        await super().send(message)

    def _count(self, unfinished: int) -> None:
        if unfinished == self._unfinished:
            return
        if self._address is None:  # known by now, also where a proxy says it
            client = self.scope["client"]
            self._address = counted_as(client[0] if client else None)
        self._held[self._address] += unfinished - self._unfinished
        self._unfinished = unfinished
        if not unfinished:
            self._stop_clock()
            if not self._held[self._address]:
                del self._held[self._address]
        elif self._held[self._address] > MAX_UNFINISHED_EACH or self._held.total() > MAX_UNFINISHED:
            log.warning("An unfinished message of %d bytes was dropped.", unfinished)
            self.transport.abort()
        elif self._clock is None:
            self._start_clock()

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(MESSAGE_SECONDS, self._late)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _late(self) -> None:
        if self.read_paused:  # the rest may be there, and nobody has looked yet
            self._start_clock()
        else:
            self.transport.abort()
