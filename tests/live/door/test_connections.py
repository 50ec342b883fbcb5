"""Heads and messages without an end are not held for ever, and not without number."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from live.door import connections
from live.door.connections import BoundedWebSocket
from tests.live.conftest import run, wait_until

ROOT = Path(__file__).parents[3]
Connect = Callable[[], socket.socket]
UPGRADE = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def connect(port: int) -> Iterator[Connect]:
    opened: list[socket.socket] = []

    def new() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


@pytest.fixture
def upgraded(connect: Connect) -> Connect:
    def new() -> socket.socket:
        opened = connect()
        opened.sendall(UPGRADE)
        assert opened.recv(1024).startswith(b"HTTP/1.1 101 ")
        return opened

    return new


def frame(size: int, sent: int) -> bytes:
    """The beginning of a client's binary frame of `size` zeros: `sent` of them."""
    return b"\x82\xff" + struct.pack("!Q", size) + bytes(4 + sent)


def ends(opened: socket.socket) -> bool:
    """Waits until the server closes it."""
    try:
        while opened.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    return True


def asked(opened: socket.socket, headers: str = "") -> str:
    """As whom the server counts who asks with these headers."""
    opened.sendall(f"GET /who HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    answer = HTTPResponse(opened)
    answer.begin()
    return answer.read().decode()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: "])
def test_a_head_that_never_ends_is_closed(
    monkeypatch: pytest.MonkeyPatch, connect: Connect, begun: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    opened = connect()
    opened.sendall(begun)
    assert ends(opened)


def test_a_second_request_s_head_has_its_own_time(
    monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    opened = connect()
    assert asked(opened)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    opened.sendall(b"G")
    assert ends(opened)


def test_a_head_is_of_a_size(connect: Connect) -> None:
    opened = connect()
    opened.sendall(b"GET / HTTP/1.1\r\nX: ")
    with pytest.raises(ConnectionError):
        for _ in range(10_000):
            opened.sendall(bytes(b"x" * 4096))


def test_of_too_many_that_wait_the_oldest_goes_and_the_newest_is_answered(
    monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    monkeypatch.setattr(connections, "MAX_HALF_OPEN", 5)
    waiting = [connect() for _ in range(5)]
    assert asked(connect())
    assert ends(waiting[0])
    assert asked(waiting[-1])


def test_a_message_that_never_ends_is_closed(
    monkeypatch: pytest.MonkeyPatch, upgraded: Connect
) -> None:
    monkeypatch.setattr(connections, "MESSAGE_SECONDS", 0.1)
    opened = upgraded()
    opened.sendall(frame(1000, 10))
    assert ends(opened)


def test_a_message_of_many_unfinished_parts_is_closed(
    monkeypatch: pytest.MonkeyPatch, upgraded: Connect
) -> None:
    monkeypatch.setattr(connections, "MESSAGE_SECONDS", 0.1)
    opened = upgraded()
    opened.sendall(b"\x02\xff" + struct.pack("!Q", 100) + bytes(104))  # whole, but not the last
    assert ends(opened)


def test_a_message_is_of_a_size(upgraded: Connect) -> None:
    opened = upgraded()
    opened.sendall(frame(connections.MAX_MESSAGE + 1, 0))
    assert ends(opened)


def test_what_is_whole_is_echoed_and_held_no_longer(upgraded: Connect) -> None:
    opened = upgraded()
    for _ in range(3):
        opened.sendall(frame(100_000, 50_000))
        opened.sendall(bytes(50_000))
        got = 0
        while got < 100_000:
            got += len(opened.recv(1 << 16))
    assert not BoundedWebSocket._held


def test_an_address_s_unfinished_messages_are_bounded_in_sum(
    monkeypatch: pytest.MonkeyPatch, upgraded: Connect
) -> None:
    monkeypatch.setattr(connections, "MAX_UNFINISHED_EACH", 250_000)
    opened = [upgraded() for _ in range(3)]
    for k, each in enumerate(opened):
        # The last goes over the bound, in however many pieces each of them comes.
        wait_until(lambda k=k: BoundedWebSocket._held.total() >= k * 100_000)
        each.sendall(frame(110_000, 100_000))
    assert ends(opened[-1])
    opened[0].sendall(bytes(10_000))
    assert opened[0].recv(1024)


def test_an_answer_on_a_socket_that_uvicorn_has_closed_finds_that_the_visitor_has_left() -> None:
    async def answer() -> None:
        config = uvicorn.Config(lambda: None, log_config=None)
        config.load()
        closed = BoundedWebSocket(config, ServerState(), {})
        closed.handshake_complete = closed.close_sent = True  # as after a ping without an answer
        await closed.send({"type": "websocket.send", "bytes": b"late"})

    with pytest.raises(ClientDisconnected):
        run(answer())


@pytest.mark.parametrize(
    ("named", "host", "counted"),
    [
        (None, "203.0.113.7", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "2001:db8::1:7", "2001:db8::/64"),
    ],
)
def test_whom_a_proxy_speaks_for_is_believed_of_a_named_one_alone(
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    named: str | None,
    host: str,
    counted: str,
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if named:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", named)
    opened: socket.socket = request.getfixturevalue("connect")()
    assert asked(opened, f"X-Forwarded-For: {host}\r\n") == counted


FILES = """
import resource, uvicorn
from live.door.connections import bound
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
config = uvicorn.Config("none:app")
config.loaded_app = None
bound(config)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most)
"""


def test_as_many_may_be_connected_as_the_system_has_places_for() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FILES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == "True\n"
