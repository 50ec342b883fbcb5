"""The decoder's layers and the worked example, as the page shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    Settle = Callable[[Page], None]

MAPS = """
const all = (root) => [...root.querySelectorAll("*")].flatMap(
    (one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
window.last = () => all(document)
    .filter((one) => one.dataset?.testid === "feature-maps").at(-1)?.toDataURL() ?? null;
"""
# The last layer's picture when no newer one comes for a while.
RESTED = """async () => {
    let [before, now] = [null, last()];
    while (before !== now) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        [before, now] = [now, last()];
    }
    return now;
}"""


def test_layers_and_their_worked_example(
    context: BrowserContext, app_url: str, settle: Settle
) -> None:
    page = context.new_page()
    page.add_init_script(MAPS)
    page.goto(f"{app_url}/layers?model=sprites-6d&stride=2&padding=1&pixel=4")
    settle(page)
    page.get_by_text("ConvTranspose2d + SiLU").first.wait_for()
    expect(page.get_by_test_id("feature-maps")).to_have_count(5)
    plane, at_home = page.get_by_test_id("latent-plane"), page.evaluate("last()")
    plane.hover(position={"x": 200, "y": 120})
    page.wait_for_function("home => last() !== home", arg=at_home)
    for _ in range(150):  # so that not one picture is the server's, and another the browser's
        if page.evaluate("decodes.at(-1).where") == "browser":
            break
        plane.hover(position={"x": 201, "y": 120})
        plane.hover(position={"x": 200, "y": 120})
        page.wait_for_timeout(200)
    here = page.evaluate(RESTED)
    plane.hover(position={"x": 330, "y": 190})
    page.wait_for_function("here => last() !== here", arg=here)
    plane.hover(position={"x": 200, "y": 120})
    page.wait_for_function("here => last() === here", arg=here)

    page.get_by_text("Transposed convolution, by hand").click()
    page.get_by_text("2 × 2 → 3 × 3").wait_for()
    page.get_by_text("0 apart").wait_for()
    cells = page.get_by_test_id("example-matrices").locator(".matrix i")
    expect(cells).to_have_count(2 * 4 * 9)
    lit = page.get_by_test_id("example-matrices").locator(".matrix i.lit")
    expect(lit).to_have_count(2 * 9)  # the row of C, the column of its transpose
    x = page.get_by_test_id("example-images").locator("figure").nth(2).locator("i")
    assert x.all_inner_texts() == ["", "", "", "", "4", "8", "", "16", "20"]  # y₄ = 4 stamps w


def test_the_same_by_inserted_zeros_with_numbers_of_ones_own(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/layers?model=digits-2d&part=example&stride=2&x-pixel=13")
    settle(page)
    zeros = page.get_by_test_id("example-zeros").locator("figure")
    expect(zeros.nth(0).locator("i")).to_have_count(7 * 7)
    expect(zeros.nth(0).locator("i.lit")).to_have_count(9)
    page.get_by_text("Pixel 13 of x: 1 · 9 + 2 · 7 + 3 · 3 + 4 · 1 = 36.").wait_for()
    numbers = page.get_by_role("textbox", name="Numbers of y")
    numbers.fill("0 0; 0 −2")
    numbers.press("Enter")
    page.get_by_text("Pixel 13 of x: −2 · 1 = −2.").wait_for()
    page.wait_for_url("**y-values=**")
    numbers.fill("1 2 3")
    numbers.press("Enter")
    page.get_by_text("4 whole numbers from −99 to 99, please").wait_for()
    page.get_by_text("0 apart").wait_for()


def test_on_a_projector_what_a_step_is_about_stands_in_view_beside_it(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    lesson = "lesson=08-layers-and-transposed-convolution"
    look = page.locator(".st-key-lesson a.look")
    page.goto(f"{app_url}/layers?model=mnist-16d&{lesson}&step=1")
    settle(page)
    name = page.locator(".st-key-layer-0").get_by_text("1. Linear").bounding_box()
    maps = page.get_by_test_id("feature-maps").first.bounding_box()
    assert name is not None and maps is not None
    assert maps["x"] > name["x"] + name["width"], "a layer's maps stand beside its name"
    for step, figures in ((2, "example-matrices"), (4, "example-images")):
        page.goto(f"{app_url}/layers?model=mnist-16d&{lesson}&step={step}")
        settle(page)
        look.click()
        settle(page)
        for one in page.get_by_test_id(figures).locator(".matrix").all():
            expect(one).to_be_in_viewport(ratio=1)
