"""The cards of latent dimensions, as the page shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from tests.browser.places import SHIPPED, latents_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from vae_core.runs.run import Run

    Settle = Callable[[Page], None]

CARD = re.compile(r"KL ([\d.]+) nats")


def test_the_cards_come_by_falling_kl_and_stored_scores_are_shown_whole(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/factors?model=sprites-6d&image=3")
    settle(page)
    page.get_by_test_id("traversal-0").wait_for()
    shown = [float(kl) for kl in CARD.findall(page.get_by_test_id("stMain").inner_text())]
    oracle = sorted(latents_of("sprites-6d").kl_per_dim.tolist(), reverse=True)
    assert shown == [round(kl, 2) for kl in oracle]

    file = SHIPPED / "sprites-6d" / "metrics.json"
    stored = json.loads(file.read_text("utf-8"))["disentanglement"]
    metric = page.get_by_test_id("stMetric").filter(has_text="DCI disentanglement")
    expect(metric.get_by_test_id("stMetricValue")).to_have_text(f"{stored['disentanglement']:.2f}")
    label = metric.get_by_text("DCI disentanglement", exact=True)
    assert label.evaluate("e => e.scrollWidth <= e.clientWidth")
    expect(page.get_by_role("button", name="Compute the scores")).to_have_count(0)


def test_a_name_stays_with_one_s_own_model(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., Run]
) -> None:
    run = own_run(epochs=1)
    page.goto(f"{app_url}/factors?model=run:{run.token}")
    settle(page)
    names = page.locator("input[aria-label^='Name of']")
    label = names.first.get_attribute("aria-label")
    assert label
    names.first.fill("slant")
    names.first.press("Enter")
    settle(page)
    page.goto(f"{app_url}/factors?model=run:{run.token}")
    settle(page)
    expect(page.get_by_label(label)).to_have_value("slant")
    kept = json.loads((run.path / "dimension_names.json").read_text("utf-8"))
    assert kept == {str("₁₂".index(label[-1])): "slant"}
    assert not (run.path / "checkpoint" / "dimension_names.json").exists()


def test_a_range_is_in_the_link_and_a_name_of_a_shared_model_stays_with_who_gave_it(
    page: Page, app_url: str, settle: Settle, visitor: Callable[..., Any], runs_root: Path
) -> None:
    page.goto(f"{app_url}/factors?model=digits-2d&image=3")
    settle(page)
    page.get_by_text("factors are not known").wait_for()
    page.get_by_text("± k σ around μ", exact=True).click()
    page.wait_for_url(re.compile(r"k=3"))
    settle(page)
    box = page.get_by_label("Name of z₁")
    box.fill("slant")
    box.press("Enter")
    settle(page)
    page.goto(page.url)
    settle(page)
    page.get_by_role("slider", name="k").wait_for()
    expect(box).to_have_value("slant")
    kept = [json.loads(file.read_text("utf-8")) for file in (runs_root / ".names").iterdir()]
    assert {"digits-2d": {"0": "slant"}} in kept
    with visitor() as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{app_url}/factors?model=digits-2d")
        settle(other)
        expect(other.get_by_label("Name of z₁")).to_have_value("")


def test_an_attribute_may_be_a_factor_of_numbers(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/factors?model=sprites-6d&by=scale")
    settle(page)
    page.get_by_text("mean of scale highest quarter − mean of scale lowest quarter").wait_for()
    expect(page.get_by_test_id("attributes")).to_be_visible()
