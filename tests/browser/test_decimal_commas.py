"""Numbers as they are typed where decimals stand after a comma."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
SAYS = "field => field.validity.customError && field.validationMessage"


@pytest.fixture
def settings(page: Page, app_url: str, settle: Callable[[Page], None]) -> Page:
    page.goto(f"{app_url}/train?train_objective=dip-vae-ii")
    settle(page)
    page.get_by_text("More settings").click()
    settle(page)
    return page


def test_a_number_is_read_as_it_is_written_anywhere(settings: Page) -> None:
    field = settings.get_by_label("Diagonal", exact=True)  # its steps are whole
    for typed, value in [
        *[(typed, "0.5") for typed in ("0,5", "0٫5", "0，5", "0·5", "٠٫٥", "०.५")],
        ("1.5", "1.5"),
        *[(typed, "1000") for typed in ("1'000", "1 000", "1’000")],
        ("1'000,5", "1000.5"),
    ]:
        field.fill("")
        field.press_sequentially(typed)
        assert (field.input_value(), field.evaluate(SAYS)) == (value, False), typed


def test_what_is_no_number_leaves_the_old_one(
    settings: Page, settle: Callable[[Page], None]
) -> None:
    for number, (label, typed, said) in enumerate(
        [
            ("Epochs", "1,5", "whole number"),
            ("Epochs", "1.5", "whole number"),
            ("Diagonal", "1.234,5", "One comma or point"),
            ("Diagonal", "1'5", "Three digits"),
            ("Diagonal", "1'0005", "Three digits"),
        ],
        start=12,
    ):
        field = settings.get_by_label(label, exact=True)
        old, address = field.input_value(), settings.url
        field.fill("")
        field.press_sequentially(typed)
        assert said in field.evaluate(SAYS), typed
        field.press("Enter")
        settle(settings)
        assert said in field.evaluate(SAYS), typed
        field.press("Tab")
        expect(field, typed).to_have_value(old)
        settle(settings)
        assert (field.input_value(), settings.url) == (old, address), typed
        field.fill(str(number))
        assert not field.evaluate(SAYS), typed
        field.press("Tab")
        settings.wait_for_url(re.compile(rf"={number}(&|$)"))
        settle(settings)


def test_a_number_typed_anew_is_no_longer_in_doubt(settings: Page) -> None:
    field = settings.get_by_label("Diagonal", exact=True)
    field.fill("")
    field.press_sequentially("1.0,5")
    assert "One comma or point" in field.evaluate(SAYS)
    field.press("Control+a")
    field.press_sequentially("0,5")
    assert not field.evaluate(SAYS)
    field.press("Enter")
    settings.wait_for_url(re.compile(r"[?&]dip-vae-ii_diagonal=0.5(&|$)"))
