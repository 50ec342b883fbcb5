"""Below a path of a site, as https://school.example/zscape, alone and behind nginx and Caddy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.proxies import Missing, caddy, nginx
from tests.browser.conftest import running_app
from tests.browser.places import SHIPPED
from vae_core.checkpoints.archives import zip_checkpoint

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    Settle = Callable[[Page], None]

LONG = 180_000  # milliseconds: a process starts and learns on a busy machine


@pytest.fixture(scope="module")
def app_below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app below /zscape; a proxy that takes that off asks it for the rest alone."""
    folder = tmp_path_factory.mktemp("below")
    with running_app(folder, STREAMLIT_SERVER_BASE_URL_PATH="zscape") as app:
        yield app.url


def test_planes_grids_and_figures_are_shown(
    page: Page, app_below: str, settle: Settle, look_at: Callable[..., None]
) -> None:
    page.goto(f"{app_below}/zscape/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    look_at(page, "Manifold", "ELBO gap", "Train live")
    assert page.evaluate("location.pathname").startswith("/zscape/")


def test_a_proxy_may_take_the_path_off(
    page: Page, app_below: str, settle: Settle, look_at: Callable[..., None]
) -> None:
    page.goto(f"{app_below}/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    look_at(page, "Manifold")


def test_the_plane_follows_by_http_where_no_socket_is_let_through(
    page: Page, app_below: str, settle: Settle, route_web_socket: Callable[..., None]
) -> None:
    route_web_socket("**/live/decode*", lambda socket: socket.close())
    with page.expect_response("**/zscape/live/ask*") as answer:
        page.goto(f"{app_below}/zscape/decode?model=digits-2d")
    assert answer.value.json()["latent_dim"] == 2
    page.wait_for_function("decodes.length > 0")
    settle(page)


@pytest.fixture(params=["nginx", "Caddy", "Caddy, which takes the path off"])
def site(
    request: pytest.FixtureRequest, app_below: str, app_url: str, tmp_path: Path
) -> Iterator[str]:
    """The URL, with TLS, of what docs/deploy sets up: the app below /zscape of a site."""
    proxy = nginx("nginx.conf", tmp_path, {"127.0.0.1:8501": app_below.removeprefix("http://")})
    if request.param != "nginx":
        knows_its_path = request.param == "Caddy"
        server = (app_below if knows_its_path else app_url).removeprefix("http://")
        proxy = caddy("Caddyfile", tmp_path, {"127.0.0.1:8501": server})
    try:
        with proxy as url:
            yield f"{url}/zscape"
    except Missing as missing:
        pytest.skip(str(missing))


def test_behind_a_proxy_it_opens_drags_asks_and_takes_what_is_uploaded(
    site: str,
    visitor: Callable[..., AbstractContextManager[BrowserContext]],
    settle: Settle,
    look_at: Callable[..., None],
) -> None:
    with visitor(ignore_https_errors=True) as context:
        page = context.new_page()
        with page.expect_websocket(lambda socket: "/zscape/live/decode" in socket.url):
            page.goto(f"{site}?model=digits-2d")
        settle(page)
        page.wait_for_function("decodes.length > 0")
        box = page.get_by_test_id("latent-plane").first.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
        page.wait_for_function("decodes.length > 1")
        look_at(page, "Manifold")
        asked = "(await fetch('live/ask?model=digits-2d', { method: 'POST', body: 'x' })).text()"
        assert "has no whole header" in page.evaluate(f"(async () => {asked})()")
        page.get_by_role("button", name="Open a checkpoint").click()
        large: Any = {
            "name": "model.zip",
            "mimeType": "application/zip",
            "buffer": zip_checkpoint(SHIPPED / "mnist-2d"),  # 12 MB
        }
        page.get_by_role("dialog").locator("input[type=file]").set_input_files(large)
        page.wait_for_url("**model=run:upload-**")
        settle(page)
