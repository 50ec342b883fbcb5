"""The plane decodes in the browser once the weights are there, and shows what the server shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.browser.conftest import ROOT, Tab, new_context
from vae_core.checkpoints.reading import load_checkpoint

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocketRoute

    Settle = Callable[[Page], None]

WEIGHTS = re.compile("/live/weights")
IMAGE = """canvas => Array.from(canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data)"""


def hover(page: Page, across: float, down: float) -> dict[str, Any]:
    """Point at the plane; returns what is decoded there."""
    box = page.get_by_test_id("latent-plane").first.bounding_box()
    assert box is not None
    count = page.evaluate("decodes.length")
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    page.wait_for_function("n => decodes.length > n", arg=count)
    last: dict[str, Any] = page.evaluate("decodes.at(-1)")
    return last


def wait_for_engine(page: Page) -> None:
    """Until the help says so: the engine has the weights."""
    page.locator(".help", has_text="in this browser, weights as float16").first.wait_for(
        state="attached"
    )


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    """One of these tests' own, which has never been told what to ask of the network."""
    with new_context(browser) as context:
        yield Tab(context, context.new_page())


def image(page: Page) -> list[int]:
    values: list[int] = page.get_by_test_id("decoded-image").first.evaluate(IMAGE)
    return values


@pytest.mark.parametrize(
    "model", ["mnist-2d", "mnist-16d", "olivetti-16d", "mnist-2d-gan", "mnist-m2", "mnist-pca-2d"]
)
def test_images_decoded_here_are_pytorchs_within_a_grey_level(
    page: Page, app_url: str, settle: Settle, model: str
) -> None:
    decoder = load_checkpoint(ROOT / "checkpoints" / model)
    page.goto(f"{app_url}/decode?model={model}")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    wait_for_engine(page)
    for place in [(0.31, 0.42), (0.6, 0.35), (0.52, 0.7)]:
        decoded = hover(page, *place)
        assert decoded["where"] == "browser"
        with torch.inference_mode():
            (theirs,) = decoder.decode(torch.tensor([decoded["z"]]))  # (c, h, w)
        _, h, w = theirs.shape
        ours = torch.tensor(image(page)).view(h, w, 4)[..., :3].permute(2, 0, 1)
        assert (ours - 255 * theirs.expand(3, h, w)).abs().max() < 1.5


def test_the_socket_rests_while_the_pointer_drags(page: Page, app_url: str, settle: Settle) -> None:
    verbs: list[int] = []

    def through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def heard(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            verbs.append(message[4])
            server.send(message)

        socket.on_message(heard)

    page.route_web_socket(re.compile("/live/decode"), through)
    page.goto(f"{app_url}/decode")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    wait_for_engine(page)
    verbs.clear()
    for k in range(20):
        assert hover(page, 0.3 + k / 60, 0.4)["where"] == "browser"
    assert not {1, 2, 3, 5} & set(verbs)


@pytest.mark.parametrize("fault", ["status", "bytes", "script"])
def test_where_the_engine_does_not_come_the_server_decodes(
    page: Page, app_url: str, settle: Settle, fault: str, console_errors: list[str]
) -> None:
    warnings: list[str] = []
    page.on("console", lambda said: said.type == "warning" and warnings.append(said.text))
    if fault == "status":
        page.route(WEIGHTS, lambda route: route.fulfill(status=503, body="Later."))
    elif fault == "bytes":
        page.route(WEIGHTS, lambda route: route.fulfill(body=b"\x02\x00\x00\x00{}"))
    else:
        page.route(re.compile("/worker.js"), lambda route: route.fulfill(status=404))
    page.goto(f"{app_url}/decode")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    while not any("decoded on the server" in text for text in warnings):
        page.wait_for_timeout(50)
    assert hover(page, 0.3, 0.4)["where"] == "server"
    assert len(set(image(page))) > 10
    console_errors.clear()


def test_without_a_connection_the_engine_goes_on(
    page: Page, app_url: str, settle: Settle, console_errors: list[str]
) -> None:
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        if sockets:
            socket.close(code=1011)
        else:
            socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/live/decode"), through)
    page.goto(f"{app_url}/decode")
    settle(page)
    wait_for_engine(page)
    page.route(re.compile("/live/ask"), lambda route: route.fulfill(status=503))
    sockets[0].close(code=1001)
    page.get_by_text("Reconnecting…").first.wait_for()
    assert hover(page, 0.3, 0.4)["where"] == "browser"
    console_errors.clear()
