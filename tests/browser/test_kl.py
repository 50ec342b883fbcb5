"""Two Gaussians under the pointer and the keys, and the slider of β, as the page shows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING

import pytest
import torch
from playwright.sync_api import expect
from torch.distributions import Normal, kl_divergence

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]


def figures(page: Page) -> list[float]:
    """KL(q‖p) and KL(p‖q), as told above the areas."""
    told = page.get_by_test_id("two-gaussians").locator("figcaption b").all_inner_texts()
    return [float(re.search(r"= ([\d.]+)", text)[1]) for text in told]  # type: ignore[index]


def test_a_curve_is_moved_by_hand_and_by_keys(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/kl?q=0,1&p=0,2")
    settle(page)
    top, flank = page.get_by_test_id("q-mu"), page.get_by_test_id("q-sigma")
    expect(top).to_have_attribute("aria-valuenow", "0")
    expected = float(kl_divergence(Normal(0.0, 1.0), Normal(0.0, 2.0)))
    assert figures(page)[0] == pytest.approx(expected, abs=0.006)

    box = top.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"], steps=4)
    page.mouse.up()
    expect(top).not_to_have_attribute("aria-valuenow", "0")
    mu = float(top.get_attribute("aria-valuenow") or 0)
    assert mu > 0.5
    expected = float(kl_divergence(Normal(mu, 1.0), Normal(0.0, 2.0)))
    assert figures(page)[0] == pytest.approx(expected, abs=0.006)

    flank.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(flank).to_have_attribute("aria-valuenow", "0.5")
    page.wait_for_url(re.compile(rf"q={re.escape(f'{mu:g}')},0\.5&"))
    settle(page)
    page.reload()
    settle(page)
    expect(page.get_by_test_id("q-sigma")).to_have_attribute("aria-valuenow", "0.5")
    both = torch.tensor([mu, 0.0]), torch.tensor([0.5, 2.0])
    q, p = (Normal(both[0][k], both[1][k]) for k in (0, 1))
    assert figures(page) == pytest.approx(
        [float(kl_divergence(q, p)), float(kl_divergence(p, q))], abs=0.006
    )


@pytest.mark.parametrize("q", ["0.5,0.9", "-0.5,0.9", "0,1"])
def test_names_above_near_curves_stand_beside_the_handles(
    page: Page, app_url: str, settle: Settle, q: str
) -> None:
    page.goto(f"{app_url}/kl?q={q}&p=0,1")
    settle(page)
    drawing = page.get_by_test_id("two-gaussians")
    names = [name.bounding_box() for name in drawing.locator("text.name").all()]
    handles = [handle.bounding_box() for handle in drawing.get_by_role("slider").all()]
    for a, b in [*product(names, handles), (names[0], names[1])]:
        assert a is not None and b is not None
        across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
        down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
        assert min(across, down) < 3


def test_a_lesson_leads_from_two_gaussians_to_others(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/kl?lesson=04-kl-to-play-with&step=2")
    settle(page)
    top, flank = page.get_by_test_id("q-mu"), page.get_by_test_id("q-sigma")
    expect(flank).to_have_attribute("aria-valuenow", "0.6")
    for _ in range(2):  # where they stood at first, and where they were moved
        page.get_by_role("link", name="A narrow q, a wide p").click()
        settle(page)
        expect(flank).to_have_attribute("aria-valuenow", "0.5")
        expect(top).to_have_attribute("aria-valuenow", "0")
        settle(page)
        flank.press("Shift+ArrowRight")
        page.wait_for_url(re.compile(r"q=0,1&"))
        settle(page)
    page.go_back()
    settle(page)
    expect(flank).to_have_attribute("aria-valuenow", "1")


def test_both_curves_and_both_integrands_open_in_plotly(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/kl?q=0,1&p=0,2")
    settle(page)
    menu = page.locator(".save").first
    menu.get_by_role("button", name="Save", exact=True).click()
    menu.get_by_role("menuitem", name="Open in Plotly").click()
    dialog = page.get_by_test_id("plotly")
    expect(dialog.locator(".legendtext")).to_have_text(["q", "p", "q log(q/p)", "p log(p/q)"])
    expect(dialog.locator(".scatterlayer .trace")).to_have_count(4)


def test_a_wrong_gaussian_in_a_link_is_told(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/kl?q=0,nan")
    settle(page)
    page.get_by_text("Not all of this link could be used").wait_for()
    page.get_by_text("KL(p‖q) = 3.50 nats").wait_for()  # of what is shown instead
    expect(page.get_by_test_id("q-mu")).to_have_attribute("aria-valuenow", "1.5")


def test_a_larger_weight_leaves_fewer_units_active(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/kl?part=beta&beta=20")
    settle(page)
    page.get_by_text("4 of 16").wait_for()
    page.get_by_test_id("beta-manifold").wait_for()
    expect(page.get_by_text(re.compile("over z[₁-₉]+ and z[₁-₉]+,"))).to_be_visible()
    for panel in page.get_by_test_id("betas").locator("svg").all():
        assert panel.locator(".grid").count() >= 2  # one alone tells no scale
    page.get_by_role("slider").press("Home")
    page.get_by_text("16 of 16").wait_for()
    page.wait_for_url(re.compile(r"beta=0\.25"))
