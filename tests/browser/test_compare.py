"""Models side by side: the pointer on one plane moves the other's image too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from tests.browser.places import latents_of, on_screen

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Settle = Callable[[Page], None]

LISTEN = """
window.sides = [[], []];
addEventListener("zscape:decoded", (event) => {
  const side = event.composedPath().find((n) => n.classList?.contains("st-key-side-A")) ? 0 : 1;
  sides[side].push(event.detail.z);
});
"""


@pytest.fixture
def compared(page: Page, app_url: str, settle: Settle) -> Page:
    with page.add_init_script(LISTEN):
        page.goto(f"{app_url}/compare?model=mnist-2d&other=mnist-2d-ae")
    settle(page)
    legends = page.get_by_role("group", name="Legend")
    for k in (0, 1):
        legends.nth(k).get_by_role("button").first.wait_for()
    page.wait_for_function("sides[0].length > 0 && sides[1].length > 0")
    return page


def test_the_other_plane_follows_the_pointer_and_models_swap(
    compared: Page, settle: Settle
) -> None:
    """It follows to the same place, or to the mean of the same test image."""
    plane = compared.get_by_test_id("latent-plane").first
    box = plane.bounding_box()
    assert box
    corner = {"x": 12, "y": box["height"] - 12}  # no point is there
    plane.hover(position=corner)
    compared.wait_for_function(
        "sides[0].at(-1).every((v, k) => v < -2 && Math.abs(v - sides[1].at(-1)[k]) < 1e-3)"
    )
    plane.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    compared.wait_for_function(
        """mu => {
            const [a, b] = sides[1].at(-1);
            return mu.some(([x, y]) => Math.hypot(a - x, b - y) < 1e-3);
        }""",
        arg=latents_of("mnist-2d-ae").mu.tolist(),
    )

    compared.get_by_role("button", name="Swap").click()
    compared.wait_for_url("**/compare?*model=mnist-2d-ae*")
    settle(compared)
    assert "other=mnist-2d&" in f"{compared.url}&"
    assert compared.get_by_text("VAE and autoencoder").count() == 1


def test_an_image_pointed_at_is_decoded_from_its_whole_mean(
    page: Page, app_url: str, settle: Settle
) -> None:
    with page.add_init_script(LISTEN):
        page.goto(f"{app_url}/compare?model=mnist-2d&other=mnist-16d")
    settle(page)
    for k in (0, 1):
        page.get_by_role("group", name="Legend").nth(k).get_by_role("button").first.wait_for()
    page.wait_for_function("sides[0].length > 0 && sides[1].length > 0")
    at_rest = page.evaluate("sides[1].at(-1)")
    plane = page.get_by_test_id("latent-plane").first
    plane.scroll_into_view_if_needed()
    mu, means = latents_of("mnist-2d").mu, latents_of("mnist-16d").mu
    alone = torch.cdist(mu[:500], mu).kthvalue(2).values  # how far the next point is
    decoded = "mu => sides[1].at(-1).every((v, k) => Math.abs(v - mu[k]) < 1e-3)"
    for row in alone.where(mu[:500].abs().amax(1) < 2.5, 0).topk(3).indices.tolist():
        page.mouse.move(*on_screen(plane, "mnist-2d", mu[row].tolist()))
        page.wait_for_function(decoded, arg=means[row].tolist())
    page.mouse.move(5, 5)
    page.wait_for_function(decoded, arg=at_rest)


LED = """async ({ Linked }, gone) => {
  let answer;
  const plane = {
    data: { link: "images" }, z: [0, 0, 0], led: null, hovered: -1, hand: { pointer: null },
    points: { count: 2, rows: [7, 8] }, channel: { ask: () => new Promise((r) => (answer = r)) },
    look() {}, invalidate() {},
  };
  const end = new AbortController();
  new Linked(plane, end.signal);
  const point = (point) => dispatchEvent(
    new CustomEvent("zscape:linked", { detail: { link: "images", from: null, point, at: null } }));
  point(1);
  if (gone) point(-1);
  answer({ bytes: Float32Array.of(1, 2, 3).buffer });
  await new Promise((resolve) => setTimeout(resolve));
  end.abort();
  return plane.led;
}"""


@pytest.mark.parametrize(("gone", "led"), [(False, [1, 2, 3]), (True, None)])
def test_a_mean_that_comes_after_the_pointer_has_left_is_not_shown(
    call_module: Callable[..., Any], gone: bool, led: list[float] | None
) -> None:
    assert call_module("linked.js", LED, gone) == led


def test_models_of_other_data_share_no_image(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/compare?model=mnist-2d&other=sprites-6d")
    settle(page)
    page.get_by_text("trained on different data").wait_for()
    page.get_by_test_id("latent-plane").nth(1).wait_for()
    assert page.get_by_test_id("compared").count() == 0


def test_four_models_are_compared_and_each_shows_samples(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(
        f"{app_url}/compare?model=mnist-2d&other=mnist-2d-ae&third=mnist-16d&fourth=mnist-2d-gan"
    )
    settle(page)
    page.get_by_test_id("latent-plane").nth(3).wait_for()
    samples = page.get_by_test_id("samples")
    samples.nth(3).wait_for()
    expect(samples).to_have_count(4)
    expect(page.get_by_role("columnheader")).to_have_text(
        ["figure", "A: mnist-2d", "B: mnist-2d-ae", "C: mnist-16d", "D: mnist-2d-gan"]
    )
    assert "z-C=" in page.url and "z-B=" not in page.url  # sixteen numbers of its own
    page.goto(f"{app_url}/compare?model=mnist-2d&other=mnist-2d-ae&third=mnist-16d")
    settle(page)
    expect(page.get_by_test_id("compared")).to_be_visible()
    page.get_by_text("A, B and C are decoded from their means").wait_for()


def test_on_a_projector_all_classes_and_layers_of_both_planes_are_in_reach_of_a_mouse(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{app_url}/compare?model=mnist-2d&other=mnist-2d-ae")
    settle(page)
    for k in (0, 1):
        legend = page.get_by_role("group", name="Legend").nth(k)
        for chip in legend.get_by_role("button").all():
            expect(chip).to_be_in_viewport(ratio=1)
            assert is_within(chip, legend)
        layers = page.get_by_role("group", name="Layers").nth(k)
        last = layers.get_by_role("button").last
        assert not is_within(last, layers)
        layers.hover()
        page.mouse.wheel(0, 1000)
        expect(last).to_be_in_viewport(ratio=0.9)
        assert is_within(last, layers)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0


def is_within(part: Locator, whole: Locator) -> bool:
    inside, around = part.bounding_box(), whole.bounding_box()
    assert inside is not None and around is not None
    return inside["x"] + inside["width"] <= around["x"] + around["width"] + 1
