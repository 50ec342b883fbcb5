"""The ELBO gap of an image, as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.places import words_on_plane

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute

    Settle = Callable[[Page], None]

NUMBER = r"−?[\d.]+"


def bars(page: Page) -> list[float]:
    """The figures at the right of the bars, from the top."""
    page.get_by_test_id("gap-bars").wait_for()
    texts = page.get_by_test_id("gap-bars").locator(".value").all_inner_texts()
    return [float(re.sub("[+, ]", "", text.replace("−", "-"))) for text in texts]


def check_sums(page: Page) -> None:
    reconstruction, kl, elbo, amortisation, approximation, log_px = bars(page)
    assert reconstruction + kl == pytest.approx(elbo, abs=0.03)
    assert elbo + amortisation + approximation == pytest.approx(log_px, abs=0.03)


def test_the_bars_add_up_for_the_image_that_the_link_names(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/elbo?model=digits-2d&image=7")
    settle(page)
    check_sums(page)
    check = page.get_by_text("each term by a quadrature of its own").inner_text()
    apart = re.search(rf"({NUMBER}) apart", check)
    assert apart and float(apart[1]) < 0.05
    before = bars(page)
    for image in ("9", "7"):
        page.get_by_role("spinbutton", name="Test image").fill(image)
        page.get_by_role("spinbutton", name="Test image").press("Enter")
        page.wait_for_url(re.compile(f"image={image}"))
        settle(page)
        assert (bars(page) == before) == (image == "7")


def test_the_whole_plane_has_the_layers_that_its_link_shows(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/elbo?model=digits-2d&image=7")
    settle(page)
    prior = page.get_by_role("group", name="Layers").get_by_role("button", name="Prior")
    expect(prior).to_have_attribute("aria-pressed", "false")
    page.get_by_role("radio", name="whole plane").click()
    expect(prior).to_have_attribute("aria-pressed", "true")
    settle(page)
    page.reload()
    settle(page)
    expect(prior).to_have_attribute("aria-pressed", "true")
    prior.click()
    page.get_by_role("radio", name="posterior").click()
    settle(page)
    page.get_by_role("radio", name="whole plane").click()
    settle(page)
    expect(prior).to_have_attribute("aria-pressed", "false")  # what the visitor chose stays


@pytest.mark.parametrize("image", [0, 6])  # where q is q*, and where it is beside it
def test_the_names_of_q_and_of_the_best_gaussian_stand_apart(
    page: Page, app_url: str, settle: Settle, image: int
) -> None:
    page.goto(f"{app_url}/elbo?model=mnist-2d&image={image}")
    settle(page)
    words = words_on_plane(page)
    q, best = words["q"], words["q*"]
    assert q[0] >= best[2] or best[0] >= q[2] or q[1] >= best[3] or best[1] >= q[3]


def draw_a_one(page: Page) -> None:
    pad = page.get_by_test_id("draw")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(x, box["y"] + 0.8 * box["height"], steps=8)
    page.mouse.up()


def test_a_drawing_has_a_gap_of_its_own(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/elbo?model=mnist-2d&source=drawing")
    settle(page)
    gap = page.get_by_test_id("gap-bars")
    before = gap.inner_text()
    page.wait_for_function("decodes.length > 0")  # the image above the pad has its size
    draw_a_one(page)
    expect(gap).not_to_have_text(before, use_inner_text=True)
    settle(page)
    check_sums(page)


def test_a_drawing_made_before_the_model_answers_is_not_lost(
    page: Page, app_url: str, settle: Settle, route_web_socket: Callable[..., None]
) -> None:
    held: list[WebSocketRoute] = []
    route_web_socket(re.compile("/live/decode"), lambda socket: held.append(socket))
    page.goto(f"{app_url}/elbo?model=frey-2d&source=drawing")  # whose pad is no square
    settle(page)
    gap = page.get_by_test_id("gap-bars")
    before = gap.inner_text()
    draw_a_one(page)
    page.evaluate("new Promise((go) => setTimeout(go, 200))")
    assert page.evaluate("decodes.length") == 0
    for socket in held:
        socket.connect_to_server()
    expect(gap).not_to_have_text(before, use_inner_text=True)
    settle(page)
    check_sums(page)


def test_beyond_two_dimensions_the_page_says_what_is_out_of_reach(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/elbo?model=sprites-6d")
    settle(page)
    assert len(bars(page)) == 6
    page.get_by_text("the exact posterior is out of reach").wait_for()


def test_the_list_of_contents_leads_to_the_parts(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/elbo?model=digits-2d&image=7")
    settle(page)
    for name in ("A data set from a minibatch", "Reparameterisation"):
        page.get_by_role("link", name=name).first.click()
        heading = page.get_by_role("heading", name=name, level=2)
        expect(heading).to_be_in_viewport()
        settle(page)
        assert "/elbo" in page.url and "image=7" in page.url
    expect(page.get_by_test_id("gap-bars")).not_to_be_in_viewport()
