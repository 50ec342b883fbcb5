"""The latent plane under a real pointer: what it decodes, what it tells, and what it survives."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import torch

from tests.browser.places import latents_of, on_screen
from vae_core.latent.paths import interpolate_through

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, WebSocketRoute

    Settle = Callable[[Page], None]

pytestmark = pytest.mark.smoke


def decodes(page: Page) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = page.evaluate("decodes")
    return seen


def wait_for_decodes(page: Page, more_than: int = 0) -> None:
    page.wait_for_function("n => decodes.length > n", arg=more_than)


def open_plane(page: Page, url: str, settle: Settle) -> Locator:
    page.goto(url)
    settle(page)
    wait_for_decodes(page)
    return page.get_by_test_id("latent-plane").first


def wait_for_points(page: Page) -> None:
    page.get_by_role("group", name="Legend").get_by_role("button").first.wait_for()


def spot(plane: Locator, across: float, down: float) -> tuple[float, float]:
    box = plane.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def ink(page: Page, testid: str) -> list[int]:
    """The distinct grey values on a canvas."""
    values: list[int] = page.get_by_test_id(testid).first.evaluate(
        "canvas => [...new Set(canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data.filter((_, k) => k % 4 === 0))]"
    )
    return values


def test_the_pointer_decodes_without_a_rerun_and_gives_the_image_back(
    page: Page, app_url: str, settle: Settle
) -> None:
    plane = open_plane(page, app_url, settle)
    assert len(ink(page, "decoded-image")) > 10
    assert len(ink(page, "latent-plane")) > 10

    page.mouse.move(*spot(plane, 0.5, 0.5))
    cursor = decodes(page)[0]["z"]
    page.mouse.move(*spot(plane, 0.2, 0.3))
    page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=cursor)
    page.mouse.move(2, 2)
    page.wait_for_function("z => String(decodes.at(-1).z) === String(z)", arg=cursor)

    before = page.url
    page.mouse.move(*spot(plane, 0.5, 0.5))
    page.mouse.down()
    for k in range(1, 21):
        count = len(decodes(page))
        page.mouse.move(*spot(plane, 0.5 + k / 80, 0.5 - k / 100))
        wait_for_decodes(page, count)
    assert page.url == before
    dragged = decodes(page)[-1]["z"]
    page.mouse.up()
    page.wait_for_function("url => location.href !== url", arg=before)
    settle(page)
    assert decodes(page)[-1]["z"] == dragged
    latencies = [each["latency_ms"] for each in decodes(page)]
    assert all(latency > 0 for latency in latencies)

    pen = page.context.new_cdp_session(page)

    def point(kind: str, across: float, down: float, pressed: int = 0) -> None:
        x, y = spot(plane, across, down)
        button = "left" if pressed or kind == "mouseReleased" else "none"
        event = {"type": kind, "x": x, "y": y, "button": button, "buttons": pressed}
        pen.send("Input.dispatchMouseEvent", event | {"pointerType": "pen", "clickCount": 1})

    url = page.url
    point("mouseMoved", 0.3, 0.3)
    page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=dragged)
    assert page.url == url
    point("mousePressed", 0.3, 0.3, 1)
    for k in range(1, 6):
        point("mouseMoved", 0.3 + k / 50, 0.3 + k / 50, 1)
    point("mouseReleased", 0.4, 0.4)
    page.wait_for_function("url => location.href !== url", arg=url)


def test_keys_move_z_and_open_the_help_and_the_legend_hides_a_class(
    page: Page, app_url: str, settle: Settle
) -> None:
    plane = open_plane(page, app_url, settle)
    chip = page.get_by_role("group", name="Legend").get_by_role("button").first
    chip.wait_for()
    all_shown = picture(page)
    for pressed in ("false", "true"):
        chip.click()
        page.mouse.move(2, 2)  # a class in sight shows its ellipse
        wait_for_picture(page, all_shown, same=pressed == "true")
        assert chip.get_attribute("aria-pressed") == pressed

    z = decodes(page)[-1]["z"]
    plane.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    moved = [z[0] + 0.05, z[1] + 0.5]
    page.wait_for_function(
        "z => decodes.at(-1).z.every((x, k) => Math.abs(x - z[k]) < 1e-3)", arg=moved
    )
    page.locator("[aria-live=polite]", has_text=f"{moved[0]:.2f}".replace("-", "−")).wait_for(
        state="attached"
    )

    words = page.get_by_role("note").filter(has_text="Wheel or pinch")
    for open_it, close_it in (("?", "?"), ("?", "Escape")):
        page.keyboard.press(open_it)
        words.wait_for()
        page.keyboard.press(close_it)
        words.wait_for(state="hidden")
    page.get_by_role("button", name="Help").click()
    words.wait_for()


def test_points_are_sent_once(page: Page, app_url: str, settle: Settle) -> None:
    sent: list[str] = []
    page.on("request", lambda request: "/live/blob/" in request.url and sent.append(request.url))
    plane = open_plane(page, f"{app_url}/encoded", settle)
    plane.focus()
    for _ in range(3):
        before = page.url
        page.keyboard.press("Shift+ArrowRight")
        page.wait_for_function("url => location.href !== url", arg=before)
        settle(page)
    assert len(sent) == len(set(sent)) == 1


def selected_rows(page: Page) -> list[int]:
    text = parse_qs(urlsplit(page.url).query).get("selected", [""])[0]
    return [int(part) for part in text.split(",") if part]


def test_a_box_selects_what_a_lasso_along_it_selects_and_enter_the_nearest_point(
    page: Page, app_url: str, settle: Settle
) -> None:
    z = torch.tensor([0.5, -0.5])
    plane = open_plane(page, f"{app_url}/encoded?model=digits-2d&z=0.5,-0.5", settle)
    wait_for_points(page)
    plane.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("selected="))
    digits = latents_of("digits-2d")
    assert digits.labels is not None
    nearest = int((digits.mu - z).norm(dim=1).argmin())
    assert selected_rows(page) == [nearest]
    said = f"Point {nearest}, class {int(digits.labels[nearest])}, selected."
    page.locator("[aria-live=polite]", has_text=said).wait_for(state="attached")
    settle(page)
    page.get_by_role("button", name="Clear selection").click()
    page.wait_for_url(re.compile("^(?!.*selected=)"))
    settle(page)

    page.mouse.click(*spot(plane, 0.98, 0.98))  # selects nothing
    corners = [(0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6), (0.3, 0.3)]
    found = []
    for keys, way in (((), corners), (("Shift",), [corners[0], corners[2]])):
        for key in keys:
            page.keyboard.down(key)
        page.mouse.move(*spot(plane, *way[0]))
        page.mouse.down()
        for corner in way[1:]:
            page.mouse.move(*spot(plane, *corner), steps=4)
        page.mouse.up()
        for key in keys:
            page.keyboard.up(key)
        page.wait_for_url(re.compile("selected="))
        settle(page)
        found.append(selected_rows(page))
        page.get_by_role("button", name="Clear selection").click()
        page.wait_for_url(re.compile("^(?!.*selected=)"))
        settle(page)  # what stood below the plane is gone
    assert len(found[0]) > 8
    assert found[0] == found[1]

    page.keyboard.down("Control")  # adds to what the plane holds for selected
    page.mouse.click(*on_screen(plane, "digits-2d", digits.mu[nearest].tolist()))
    page.keyboard.up("Control")
    page.wait_for_url(re.compile("selected="))
    assert len(selected_rows(page)) == 1


def picture(page: Page) -> str:
    """The canvas with no pointer on it, as it rests."""
    page.mouse.move(2, 2)
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    return str(page.get_by_test_id("latent-plane").first.evaluate("canvas => canvas.toDataURL()"))


def wait_for_picture(page: Page, like: str, *, same: bool) -> None:
    page.evaluate(
        "c => { window.plane = c; }", page.get_by_test_id("latent-plane").element_handle()
    )
    page.wait_for_function(
        "([like, same]) => (plane.toDataURL() === like) === same", arg=[like, same]
    )


@pytest.mark.parametrize("where", ["encoded", "interpolate"])
def test_a_double_click_resets_the_view_and_nothing_else(
    page: Page, app_url: str, settle: Settle, where: str
) -> None:
    plane = open_plane(page, f"{app_url}/{where}?model=digits-2d&selected=1,2,3", settle)
    wait_for_points(page)
    if where == "interpolate":
        page.get_by_role("button", name="Pause").click()
        settle(page)
    home, url = picture(page), page.url
    page.mouse.move(*spot(plane, 0.6, 0.4))
    for _ in range(4):
        page.mouse.wheel(0, -150)
    page.mouse.move(2, 2)
    wait_for_picture(page, home, same=False)
    page.mouse.dblclick(*spot(plane, 0.9, 0.9))
    page.mouse.move(2, 2)
    wait_for_picture(page, home, same=True)
    # What a click would tell is told by then: the keys rest longer than a double click takes.
    plane.focus()
    page.keyboard.press("+")
    wait_for_picture(page, home, same=False)
    settle(page)
    assert re.sub("&zoom=[^&]*", "", page.url) == url  # the last key's


def test_the_wheel_zooms_but_lets_a_page_that_scrolls_go_on(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size({"width": 1400, "height": 500})
    plane = open_plane(page, app_url, settle)
    wait_for_points(page)
    home = picture(page)
    box = plane.bounding_box()
    assert box is not None
    x, y = box["x"] + 100, box["y"] - 20  # above the plane, which comes under the pointer
    top = "document.querySelector('[data-testid=stMain]').scrollTop"
    page.mouse.move(x, y)
    for k in range(1, 5):
        page.mouse.wheel(0, 40)
        page.wait_for_function(f"y => {top} >= y", arg=40 * k)
    page.mouse.move(x + 30, y)
    scrolled = page.evaluate(top)
    page.mouse.wheel(0, -100)
    page.mouse.move(2, 2)
    wait_for_picture(page, home, same=False)
    assert page.evaluate(top) == scrolled
    page.mouse.dblclick(x + 30, y)
    page.mouse.move(2, 2)
    wait_for_picture(page, home, same=True)  # the scroll had not zoomed


def test_a_dropped_connection_comes_back_and_a_model_that_is_gone_is_a_sentence(
    page: Page,
    app_url: str,
    settle: Settle,
    console_errors: list[str],
    route_web_socket: Callable[..., None],
) -> None:
    sockets: list[WebSocketRoute] = []
    gone = False

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if not gone:
            socket.connect_to_server()

    route_web_socket(re.compile("/live/decode"), through)
    plane = open_plane(page, app_url, settle)
    opened, gone = len(sockets), True
    for socket in sockets[:opened]:
        socket.close(code=1001, reason="gone")
    page.get_by_text("Reconnecting…").first.wait_for()
    gone = False
    for socket in sockets[opened:]:
        socket.connect_to_server()
    page.get_by_text("Reconnecting…").first.wait_for(state="hidden")
    assert len(sockets) > opened
    count = len(decodes(page))
    page.mouse.move(*spot(plane, 0.3, 0.6))
    wait_for_decodes(page, count)
    for socket in sockets[opened:]:
        socket.close(code=4404, reason="There is no model 'mnist-2d' here any more.")
    page.get_by_text("There is no model 'mnist-2d' here any more.").wait_for()
    console_errors.clear()


def test_without_sockets_to_the_models_the_plane_still_decodes(
    page: Page,
    app_url: str,
    settle: Settle,
    console_errors: list[str],
    route_web_socket: Callable[..., None],
) -> None:
    route_web_socket(re.compile("/live/decode"), lambda socket: socket.close(code=1011))
    plane = open_plane(page, app_url, settle)
    count = len(decodes(page))
    page.mouse.move(*spot(plane, 0.3, 0.6))
    wait_for_decodes(page, count)
    assert len(ink(page, "decoded-image")) > 10
    console_errors.clear()


@pytest.mark.parametrize("half", [3.5, 6.0, 9.9, 13.0, 38.0])
@pytest.mark.parametrize(("width", "height"), [(172, 281), (240, 150), (640, 480)])
def test_a_plane_of_any_size_tells_its_scale_by_ticks_apart(
    call_module: Callable[..., Any], width: int, height: int, half: float
) -> None:
    view = """({ View }, width, height, half) => {
        const view = Object.assign(new View(), { width, height, half });
        return ["x", "y"].map((axis) => view.ticks(axis).map(({ at }) => at * view.unit));
    }"""
    for places in call_module("view.js", view, width, height, half):
        assert len(places) >= 3
        assert min(b - a for a, b in pairwise(places)) >= 30  # pixels: room for a number


def test_the_browser_walks_the_way_that_the_library_walks(call_module: Callable[..., Any]) -> None:
    for stops in (
        [[-2.0, 1.0], [0.5, 1.5]],
        [[1.0, 0.0, 2.0], [-1.0, 0.0, -2.0], [0.3, 0.4, 0.5]],  # antiparallel at first
        [[0.0, 0.0], [1.0, 1.0]],
        [[1.0], [-3.0]],
    ):
        for method in ("linear", "spherical"):
            walked = call_module(
                "way.js", "(way, ...given) => way.along(...given)", stops, method, 7
            )
            expected = interpolate_through(torch.tensor(stops, dtype=torch.float64), 7, method)
            found = torch.tensor(walked, dtype=torch.float64)
            assert torch.allclose(found, expected, atol=1e-9), (stops, method)


@pytest.mark.parametrize(
    ("turns", "news"),
    [
        # Visitors move to A and B, Python echoes both, and the page goes back to A.
        (["tell A", "tell B", "A 1", "B 2", "A 2"], [False, False, True]),
        (["tell A", "tell B", "B 2", "A 2", "B 2"], [False, True, True]),  # a rerun was skipped
        (["tell A", "tell B", "tell A", "A 1", "B 2", "A 3", "B 3"], [False, False, False, True]),
        (["tell A", "A 1", "tell B", "tell C", "A 1", "B 2", "C 3"], [False] * 4),
        (["tell A", "tell B", "a 1", "b 2"], [False, True]),  # the page rounds what it is told
        (["P 0", "P 0", "tell A", "P 0", "A 1", "A 1", "P 1"], [True] + [False] * 4 + [True]),
    ],
)
def test_only_what_the_page_itself_has_changed_moves_what_the_visitor_set(
    call_module: Callable[..., Any], turns: list[str], news: list[bool]
) -> None:
    """`tell A`: the visitor's next word; `A 1`: Python says A and knows the visitor's first."""
    say = """
    ({ Talk }, turns) => {
      const talk = new Talk();
      let at = 0;
      return turns.map((turn) => turn.split(" ")).flatMap(([what, which]) => {
        if (what !== "tell") return talk.news("z", what, +which || undefined);
        talk.tell("z", which, ++at);
        return [];
      });
    }
    """
    assert call_module("talk.js", say, turns) == news
