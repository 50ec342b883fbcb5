"""The address says what is in view, and the browser's way back works."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def overview(page: Page, app_url: str, settle: Callable[[Page], None]) -> Page:
    page.goto(f"{app_url}/?model=digits-2d&z=0.5,-0.25")
    settle(page)
    return page


def test_a_page_link_keeps_model_and_z(overview: Page) -> None:
    overview.get_by_role("link", name="Decode z").first.click()
    expect(overview).to_have_url(re.compile(r"/decode\?.*model=digits-2d"))
    expect(overview).to_have_url(re.compile(r"z=0\.500%2C-0\.250"))


def test_one_step_back_is_one_page_back(overview: Page) -> None:
    overview.get_by_role("link", name="Decode z").first.click()
    expect(overview.get_by_role("heading", name="Decode z")).to_be_visible()
    overview.get_by_role("button", name="Reset").click()
    expect(overview).to_have_url(re.compile(r"z=0\.000%2C0\.000"))
    overview.go_back()
    expect(overview.get_by_role("heading", name="under your pointer")).to_be_visible()
    expect(overview).to_have_url(re.compile(r"/\?.*z=0\.000%2C0\.000"))


def test_a_copied_address_opens_the_same_view_elsewhere(
    overview: Page, browser: Browser, settle: Callable[[Page], None]
) -> None:
    overview.get_by_role("button", name="New samples").click()
    expect(overview).to_have_url(re.compile(r"seed=[1-9]"))
    [seed] = re.findall(r"seed=(\d+)", overview.url)
    with browser.new_context() as context:
        elsewhere = context.new_page()
        elsewhere.goto(overview.url)
        settle(elsewhere)
        expect(elsewhere).to_have_url(overview.url)
        samples = elsewhere.get_by_test_id("samples")
        expect(samples).to_have_attribute("aria-label", re.compile(rf"seed {seed}$"))


def test_what_a_link_hides_stays_hidden_on_the_next_page(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/decode?hide=models,upload")
    settle(page)
    page.get_by_role("link", name="Manifold").first.click()
    expect(page).to_have_url(re.compile(r"/manifold\?.*hide=models%2Cupload"))
    expect(page.get_by_text("Open a checkpoint")).to_have_count(0)
