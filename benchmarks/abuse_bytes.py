"""What a stranger can send: bytes without an end, names of their own, too much at once.

Each function of ATTACKS takes the server's URL and gives in words how it was answered, or raises
`Wrong`. It holds some hundred MB at most, and lasts some 40 seconds at most.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import secrets
import struct
import urllib.request
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

MB = 1 << 20
PIECE = bytes(MB)
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
DECODE = "/live/decode?model=digits-2d"
ASK = "/live/ask?model=digits-2d"
HEADER = struct.Struct("<IBBH")  # of a request to `live.decode`
NO_ROOM = 4404  # how a room's socket is closed
WAIT_SECONDS = 180.0  # at most, for whatever is to come, on a busy machine
CLOSED_SECONDS = 40  # by then the server has closed whatever never ends


class Wrong(Exception):
    """The server did not answer an attack as it should."""


def socket_to(address: str, **more: Any) -> Any:
    """A WebSocket to open, or to wait for; more: of `websockets.asyncio.client.connect`."""
    from websockets.asyncio.client import connect

    more |= {"open_timeout": WAIT_SECONDS, "ping_interval": None}
    return connect(address, compression=None, max_size=None, **more)


class Connection:
    """A plain connection to the server, on which anything can be sent."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.status = 0
        self.ended = False

    async def open(self) -> Connection:
        name, port = self.host.split(":")
        self.reader, self.writer = await asyncio.open_connection(name, int(port))
        return self

    async def send(self, data: bytes) -> bool:
        """Whether all of it could be sent."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            self.ended = True
        return not self.ended

    async def upgrade(self, path: str, more: str = "") -> int:
        """Ask for a WebSocket; the status of the answer, 0 where there is none."""
        await self.send(UPGRADE.format(path=path, host=self.host, more=more).encode())
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            return 0
        self.status = int(head.split()[1])
        return self.status

    async def begin_frame(self, size: int, sent: int) -> bool:
        """Send a frame's head and so many of its bytes."""
        whole = await self.send(b"\x82\xff" + struct.pack("!Q", size) + bytes(4))
        for start in range(0, sent, MB):
            whole = whole and await self.send(PIECE[: min(MB, sent - start)])
        return whole

    async def is_closed(self) -> bool:
        """Waits until the server ends it; False where it does not."""
        try:
            async with asyncio.timeout(CLOSED_SECONDS):
                while await self.reader.read(MB):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        self.writer.transport.abort()


async def connections(url: str, n: int) -> list[Connection]:
    return [await Connection(url).open() for _ in range(n)]


def frames(url: str) -> str:
    """Unfinished frames of 31 MB, then such of as much as is taken, at pages and at live routes."""

    async def attack() -> str:
        kept = 0
        for size in (31 * MB, 4 * MB):
            opened = await connections(url, 120)
            try:
                for k, each in enumerate(opened):
                    await each.upgrade(("/_stcore/stream", DECODE)[k % 2])
                whole = [await each.begin_frame(size, size - 1) for each in opened]
                closed = await asyncio.gather(*(each.is_closed() for each in opened))
                if not all(closed):
                    raise Wrong(f"{closed.count(False)} unfinished frames stay open.")
                kept = sum(whole)
            finally:
                for each in opened:
                    each.close()
        return f"31 MB: closed; 4 MB: {kept} of 120 were taken whole but for a byte, all closed"

    return asyncio.run(attack())


def half_open(url: str) -> str:
    """A thousand connections that ask for nothing, or for half of it."""

    async def attack() -> str:
        opened = await connections(url, 1000)
        try:
            for each in opened[::2]:
                await each.send(b"GET / HTTP/1.1\r\nHost: ")
            if await asyncio.to_thread(status, url, "/_stcore/health") != HTTPStatus.OK:
                raise Wrong("Nobody else is answered meanwhile.")
            closed = await asyncio.gather(*(each.is_closed() for each in opened))
        finally:
            for each in opened:
                each.close()
        if not all(closed):
            raise Wrong(f"{closed.count(False)} connections stay.")
        return "all were closed, others answered"

    return asyncio.run(attack())


