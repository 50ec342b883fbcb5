"""The plane's layers, and the plane under fingers and on fine screens."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.browser.places import latents_of, on_screen

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, WebSocketRoute

    Settle = Callable[[Page], None]

DECODE = 1  # the channel's verb


def open_plane(page: Page, url: str, settle: Settle) -> Locator:
    page.goto(url)
    settle(page)
    page.wait_for_function("decodes.length > 0")
    plane = page.get_by_test_id("latent-plane").first
    page.evaluate("canvas => { window.plane = canvas; }", plane.element_handle())
    page.get_by_role("group", name="Legend").get_by_role("button").first.wait_for()
    two_frames(page)
    return plane


def two_frames(page: Page) -> None:
    """What is known by now is drawn, in the page's own font."""
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")


def layer(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Layers").first.get_by_role("button", name=name)


def picture(plane: Locator) -> str:
    return str(plane.evaluate("canvas => canvas.toDataURL()"))


def test_a_manifold_of_six_dimensions_is_decoded_too(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/decode?model=sprites-6d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    plane = page.get_by_test_id("latent-plane").first
    page.evaluate("canvas => { window.plane = canvas; }", plane.element_handle())
    two_frames(page)
    before = picture(plane)
    layer(page, "Manifold").click()
    page.wait_for_function("before => plane.toDataURL() !== before", arg=before)


def test_each_layer_is_switched_on_and_off_and_nothing_moves_by_itself(
    page: Page, app_url: str, settle: Settle
) -> None:
    plane = open_plane(page, app_url, settle)
    before = picture(plane)
    for name in ("Manifold", "Prior", "Density", "Trust fog"):
        chip = layer(page, name)
        was = chip.get_attribute("aria-pressed")
        chip.click()
        page.wait_for_function("before => plane.toDataURL() !== before", arg=before)
        assert chip.get_attribute("aria-pressed") != was
        assert page.evaluate("plane.getRootNode().getAnimations().length") == 0
        chip.click()
        page.wait_for_function("before => plane.toDataURL() === before", arg=before)

    key = page.get_by_role("group", name="Legend").get_by_role("button").nth(1)
    for see in (key.hover, key.focus):  # a class in sight shows its posterior
        see()
        page.wait_for_function("before => plane.toDataURL() !== before", arg=before)
        layer(page, "q(z|x)").focus()
        page.mouse.move(2, 2)
        page.wait_for_function("before => plane.toDataURL() === before", arg=before)


# Those of the last frame: what comes late is drawn in one of its own.
COUNT_ELLIPSES = """() => {
  window.ellipses = 0;
  let frame = null;
  const draw = CanvasRenderingContext2D.prototype.ellipse;
  CanvasRenderingContext2D.prototype.ellipse = function (...where) {
    const { currentTime } = document.timeline;
    if (frame !== currentTime) ellipses = 0;
    frame = currentTime;
    ellipses += 1;
    return draw.apply(this, where);
  };
}"""


@pytest.mark.parametrize(("chosen", "drawn"), [(range(8), 8), (range(9), 1)])
def test_few_selected_points_have_an_ellipse_each_and_more_share_one(
    page: Page, app_url: str, settle: Settle, chosen: range, drawn: int
) -> None:
    selected = ",".join(map(str, chosen))
    open_plane(page, f"{app_url}/encoded?model=digits-2d&selected={selected}", settle)
    page.evaluate(COUNT_ELLIPSES)
    ellipses = """() => new Promise((go) => requestAnimationFrame(() => {
        plane.dispatchEvent(new PointerEvent("pointermove", { clientX: 0, clientY: 0 }));
        requestAnimationFrame(() => requestAnimationFrame(() => go(ellipses)));
    }))"""
    assert page.evaluate(ellipses) == 2 * drawn  # at 1 and at 2 sigma


def test_the_posterior_of_a_class_is_the_mixture_of_its_points(
    call_module: Callable[..., Any],
) -> None:
    rng = np.random.default_rng(0)
    n = 40
    xy = rng.normal(size=(n, 2)).astype("<f4")
    sigma = rng.uniform(0.2, 1, (n, 2)).astype("<f4")
    category = (np.arange(n) % 2).astype("u1")
    covariance = np.stack([sigma[:, 0] ** 2, np.zeros(n), sigma[:, 1] ** 2], 1).astype("<f4")
    packed = b"".join(
        part.tobytes() for part in (xy, np.arange(n, dtype="<u4"), covariance, category)
    )
    found = call_module(
        "points.js",
        """({ Points }, bytes, count) => {
            const layout = { count, covariance: true, value: null, names: ["a", "b"] };
            const points = new Points(Uint8Array.from(bytes).buffer, layout);
            return points.mixture(points.ofClass(1));
        }""",
        list(packed),
        n,
    )
    own = category == 1
    draws = xy[own].astype(float)
    expected = np.cov(draws.T, bias=True) + np.diag((sigma[own].astype(float) ** 2).mean(0))
    assert found["mean"] == pytest.approx(draws.mean(0), abs=1e-5)
    assert found["covariance"] == pytest.approx(
        [expected[0, 0], expected[0, 1], expected[1, 1]], abs=1e-5
    )


def test_the_fog_says_both_figures_at_the_pointer_and_without_one(
    page: Page, app_url: str, settle: Settle
) -> None:
    plane = open_plane(page, app_url, settle)
    layer(page, "Trust fog").click()
    box = plane.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 60)  # far from all points
    tip = page.locator(".tip")
    tip.get_by_text(re.compile(r"q\(z₁, z₂\) = 0\.000")).wait_for()
    tip.get_by_text(re.compile(r"encode\(decode\(z\)\) is \d+\.\d\d away")).wait_for()
    page.mouse.move(2, 2)
    tip.wait_for(state="hidden")
    plane.focus()
    page.keyboard.press("Shift+ArrowRight")
    for figure in (r"q\(z₁, z₂\) = \d", r"encode\(decode\(z\)\) is \d+\.\d\d away"):
        page.get_by_text(re.compile(figure)).filter(visible=True).wait_for()


def test_the_manifold_is_decoded_anew_where_the_view_rests(
    page: Page, app_url: str, settle: Settle, route_web_socket: Callable[..., None]
) -> None:
    rows: list[int] = []

    def through(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def to_server(message: bytes | str) -> None:
            if isinstance(message, bytes) and message[4] == DECODE:
                rows.append(int.from_bytes(message[6:8], "little"))
            server.send(message)

        route.on_message(to_server)

    page.route("**/live/weights?*", lambda route: route.fulfill(status=204))  # by the socket
    route_web_socket(re.compile("/live/decode"), through)
    plane = open_plane(page, app_url, settle)
    assert max(rows) == 1
    before = picture(plane)
    layer(page, "Manifold").click()
    page.wait_for_function("before => plane.toDataURL() !== before", arg=before)
    assert sum(rows) > 400
    rows.clear()
    plane.hover()
    page.mouse.wheel(0, -300)
    deadline = time.monotonic() + 30
    while sum(rows) <= 400 and time.monotonic() < deadline:
        two_frames(page)
    assert sum(rows) > 400


def test_a_tap_shows_the_point_that_it_hits(
    visitor: Callable[..., Any], app_url: str, settle: Settle
) -> None:
    with visitor(has_touch=True, viewport={"width": 420, "height": 900}) as context:
        page = context.new_page()
        plane = open_plane(page, f"{app_url}/encoded?model=digits-2d", settle)
        point = latents_of("digits-2d").mu[:, 1].argmax()  # it stands apart
        x, y = on_screen(plane, "digits-2d", latents_of("digits-2d").mu[point].tolist())
        page.touchscreen.tap(x, y)
        tip = page.locator(".tip", has_text=f"#{point}")
        tip.get_by_text(re.compile("real image|decoded from μ")).wait_for()
        page.touchscreen.tap(x - 100, y)
        tip.wait_for(state="hidden")


def test_two_fingers_zoom_and_one_moves_z_on_a_fine_canvas(
    visitor: Callable[..., Any], app_url: str, settle: Settle
) -> None:
    phone = {"width": 420, "height": 900}
    with visitor(has_touch=True, is_mobile=True, device_scale_factor=2, viewport=phone) as context:
        page = context.new_page()
        plane = open_plane(page, app_url, settle)
        drawn, shown = plane.evaluate("canvas => [canvas.width, canvas.clientWidth]")
        assert drawn == pytest.approx(2 * shown, abs=1)
        plane.scroll_into_view_if_needed()
        box = plane.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = context.new_cdp_session(page)

        def fingers(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": a, "y": b, "id": k} for k, (a, b) in enumerate(places)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        z = page.evaluate("decodes.at(-1).z")
        fingers("touchStart", (x, y))
        fingers("touchMove", (x + 40, y + 40))
        fingers("touchEnd")
        page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=z)
        settle(page)
        moved = page.evaluate("decodes.at(-1).z")
        two_frames(page)
        before = picture(plane)
        fingers("touchStart", (x - 20, y))
        fingers("touchStart", (x - 20, y), (x + 20, y))
        for k in range(1, 8):
            fingers("touchMove", (x - 20 - 8 * k, y), (x + 20 + 8 * k, y))
        fingers("touchEnd")
        page.wait_for_function("before => plane.toDataURL() !== before", arg=before)
        page.wait_for_function("z => String(decodes.at(-1).z) === String(z)", arg=moved)
