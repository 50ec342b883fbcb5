"""Below a path of a site, as https://school.example/zscape: pages, planes, grids, films."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import running_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

LONG = 180_000  # milliseconds: a process starts and learns on a busy machine


@pytest.fixture(scope="module")
def app_below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app below /school/zscape; a proxy that takes that off asks it for the rest alone."""
    folder = tmp_path_factory.mktemp("below")
    with running_app(folder, STREAMLIT_SERVER_BASE_URL_PATH="school/zscape") as app:
        yield app.url


def test_every_page_shows_its_planes_and_grids(
    page: Page, app_below: str, settle: Settle, look_at: Callable[..., None]
) -> None:
    page.goto(f"{app_below}/school/zscape/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    look_at(page)
    assert page.evaluate("location.pathname").startswith("/school/zscape/")


def test_a_proxy_may_take_the_path_off(
    page: Page, app_below: str, settle: Settle, look_at: Callable[..., None]
) -> None:
    page.goto(f"{app_below}/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    look_at(page, "Manifold", "Decode z")


def test_the_plane_follows_by_http_where_no_socket_is_let_through(
    page: Page, app_below: str, settle: Settle
) -> None:
    page.route_web_socket("**/live/decode*", lambda socket: socket.close())
    with page.expect_response("**/school/zscape/live/ask*") as answer:
        page.goto(f"{app_below}/school/zscape/decode?model=digits-2d")
    assert answer.value.json()["latent_dim"] == 2
    page.wait_for_function("decodes.length > 0")
    settle(page)


def test_a_training_and_its_film(page: Page, app_below: str, settle: Settle) -> None:
    page.goto(f"{app_below}/school/zscape/train?epochs=3")
    settle(page)
    page.get_by_test_id("start-training").click()
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    settle(page)
    with page.expect_response("**/school/zscape/live/blob/*") as film:
        page.get_by_role("slider", name="Epoch").press("Home")
    assert film.value.ok
    page.get_by_role("link", name="Explore this model").click()
    page.wait_for_url("**/school/zscape/?*model=run*")
    settle(page)
