"""What the plane says and does when the server, the model or the connection goes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from benchmarks.proxies import free_port
from tests.browser.conftest import running_app
from vae_core.checkpoints.reading import load_latents
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route, WebSocketRoute

    from tests.browser.conftest import App

    Settle = Callable[[Page], None]

SHIPPED = Path(__file__).parents[2] / "checkpoints"
CHANNEL = re.compile("/live/decode")


def open_plane(page: Page, url: str, settle: Settle) -> None:
    page.goto(url)
    settle(page)
    page.wait_for_function("decodes.length > 0")


def hover(page: Page, across: float, down: float) -> None:
    box = page.get_by_test_id("latent-plane").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


def assert_follows(page: Page) -> None:
    """The pointer goes to two places, and each is decoded."""
    for place in ((0.3, 0.6), (0.6, 0.4)):
        count = page.evaluate("decodes.length")
        hover(page, *place)
        page.wait_for_function("n => decodes.length > n", arg=count)


@pytest.fixture(scope="module")
def own_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints that the tests may change, each its own."""
    root = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(SHIPPED / "mnist-2d", root / "mnist-2d")
    for name in ("deleted", "retrained"):
        shutil.copytree(SHIPPED / "digits-2d", root / name)
    return root


@pytest.fixture(scope="module")
def own_app(
    browser: Browser, own_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("app")
    with running_app(folder, ZSCAPE_CHECKPOINTS=str(own_models)) as app:
        yield app


@pytest.mark.parametrize("name", ["plane.js", "glide.js"])
def test_a_module_that_does_not_come_at_first_is_asked_for_again(
    context: BrowserContext, app_url: str, settle: Settle, name: str
) -> None:
    page = context.new_page()
    failed: list[str] = []

    def fail_thrice(route: Route) -> None:
        if len(failed) < 3:
            failed.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(f"**/live/assets/*/{name}*", fail_thrice)
    page.goto(f"{app_url}/?model=digits-2d")
    page.wait_for_function("decodes.length > 0")
    settle(page)
    assert len(failed) == 3
    assert page.get_by_text("BidiComponent Error").count() == 0
    assert_follows(page)


def test_a_server_that_restarts_is_found_again(
    context: BrowserContext, tmp_path: Path, settle: Settle
) -> None:
    page = context.new_page()
    port = free_port()
    with running_app(tmp_path, port) as app:
        open_plane(page, app.url, settle)
        assert_follows(page)
    page.get_by_text("Reconnecting…").first.wait_for()
    with running_app(tmp_path, port):
        page.get_by_text("Reconnecting…").first.wait_for(state="hidden", timeout=60_000)
        settle(page)
        assert_follows(page)


def test_a_model_that_is_deleted_is_a_sentence(
    context: BrowserContext, own_app: App, own_models: Path, settle: Settle
) -> None:
    page = context.new_page()
    open_plane(page, f"{own_app.url}/?model=deleted", settle)
    shutil.rmtree(own_models / "deleted")
    hover(page, 0.4, 0.4)
    page.get_by_text("There is no model 'deleted' here any more.").first.wait_for()


def test_a_replaced_model_answers_with_its_new_weights_or_says_that_it_cannot(
    context: BrowserContext, own_app: App, own_models: Path, settle: Settle
) -> None:
    page = context.new_page()
    open_plane(page, f"{own_app.url}/?model=retrained", settle)
    pixels = "window.image.toDataURL()"
    image = page.get_by_test_id("decoded-image").first
    page.evaluate("image => { window.image = image; }", image.element_handle())
    assert_follows(page)
    before = page.evaluate(pixels)
    replace(own_models / "retrained", latent_dim=2)
    hover(page, 0.41, 0.4)
    page.wait_for_function(f"before => {pixels} !== before", arg=before)
    assert page.get_by_text("Reconnecting…").first.is_hidden()
    replace(own_models / "retrained", latent_dim=3)
    hover(page, 0.4, 0.4)
    page.get_by_text("The model was replaced by one of other dimensions").first.wait_for()


def replace(path: Path, latent_dim: int) -> None:
    torch.manual_seed(0)
    config = ModelConfig((1, 8, 8), latent_dim=latent_dim, hidden=(16,))
    latents = load_latents(path) if latent_dim == 2 else None
    save_checkpoint(path, build_model(config), latents=latents)


def test_a_slow_connection_keeps_only_the_newest_wish(
    page: Page, app_url: str, settle: Settle, route_web_socket: Callable[..., None]
) -> None:
    sent: list[bytes | str] = []
    answered: list[bytes] = []
    held: list[Callable[[], None]] = []
    slow = {"on": False}

    def through(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def to_server(message: bytes | str) -> None:
            sent.append(message)
            server.send(message)

        def to_page(message: bytes | str) -> None:
            if isinstance(message, bytes):  # else it says what the model is
                answered.append(message)
            if slow["on"]:
                held.append(lambda: route.send(message))
            else:
                route.send(message)

        route.on_message(to_server)
        server.on_message(to_page)

    page.route("**/live/weights?*", lambda route: route.fulfill(status=204))  # it keeps the socket
    route_web_socket(CHANNEL, through)
    open_plane(page, app_url, settle)
    while len(answered) < len(sent):
        page.wait_for_timeout(50)
    slow["on"] = True
    sent.clear()
    for k in range(20):
        hover(page, 0.3 + k / 100, 0.5)
    while not decodings(sent) or not held:
        page.wait_for_timeout(50)
    assert len(decodings(sent)) == 1  # one in flight, nineteen replaced one another
    count = page.evaluate("decodes.length")
    slow["on"] = False
    for release in held:
        release()
    page.wait_for_function("n => decodes.length >= n", arg=count + 2)  # that, and the newest wish
    assert len(decodings(sent)) == 2


def decodings(sent: list[bytes | str]) -> list[bytes | str]:
    return [message for message in sent if isinstance(message, bytes) and message[4] == 1]


def test_two_browsers_on_different_models_each_get_their_own(
    visitor: Callable[..., Any], app_url: str, settle: Settle
) -> None:
    widths = {}
    with visitor() as one, visitor() as other:
        pages = {"mnist-2d": one.new_page(), "digits-2d": other.new_page()}
        for model, page in pages.items():
            open_plane(page, f"{app_url}/?model={model}", settle)
        for _ in range(3):
            for page in pages.values():
                assert_follows(page)
        for model, page in pages.items():
            widths[model] = page.get_by_test_id("decoded-image").first.evaluate("c => c.width")
    assert widths == {"mnist-2d": 28, "digits-2d": 8}


def test_a_style_sheet_that_comes_late_does_not_bring_back_an_older_plane(
    page: Page, app_url: str, settle: Settle
) -> None:
    held: list[Route] = []
    page.route("**/plane.css", lambda route: held.append(route))
    page.goto(f"{app_url}/encoded?model=mnist-16d&x=z5&y=z12")
    page.get_by_test_id("latent-plane").wait_for(state="attached")
    page.get_by_role("combobox", name="Across").click()
    page.get_by_role("option", name="z₆").click()
    page.wait_for_url(re.compile("x=z6"))
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    for route in held:
        route.continue_()
    page.wait_for_function("decodes.length > 0")
    settle(page)
    plane = page.get_by_test_id("latent-plane")
    expect(plane).to_have_attribute("aria-label", re.compile("z₆ and z₁₂"))
