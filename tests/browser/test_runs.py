"""The page Runs: a table, curves over one another, the settings that differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from vae_core.runs.run import Run

    Settle = Callable[[Page], None]


def test_runs_are_laid_over_one_another_and_their_settings_compared(
    page: Page,
    visitor: Callable[..., Any],
    app_url: str,
    settle: Settle,
    own_run: Callable[..., Run],
) -> None:
    first, second = own_run(epochs=2), own_run(epochs=2, beta=4.0)
    page.goto(f"{app_url}/runs")
    settle(page)
    page.wait_for_url(re.compile(f"runs=.*{first.token}"))
    assert second.token in page.url
    curves = page.get_by_test_id("compared-curves")
    curves.locator("polyline").first.wait_for(state="attached")
    assert curves.locator("polyline").count() == 3 * 2 * 2  # terms, runs, splits
    cells = page.get_by_test_id("stTable").locator("td").all_inner_texts()
    assert cells == ["beta", "4.0", "1.0"]
    page.get_by_text("TensorBoard", exact=True).click()
    page.get_by_text(f"{first.token}/tensorboard").wait_for()

    with visitor() as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{app_url}/runs?runs={second.token}")
        settle(other)
        other.get_by_text("watching").wait_for()
        assert other.get_by_role("button", name="Delete").count() == 0
        assert first.token not in other.content()

    page.get_by_role("button", name="Delete").first.click()
    page.get_by_role("button", name="Delete it").click()
    page.wait_for_function(f"!location.href.includes('{second.token}')")
    assert not second.path.exists()
    assert first.path.exists()
    settle(page)
    page.get_by_test_id("stMain").get_by_role("button", name="Open").click()
    page.wait_for_url(re.compile(f"/train.*run={first.token}"))
    settle(page)
    page.get_by_test_id("epoch-scrubber").wait_for()


def test_who_has_trained_nothing_is_led_to_training(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/runs?runs=nobody-knows-it")
    settle(page)
    page.get_by_text("not here any more").wait_for()
    page.get_by_test_id("stMain").get_by_role("link", name="Train live").click()
    page.get_by_test_id("start-training").wait_for()
