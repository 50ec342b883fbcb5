"""Samples on the Overview: from the prior, a mixture or a flow, each with how well it fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

pytestmark = pytest.mark.browser
DENSITY = re.compile(r"mean log density of −?\d+\.\d\d ± \d\.\d\d nats under it and −?\d+\.\d\d")


def test_samples_are_drawn_from_where_the_visitor_says(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/?model=digits-2d")
    settle(page)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("z ~ N(0, I) with seed 0")
    page.get_by_text("a mixture of the encoded data").click()
    expect(main).to_contain_text("z ~ a mixture of 10 Gaussians with seed 0", timeout=60_000)
    expect(main).to_contain_text(DENSITY)
    expect(page).to_have_url(re.compile("sampler=mixture"))
    page.goto(f"{app_url}/?model=digits-2d&sampler=flow&components=3")
    expect(main).to_contain_text("z ~ a RealNVP flow with seed 0", timeout=60_000)
    expect(main).to_contain_text(DENSITY)
    settle(page)
