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
    """Point at another place of the plane; returns what is decoded there."""
    box = page.get_by_test_id("latent-plane").first.bounding_box()
    assert box is not None
    before = page.evaluate("String(decodes.at(-1)?.z)")
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    # What was on its way, or is decoded anew by the engine, is of the place before.
    page.wait_for_function("z => String(decodes.at(-1)?.z) !== z", arg=before)
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


def test_the_socket_rests_while_the_pointer_drags(
    page: Page, app_url: str, settle: Settle, route_web_socket: Callable[..., None]
) -> None:
    verbs: list[int] = []

    def through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def heard(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            verbs.append(message[4])
            server.send(message)

        socket.on_message(heard)

    route_web_socket(re.compile("/live/decode"), through)
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
    page: Page,
    app_url: str,
    settle: Settle,
    console_errors: list[str],
    route_web_socket: Callable[..., None],
) -> None:
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        if sockets:
            socket.close(code=1011)
        else:
            socket.connect_to_server()
        sockets.append(socket)

    route_web_socket(re.compile("/live/decode"), through)
    page.goto(f"{app_url}/decode")
    settle(page)
    wait_for_engine(page)
    page.route(re.compile("/live/ask"), lambda route: route.fulfill(status=503))
    sockets[0].close(code=1001)
    page.get_by_text("Reconnecting…").first.wait_for()
    assert hover(page, 0.3, 0.4)["where"] == "browser"
    console_errors.clear()


SILENT = """async ({ openNear }, fault, times) => {
    const wait = setTimeout;
    window.setTimeout = (act, ms, ...given) => wait(act, ms / 500, ...given);
    window.requestIdleCallback = (act) => wait(act);
    const tries = { tag: 0, weights: 0, stopped: 0, thread: 0 };
    const ended = [];
    const silent = (part) => ++tries[part] <= times && fault === part;
    window.WebSocket = class {
      constructor() {
        wait(() => this.onmessage({ data: '{"latent_dim":2,"image_shape":[1,2,2],"images":0}' }));
      }
      send(frame) {
        if (silent("tag")) return;
        const answer = new Uint8Array([...new Uint8Array(frame, 0, 8), 116]); // its tag is "t"
        wait(() => this.onmessage({ data: answer.buffer }));
      }
      close() {}
    };
    window.fetch = (_url, { signal }) => new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      if (silent("weights")) return;
      const stops = silent("stopped");
      resolve(new Response(new ReadableStream({
        start(to) {
          signal.addEventListener("abort", () => to.error(signal.reason));
          to.enqueue(new Uint8Array(4));
          if (!stops) to.close();
        },
      })));
    });
    window.Worker = class {
      postMessage() {
        if (!silent("thread")) wait(() => this.onmessage({ data: { coding: "float16" } }));
      }
      terminate() {
        ended.push(this);
      }
    };
    const channel = await new Promise((resolve) => {
      const listener = {
        onHello() {},
        onState() {},
        onCoding() {
          if (opened.coding || tries[fault] > 3) resolve(opened);
        },
      };
      const opened = openNear(new URL("http://a.test/"))({ model: "m", engine: "e" }, listener);
      wait(() => resolve(opened), 1500);
    });
    await new Promise((go) => wait(go, 200));
    const { coding } = channel;
    channel.close();
    return [coding, tries[fault], ended.length];
}"""


@pytest.mark.parametrize("fault", ["tag", "weights", "stopped", "thread"])
@pytest.mark.parametrize(("times", "expected"), [(1, ["float16", 2]), (9, [None, 3])])
def test_what_is_silent_is_asked_anew_three_times_at_most(
    call_module: Callable[..., Any], fault: str, times: int, expected: list[Any]
) -> None:
    """The tag, the weights from the first or halfway, and a thread that never says it is ready."""
    *found, ended = call_module("near.js", SILENT, fault, times)
    assert found == expected
    begun = expected[1] if fault == "thread" else int(times == 1)
    assert ended == begun  # each thread, those too that did not begin
