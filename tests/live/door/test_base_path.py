"""Below a path: what is asked for there and what a proxy asks for in its place are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from live.door.base_path import BasePath


def client(base: str) -> TestClient:
    """Routes as `st.App` has them: the live ones at the root, Streamlit's below its base path."""

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("live")
        await websocket.close()

    async def page(request):
        return PlainTextResponse(f"page {request.path_params['page']}")

    routes = [
        Route("/live/ask", lambda _: PlainTextResponse("live")),
        WebSocketRoute("/live/decode", socket),
        Mount(base.rstrip("/"), routes=[Route("/{page:path}", page)]),
    ]
    middleware = [Middleware(BasePath, base=lambda: base)]
    return TestClient(Starlette(routes=routes, middleware=middleware))


@pytest.mark.parametrize("base", ["/zs", "/zs/", "/a/b"])
@pytest.mark.parametrize("stripped", [False, True])
def test_live_routes_and_pages_are_where_they_are_asked_for(base: str, stripped: bool) -> None:
    outside, before = client(base), "" if stripped else base.rstrip("/")
    assert outside.get(f"{before}/live/ask").text == "live"
    with outside.websocket_connect(f"{before}/live/decode") as websocket:
        assert websocket.receive_text() == "live"
    assert outside.get(f"{before}/decode").text == "page decode"
    assert outside.get(f"{before}/").text == "page "


def test_without_a_base_path_nothing_moves() -> None:
    assert client("").get("/live/ask").text == "live"
    assert client("").get("/zs/live/ask").text == "page zs/live/ask"


def test_a_path_that_only_begins_alike_is_another() -> None:
    assert client("/zs").get("/zsx/live/ask").text == "page zsx/live/ask"


@given(st.text("/azs", max_size=8))
def test_whether_a_proxy_has_taken_it_off_makes_no_difference(rest: str) -> None:
    middleware = BasePath(lambda *_: None, lambda: "zs")
    assert middleware.routed(f"/zs/{rest}").startswith("/zs/")
    if not f"{rest}/".startswith("zs/"):
        assert middleware.routed(f"/{rest}") == middleware.routed(f"/zs/{rest}")
