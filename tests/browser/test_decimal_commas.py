"""Numbers as they are typed where decimals stand after a comma."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
SAYS = "field => field.validity.customError && field.validationMessage"


@pytest.fixture
def settings(page: Page, app_url: str, settle: Callable[[Page], None]) -> Page:
    page.goto(f"{app_url}/train?train_objective=dip-vae-ii")
    settle(page)
    page.get_by_text("More settings").click()
    return page


@pytest.mark.parametrize(("typed", "value"), [("0,5", "0.5"), ("1.5", "1.5"), ("1.0,5", "1.05")])
def test_a_decimal_comma_is_read_as_a_point(settings: Page, typed: str, value: str) -> None:
    field = settings.get_by_label("Diagonal", exact=True)  # its steps are whole
    field.fill("")
    field.press_sequentially(typed)
    said = field.evaluate(SAYS)
    assert said.startswith("One comma or point") if typed == "1.0,5" else not said
    field.press("Enter")
    settings.wait_for_url(re.compile(rf"[?&]dip-vae-ii_diagonal={value}(&|$)"))


def test_a_whole_number_says_that_it_takes_no_decimals(settings: Page) -> None:
    field = settings.get_by_label("Epochs", exact=True)
    for typed in ("0,5", "0.5"):
        field.fill("")
        field.press_sequentially(typed)
        assert "whole number" in field.evaluate(SAYS)
    field.fill("12")
    field.press("Enter")
    settings.wait_for_url(re.compile(r"[?&]epochs=12(&|$)"))
    field.blur()
    assert not field.evaluate(SAYS)