def posts(url: str) -> str:
    """Two hundred posts that never end; another at the same address asks meanwhile."""

    async def attack() -> str:
        opened = await connections(url, 200)
        head = f"POST {ASK} HTTP/1.1\r\nHost: {opened[0].host}\r\nContent-Length: 1000\r\n\r\nx"
        try:
            for each in opened:
                await each.send(head.encode())
            if (answered := await asyncio.to_thread(status, url, ASK)) != HTTPStatus.OK:
                raise Wrong(f"Another visitor of the address got {answered}.")
            closed = await asyncio.gather(*(each.is_closed() for each in opened))
        finally:
            for each in opened:
                each.close()
        if not all(closed):
            raise Wrong(f"{closed.count(False)} posts stay.")
        return "all were ended, another at the address answered"

    return asyncio.run(attack())


def puts(url: str) -> str:
    """Forty files of 60 MB for one session."""

    async def attack() -> str:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        with urllib.request.urlopen(f"{url}/_stcore/health") as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        stream = url.replace("http", "ws", 1) + "/_stcore/stream"
        async with socket_to(stream, subprotocols=["streamlit"]) as socket:
            await socket.send(BackMsg(rerun_script=ClientState()).SerializeToString())
            session = ""
            async for data in socket:
                message = ForwardMsg.FromString(data)
                if message.WhichOneof("type") == "new_session":
                    session = message.new_session.initialize.session_id
                    break
            reading = asyncio.create_task(_read_all(socket))
            told = Counter[int]()
            for _ in range(10):
                each = [asyncio.to_thread(put, url, session, cookie) for _ in range(4)]
                told.update(await asyncio.gather(*each))
            reading.cancel()
        if told[HTTPStatus.NO_CONTENT] > 3:
            raise Wrong(f"{told[HTTPStatus.NO_CONTENT]} files of 60 MB were taken.")
        return ", ".join(f"{n} times {status}" for status, n in sorted(told.items()))

    return asyncio.run(attack())


async def _read_all(socket: object) -> None:
    async for _ in socket:  # type: ignore[attr-defined]
        pass


def put(
    url: str,
    session: str,
    cookie: str,
    data: bytes = PIECE,
    times: int = 60,
    file: str = "",
) -> int:
    """Upload `data` over and over, as `file`; the status, 0 where the connection was ended."""
    mark = secrets.token_hex(8)
    file = file or secrets.token_hex(8)
    begin = (
        f"--{mark}\r\nContent-Disposition: form-data; name=a; filename=a.zip\r\n"
        "Content-Type: application/zip\r\n\r\n"
    ).encode()
    end = f"\r\n--{mark}--\r\n".encode()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.putrequest("PUT", f"/_stcore/upload_file/{session}/{file}")
        connection.putheader("Content-Length", str(len(begin) + times * len(data) + len(end)))
        connection.putheader("Content-Type", f"multipart/form-data; boundary={mark}")
        connection.putheader("Cookie", cookie)
        connection.putheader("X-Xsrftoken", cookie.partition("=")[2])
        connection.endheaders()
        connection.send(begin)
        for _ in range(times):
            connection.send(data)
        connection.send(end)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def forwarded(url: str) -> str:
    """Six hundred sockets of one machine, each of which says that it is another's."""

    async def attack() -> str:
        opened = await connections(url, 600)
        try:
            told = Counter(
                [
                    await each.upgrade(DECODE, f"X-Forwarded-For: 203.0.{k // 250}.{k % 250}\r\n")
                    for k, each in enumerate(opened)
                ]
            )
        finally:
            for each in opened:
                each.close()
        if told[101] > 500:
            raise Wrong(f"{told[101]} sockets were opened.")
        return ", ".join(f"{n} times {status}" for status, n in sorted(told.items()))

    return asyncio.run(attack())


def cookies(url: str) -> str:
    """Names that a visitor makes up, or makes of one that the server gave."""
    from itsdangerous import Signer

    (given,) = _given(url, "")
    name, _, signature = given.rpartition(".")
    flipped = [given[:k] + chr(ord(given[k]) ^ 1) + given[k + 1 :] for k in range(0, len(given), 3)]
    other = Signer(secrets.token_bytes(32), salt="zscape-visitor").sign(name).decode()
    made_up = [f"{k:032d}" for k in range(100)]
    made_up += [*flipped, other, name, f"{name}.", f".{signature}", f"{given}x", "a" * 30_000]
    believed = [cookie for cookie in made_up if not _given(url, cookie)]
    if believed or _given(url, given):
        raise Wrong(f"{len(believed)} were believed, among them {believed[:1]}.")
    if (told := status(url, "/", Cookie=f"zscape-visitor={'a' * MB}")) not in (0, 400, 431):
        raise Wrong(f"A cookie of 1 MB was answered by {told}.")
    return f"{len(made_up)} were replaced, one of 1 MB was not read"


