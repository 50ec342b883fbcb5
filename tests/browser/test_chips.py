"""The plane's chips say what they are, to the pointer and the keyboard; a long legend is folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Settle = Callable[[Page], None]


def words(chip: Locator) -> str:
    """What stands beside the chip; "none" while nothing does."""
    return str(chip.evaluate("chip => getComputedStyle(chip, '::after').content"))


def test_a_chip_says_what_it_is(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/encoded?model=digits-2d")
    settle(page)
    layers = page.get_by_role("group", name="Layers").get_by_role("button")
    layers.first.wait_for()
    for chip in [*layers.all(), page.get_by_role("button", name="Help", exact=True).first]:
        assert words(chip) == "none"
        told = chip.get_attribute("aria-description")
        assert told and len(told) > 15
        chip.hover()
        assert words(chip) == f'"{told}" / ""'  # no part of its name
        page.mouse.move(0, 0)
        assert words(chip) == "none"
    layers.first.focus()
    page.keyboard.press("Tab")  # from chip to chip by keyboard
    assert "prior" in words(layers.nth(1)).lower()


def test_the_many_classes_of_a_legend_are_folded(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/encoded?model=olivetti-16d")
    settle(page)
    legend = page.get_by_role("group", name="Legend").get_by_role("button")
    expect(legend).to_have_count(11)
    more = legend.last
    expect(more).to_have_text("30 more")
    more.click()
    expect(legend).to_have_count(41)
    legend.nth(39).click()
    expect(legend.nth(39)).to_have_attribute("aria-pressed", "false")
    page.reload()
    settle(page)
    expect(legend).to_have_count(40)  # one of those to be folded is off: all are shown
    expect(legend.nth(39)).to_have_attribute("aria-pressed", "false")
