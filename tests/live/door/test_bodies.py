"""Bodies come in time, of a size, and are bounded in sum; what is refused is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from live.door import bodies
from live.door.bodies import MAX_BODY, MAX_IN_ALL, MAX_OF_A_SESSION, MAX_OF_AN_ADDRESS, Bodies
from tests.live.conftest import run

UPLOAD = "/below/_stcore/upload_file/{session}/{file}"


async def whole(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def app(held: Mapping[str, int]) -> Starlette:
    routes = [Route("/", whole, methods=["POST"]), Route(UPLOAD, whole, methods=["PUT"])]
    return Starlette(routes=routes, middleware=[Middleware(Bodies, held=lambda: held)])


def put(size: int, **held: int) -> int:
    client = TestClient(app(held))
    return client.put(UPLOAD.format(session="ann", file="x"), content=bytes(size)).status_code


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
def test_only_a_file_may_be_large(size: int, status: int, said: bool) -> None:
    content = bytes(size) if said else iter([bytes(size)])
    assert TestClient(app({})).post("/", content=content).status_code == status
    assert put(size) == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 40])
def test_a_length_is_a_number(length: str) -> None:
    headers = {"Content-Length": length}
    assert TestClient(app({})).post("/", content=b"", headers=headers).status_code == 413


def test_what_a_session_holds_and_all_hold_is_bounded() -> None:
    assert put(1000, ann=MAX_OF_A_SESSION - 1000) == 200
    assert put(1001, ann=MAX_OF_A_SESSION - 1000) == 503
    assert put(1001, bob=MAX_IN_ALL - 1000) == 503


def test_what_an_address_holds_is_bounded() -> None:
    held = Counter[str]()
    client = TestClient(app(held))
    sessions = [f"s{k}" for k in range(10)]
    statuses = []
    for session in sessions:
        path = UPLOAD.format(session=session, file="x")
        statuses.append(client.put(path, content=bytes(1000)).status_code)
        if statuses[-1] == 200:
            held[session] = MAX_OF_AN_ADDRESS // 4
            client.put(path, content=bytes(1))
    assert statuses == [200] * 4 + [503] * 6


def test_small_requests_have_room_where_files_take_all_of_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = TestClient(app({"ann": 2 * MAX_IN_ALL}))
    assert client.post("/", content=b"x").status_code == 200
    monkeypatch.setattr(bodies, "MAX_POSTED_EACH", 1000)
    assert client.post("/", content=bytes(1000)).status_code == 200
    assert client.post("/", content=bytes(1001)).status_code == 503


@pytest.mark.parametrize("path", ["/", UPLOAD.format(session="ann", file="x")])
def test_who_does_not_send_the_rest_is_told(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(bodies, "PIECE_SECONDS", 0.05)
    assert run(slow(path, [b"begun"])) == 408


def test_pieces_that_drip_do_not_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    assert run(slow("/", [b"x"] * 100_000, every=0.01)) == 408


async def slow(path: str, pieces: list[bytes], every: float = 0.0) -> int:
    """The status where these pieces come, and no last one."""
    left = iter(pieces)
    statuses: list[int] = []

    async def receive() -> Message:
        await asyncio.sleep(every)
        piece = next(left, None)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "method": "POST" if path == "/" else "PUT", "path": path, "headers": [],
        "query_string": b"", "client": ("203.0.113.7", 1),
    }  # fmt: skip
    await app({})(scope, receive, send)
    assert len(statuses) == 1
    return statuses[0]
