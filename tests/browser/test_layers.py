"""The decoder's layers and the worked example, as the page shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]


def test_layers_and_their_worked_example(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/layers?model=sprites-6d&stride=2&padding=1&pixel=4")
    settle(page)
    page.get_by_text("ConvTranspose2d + SiLU").first.wait_for()
    expect(page.get_by_test_id("feature-maps")).to_have_count(5)
    page.get_by_text("2 × 2 → 3 × 3").wait_for()
    page.get_by_text("0 apart").wait_for()
    cells = page.get_by_test_id("example-matrices").locator(".matrix i")
    expect(cells).to_have_count(2 * 4 * 9)
    lit = page.get_by_test_id("example-matrices").locator(".matrix i.lit")
    expect(lit).to_have_count(2 * 9)  # the row of C, the column of its transpose
    x = page.get_by_test_id("example-images").locator("figure").nth(2).locator("i")
    assert x.all_inner_texts() == ["", "", "", "", "4", "8", "", "16", "20"]  # y₄ = 4 stamps w
