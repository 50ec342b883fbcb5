"""An upload that came to another server than its session's."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from live.servers import NotHere


@pytest.mark.parametrize(
    ("path", "status", "seen"),
    [
        ("/_stcore/upload_file/session/file", 400, 404),
        ("/zs/_stcore/upload_file/session/file", 400, 404),
        ("/_stcore/upload_file/session/file", 204, 204),
        ("/_stcore/upload_file/session/file", 413, 413),
        ("/live/ask", 400, 400),
    ],
)
def test_a_proxy_asks_the_next_server_for_an_upload_alone(
    path: str, status: int, seen: int
) -> None:
    answer = Route(path, lambda _: PlainTextResponse("", status), methods=["PUT"])
    client = TestClient(Starlette(routes=[answer], middleware=[Middleware(NotHere)]))
    assert client.put(path).status_code == seen
