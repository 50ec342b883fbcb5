"""A browser gets its name once, with a page; no script can read it, and nobody can make one up."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from live.visitors import COOKIE, VisitorCookie, visitor_of

BEFORE = "q" * 32  # what a cookie of earlier versions holds


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    return tmp_path


def client(scheme: str = "http") -> TestClient:
    routes = [
        Route("/", lambda _: HTMLResponse("<p>page</p>")),
        Route("/asset", lambda _: PlainTextResponse("asset")),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(VisitorCookie)])
    return TestClient(app, base_url=f"{scheme}://school.example")


def named(browser: TestClient) -> str:
    browser.get("/")
    return visitor_of({COOKIE: browser.cookies[COOKIE]})


def test_a_browser_keeps_the_name_that_its_first_page_gave() -> None:
    browser = client()
    given = browser.get("/").headers["set-cookie"]
    assert "HttpOnly" in given and "SameSite=Lax" in given and "Secure" not in given
    assert "set-cookie" not in browser.get("/").headers


def test_under_tls_the_name_goes_over_no_open_line() -> None:
    assert client("https").get("/").headers["set-cookie"].endswith("; Secure")


def test_two_browsers_have_different_names() -> None:
    names = {named(client()) for _ in range(2)}
    assert len(names) == 2 and "" not in names


@pytest.mark.parametrize("made_up", ["me", BEFORE, f"{BEFORE}.{'a' * 27}", "é", "."])
def test_a_name_that_the_server_did_not_give_is_nobody_s_and_replaced(made_up: str) -> None:
    assert visitor_of({COOKIE: made_up}) == ""
    raw = f"{COOKIE}={made_up}".encode()
    answer = client().get("/", headers={b"cookie": raw})  # type: ignore[arg-type]
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize("mark", ["digits-0a/owner", ".visitors/{}/x.json"])
def test_who_was_here_before_names_were_signed_keeps_what_is_theirs(runs: Path, mark: str) -> None:
    owner = hashlib.sha256(BEFORE.encode()).hexdigest()
    file = runs / mark.format(owner)
    file.parent.mkdir(parents=True)
    file.write_text(owner)
    assert visitor_of({COOKIE: BEFORE}) == owner
    browser = client()
    browser.cookies[COOKIE] = BEFORE
    given = browser.get("/").headers["set-cookie"].partition(";")[0].partition("=")[2]
    assert given != BEFORE and visitor_of({COOKIE: given}) == owner


def test_servers_of_the_same_runs_know_one_another_s_names_and_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = client()
    name = named(browser)
    assert os.stat(tmp_path / ".servers" / "key").st_mode & 0o777 == 0o600
    assert visitor_of(dict(browser.cookies)) == name
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "others"))
    assert visitor_of(dict(browser.cookies)) == ""
    monkeypatch.setenv("ZSCAPE_KEY", "one for all")
    theirs = client()
    name = named(theirs)
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    assert visitor_of(dict(theirs.cookies)) == name


def test_what_a_proxy_may_keep_names_nobody() -> None:
    assert "set-cookie" not in client().get("/asset").headers
