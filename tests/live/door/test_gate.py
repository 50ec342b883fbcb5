"""Who is answered, and what a page may do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from live.door import gate
from live.door.gate import HOST_LOST, Gate
from live.peers import counted_as

PATHS = ("/", "/_stcore/health", "/_stcore/metrics", "/_stcore/host-config", "/live/ask")


async def session(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()


def client(root: Path, hosts: Sequence[str] = (), peer: str = "203.0.113.7") -> TestClient:
    (root / "index.html").write_text("<script>\n let a = 1\n</script><script src=x></script>")
    routes = [Route(path, lambda _: PlainTextResponse("here")) for path in PATHS]
    app = Starlette(
        routes=[*routes, WebSocketRoute("/_stcore/stream", session)],
        middleware=[Middleware(Gate, hosts=lambda: hosts, root=root)],
    )
    return TestClient(app, base_url="http://school.example", client=(peer, 1))


def status(browser: TestClient, path: str = "/", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.get(path, headers=named).status_code


@pytest.mark.parametrize("origin", ["http://[::1", "http://a:b"])
def test_an_origin_that_is_none_is_refused_without_a_trace(tmp_path: Path, origin: str) -> None:
    headers = {b"origin": origin.encode()}
    browser = client(tmp_path)
    for path in PATHS:
        assert browser.get(path, headers=headers).status_code == 400  # type: ignore[arg-type]
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        browser.websocket_connect("/_stcore/stream", headers=headers),  # type: ignore[arg-type]
    ):
        pass
    assert denied.value.status_code == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost"])
def test_another_site_opens_no_session_and_nobody_is_asked_about_it(
    tmp_path: Path, origin: str
) -> None:
    browser = client(tmp_path)
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        browser.websocket_connect("/_stcore/stream", headers={"origin": origin}),
    ):
        pass
    assert denied.value.status_code == 403
    own = {"origin": "http://school.example", "host": "school.example"}
    with browser.websocket_connect("/_stcore/stream", headers=own):
        pass


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("localhost:8501", True), ("127.0.0.1", True), ("127.9.9.9", True), ("[::1]:8501", True),
        ("zscape.localhost", True), ("school.example", False), ("", False), ("[::1", False),
        ("localhost.school.example", False), ("192.168.1.7:8501", False),
    ],
)  # fmt: skip
def test_alone_the_server_answers_to_this_machine_s_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, alone: bool
) -> None:
    assert status(client(tmp_path), host=host) == 200
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    assert status(client(tmp_path), host=host) == (200 if alone else 421)
    assert status(client(tmp_path), "/_stcore/health", host=host) == 200


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("school.example", 200), ("School.Example.:443", 200), ("a.b.example", 200),
        ("b.example", 421), ("localhost", 421), ("evilschool.example", 421),
    ],
)  # fmt: skip
def test_named_hosts_are_all_that_it_answers_to(tmp_path: Path, host: str, answered: int) -> None:
    browser = client(tmp_path, ["school.example", "*.b.example"])
    assert status(browser, host=host) == answered


def test_an_address_has_only_so_many_pages_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(gate, "MAX_SESSIONS_EACH", 2)
    browser, other = client(tmp_path), client(tmp_path, peer="203.0.113.8")
    stream = "/_stcore/stream"
    with browser.websocket_connect(stream), browser.websocket_connect(stream):
        with (
            pytest.raises(WebSocketDenialResponse) as denied,
            browser.websocket_connect(stream),
        ):
            pass
        assert denied.value.status_code == 503
        with other.websocket_connect(stream):
            pass
    with browser.websocket_connect(stream):
        pass


def test_figures_are_for_this_machine(tmp_path: Path) -> None:
    assert status(client(tmp_path), "/_stcore/metrics") == 404
    assert status(client(tmp_path, peer="127.0.0.1"), "/_stcore/metrics") == 200
    proxied = status(client(tmp_path, peer="127.0.0.1"), "/_stcore/metrics", x_forwarded_for="a")
    assert proxied == 404


@pytest.mark.parametrize("path", ["/_stcore/health", "/_stcore/host-config"])
def test_a_proxy_that_keeps_the_host_for_itself_is_told_of(tmp_path: Path, path: str) -> None:
    browser = client(tmp_path)
    assert status(browser, path) == 200
    assert status(browser, path, referer="http://school.example/decode?z=1") == 200
    lost = browser.get(path, headers={"host": "zscape:8501", "referer": "https://school.example/"})
    assert (lost.status_code, lost.json()) == (421, HOST_LOST)


def test_every_answer_says_what_a_page_may_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_EMBED", "https://huggingface.co; script-src *")
    headers = client(tmp_path).get("/live/ask").headers
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    # Of "\n let a = 1\n", by: printf '\n let a = 1\n' | openssl dgst -sha256 -binary | base64
    assert "'sha256-1ObrXxGBlC83n3wDgmyGLmYDDdLgyASjCrRhrRkVBT8='" in rules["script-src"]
    assert "unsafe-inline" not in rules["script-src"] and "*" not in rules["script-src"]
    assert rules["frame-ancestors"].startswith("'self' https://huggingface.co ")
    assert headers["x-content-type-options"] == "nosniff"
    assert client(tmp_path).get("/nowhere").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"), ("::ffff:203.0.113.7", "203.0.113.7"), ("::1", "::1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("testclient", "testclient"), (None, ""),
    ],
)  # fmt: skip
def test_a_whole_network_of_ipv6_counts_as_one(host: str | None, counted: str) -> None:
    assert counted_as(host) == counted
