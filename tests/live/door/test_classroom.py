"""A class behind a code: who has none sees nothing, on pages and live routes alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from live import visitors
from live.door import Classroom, Entrance, classroom, tries
from live.door.classroom import ROLE, WRONG
from vae_core.errors import ConfigError

CODES = {"student": "blue-whale-42", "teacher": "quiet-owl-77"}
PAGE = {"accept": "text/html,*/*"}
PATHS = ("/", "/decode", "/live/ask", "/live/blob/a", "/media/a.png", "/_stcore/host-config")


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))


def role(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.headers.get(ROLE, "nobody"))


async def channel(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(websocket.headers.get(ROLE, "nobody"))


def client(entrance: Entrance | None, scheme: str = "http", peer: str = "a") -> TestClient:
    paths = [*PATHS, "/_stcore/health", "/auth/login"]
    routes = [*(Route(path, role) for path in paths), WebSocketRoute("/live/decode", channel)]
    app = Starlette(routes=routes, middleware=[Middleware(Classroom, entrance=lambda: entrance)])
    return TestClient(app, base_url=f"{scheme}://school.example", client=(peer, 1))


def enter(browser: TestClient, code: str, path: str = "/") -> int:
    return browser.post(path, data={"code": code}, follow_redirects=False).status_code


def test_without_a_code_everybody_is_let_in_and_has_no_role() -> None:
    answer = client(None).get("/", headers={ROLE: "teacher"})
    assert (answer.status_code, answer.text) == (200, "nobody")


def test_who_has_no_code_sees_the_door_alone() -> None:
    browser = client(Entrance(CODES))
    for path in PATHS:
        assert browser.get(path, headers={ROLE: "teacher"}).status_code == 401
    assert "Enter the code" in browser.get("/decode?z=1", headers=PAGE).text
    with pytest.raises(WebSocketDenialResponse), browser.websocket_connect("/live/decode"):
        pass
    assert browser.get("/_stcore/health").status_code == 200
    assert browser.get("/auth/login").status_code == 401


@pytest.mark.parametrize("who", CODES)
def test_who_has_the_code_comes_where_they_wanted_with_their_role(who: str) -> None:
    browser = client(Entrance(CODES), "https")
    answer = browser.post("/decode?z=1", data={"code": f" {CODES[who]} "}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "?z=1")
    for rule in ("HttpOnly", "SameSite=lax", "Secure"):
        assert rule in answer.headers["set-cookie"]
    for path in PATHS:
        assert browser.get(path, headers={ROLE: "teacher"}).text == who
    with browser.websocket_connect("wss://school.example/live/decode") as socket:
        assert socket.receive_text() == who


@pytest.mark.parametrize("wrong", ["", "blue-whale-4", "blue-whale-422", "Blue-Whale-42", "é" * 9])
def test_a_wrong_code_is_told(wrong: str) -> None:
    browser = client(Entrance(CODES))
    answer = browser.post("/", data={"code": wrong})
    assert answer.status_code == 401 and "not the code" in answer.text
    assert browser.get("/").status_code == 401


def test_a_cookie_is_the_server_s_own_and_of_the_code_as_it_is() -> None:
    browser = client(Entrance(CODES))
    enter(browser, CODES["student"])
    cookie = browser.cookies[classroom.COOKIE]
    for other in (f"teacher{cookie[7:]}", "student", "student.a.b", cookie[:-1] + "~"):
        stranger = client(Entrance(CODES))
        stranger.cookies[classroom.COOKIE] = other
        assert stranger.get("/").status_code == 401
    later = client(Entrance(CODES | {"student": "red-panda-11"}))
    later.cookies[classroom.COOKIE] = cookie
    assert later.get("/").status_code == 401


def newcomer(browser: TestClient, peer: str = "a") -> TestClient:
    """Another browser at the same door, with a cookie of its own."""
    other = TestClient(browser.app, base_url="http://school.example", client=(peer, 1))
    other.cookies[visitors.COOKIE] = visitors.new_cookie({})
    return other


def test_who_guesses_codes_keeps_nobody_else_of_the_address_out() -> None:
    program = client(Entrance(CODES))
    guesser = newcomer(program)
    for each in (program, guesser):
        assert {enter(each, f"guess-{k}") for k in range(WRONG)} == {401}
        assert enter(each, CODES["student"]) == 429
    assert enter(newcomer(program), CODES["student"]) == 303
    elsewhere = TestClient(program.app, base_url="http://school.example", client=("b", 1))
    assert enter(elsewhere, CODES["student"]) == 303


def test_an_address_tries_only_so_many_codes_a_second_with_however_many_cookies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tries, "AT_ONCE", 6)
    door = client(Entrance(CODES))
    told = [enter(newcomer(door), f"guess-{k}") for k in range(8)]
    assert told == [401] * 6 + [429] * 2
    assert enter(newcomer(door, "b"), CODES["student"]) == 303


def test_who_has_signed_in_needs_no_code() -> None:
    entrance = Entrance(
        CODES, lambda cookies: cookies.get("signed-in", ""), lambda: "/auth/login?provider=a"
    )
    browser = client(entrance)
    assert 'href="/auth/login?provider=a"' in browser.get("/", headers=PAGE).text
    assert browser.get("/auth/login").status_code == 200
    browser.cookies["signed-in"] = "teacher"
    assert browser.get("/").text == "teacher"


@pytest.mark.parametrize("codes", [{"student": "short"}, {"pupil": "long-enough"}, {"student": 1},
                                   {"student": "the-same-1", "teacher": "the-same-1"}])  # fmt: skip
def test_codes_that_cannot_be_are_told(codes: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="secrets"):
        Entrance(codes)