def _given(url: str, cookie: str) -> list[str]:
    """The name that the server gives in the place of that in a cookie; nothing where it is kept."""
    headers = {"Cookie": f"zscape-visitor={cookie}"} if cookie else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        found = [each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie") or []]
    return [each.partition("=")[2] for each in found if each.startswith("zscape-visitor=")]


def guessed_codes(url: str) -> str:
    """Codes of rooms that are guessed by the hundred; a newcomer asks meanwhile."""

    async def attack() -> str:
        from websockets.exceptions import ConnectionClosed

        address = url.replace("http", "ws", 1) + "/live/room?code="

        async def closed(code: str, **headers: str) -> int:
            try:
                async with socket_to(address + code, additional_headers=headers) as socket:
                    while True:
                        await socket.recv()
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 0

        told = Counter([await closed("".join(each)) for each in guesses(300)])
        (name,) = await asyncio.to_thread(_given, url, "")
        if (newcomer := await closed("BBBBBB", Cookie=f"zscape-visitor={name}")) != NO_ROOM:
            raise Wrong(f"A newcomer of the address was told {newcomer}.")
        if told[NO_ROOM] > 20:
            raise Wrong(f"{told[NO_ROOM]} guesses were answered.")
        return f"{told[NO_ROOM]} of 300 were answered, a newcomer as well"

    return asyncio.run(attack())


def guesses(n: int) -> list[tuple[str, ...]]:
    return list(itertools.islice(itertools.product("BCDFGHJK", repeat=6), n))


def slow_readers(url: str) -> str:
    """Two hundred sockets and two hundred requests for weights whose answers nobody reads."""

    async def attack() -> str:
        address = url.replace("http", "ws", 1) + "/live/decode?model=mnist-2d"
        ask = HEADER.pack(1, 1, 0, 64) + bytes(64 * 2 * 4)
        async with socket_to(address) as socket:
            await socket.recv()
            await socket.send(HEADER.pack(1, 7, 0, 1))
            tag = bytes(await socket.recv())[HEADER.size :].decode()
        masked = b"\x82\xfe" + struct.pack("!H", len(ask)) + bytes(4) + ask
        opened = await connections(url, 400)
        try:
            for each in opened[:200]:
                await each.upgrade("/live/decode?model=mnist-2d")
                each.reader._transport.pause_reading()  # type: ignore[attr-defined]
                await each.send(20 * masked)
            path = f"/live/weights?model=mnist-2d&tag={tag}"
            for each in opened[200:]:
                each.reader._transport.pause_reading()  # type: ignore[attr-defined]
                await each.send(f"GET {path} HTTP/1.1\r\nHost: {each.host}\r\n\r\n".encode())
            await asyncio.sleep(6)
            if (told := await asyncio.to_thread(status, url, ASK)) != HTTPStatus.OK:
                raise Wrong(f"Another visitor of the address got {told}.")
        finally:
            for each in opened:
                each.close()
        return "another at the address was answered"

    return asyncio.run(attack())


def origins(url: str) -> str:
    """Origins and hosts that are none, at pages, live routes and Streamlit's own stream."""
    told = Counter[int]()
    for path in ("/", "/_stcore/health", "/_stcore/stream", "/live/decode", ASK):
        for name, value in (("Origin", "http://[::1"), ("Origin", "a://b:c"), ("Host", "[::1")):
            socket = {
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
            }
            key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
            upgrade = socket | key if path in ("/_stcore/stream", "/live/decode") else {}
            told[status(url, path, **{name: value}, **upgrade)] += 1
    if any(answered >= 500 for answered in told):
        raise Wrong(json.dumps(told))
    return ", ".join(f"{n} times {answered}" for answered, n in sorted(told.items()))


def status(url: str, path: str, **headers: str) -> int:
    """How it is answered; 0 where the connection is ended."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


ATTACKS: dict[str, Callable[[str], str]] = {
    "frames": frames,
    "half-open": half_open,
    "posts": posts,
    "puts": puts,
    "forwarded": forwarded,
    "slow-readers": slow_readers,
    "guessed-codes": guessed_codes,
    "forged-cookies": cookies,
    "odd-origins": origins,
}
