"""A browser gets its name once, with a page, and no script can read it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from live.visitors import COOKIE, VisitorCookie


def client() -> TestClient:
    routes = [
        Route("/", lambda _: HTMLResponse("<p>page</p>")),
        Route("/asset", lambda _: PlainTextResponse("asset")),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(VisitorCookie)]))


def test_a_browser_keeps_the_name_that_its_first_page_gave():
    browser = client()
    given = browser.get("/").headers["set-cookie"]
    assert "HttpOnly" in given
    assert "SameSite=Lax" in given
    assert "set-cookie" not in browser.get("/").headers


def test_two_browsers_have_different_names():
    names = []
    for browser in (client(), client()):
        browser.get("/")
        names.append(browser.cookies[COOKIE])
    assert names[0] != names[1]
    assert min(map(len, names)) >= 32


def test_what_a_proxy_may_keep_names_nobody():
    assert "set-cookie" not in client().get("/asset").headers
