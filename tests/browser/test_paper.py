"""What is drawn is light on paper, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_plane_is_drawn_light_on_paper_and_dark_again_after_it(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{app_url}/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length")
    drawn = "plane => plane.toDataURL()"
    plane = page.get_by_test_id("latent-plane")
    seen = [plane.evaluate(drawn)]
    for event in ("beforeprint", "afterprint"):
        page.evaluate(f"dispatchEvent(new Event('{event}'))")
        seen.append(plane.evaluate(drawn))
    dark, paper, after = seen
    assert dark != paper
    assert dark == after


def test_the_list_of_lessons_is_one_sheet(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/lessons")
    settle(page)
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 1


PARTED = """() => [...document.querySelectorAll("[data-testid=stMain] :is(h2, h3)")]
    .filter((heading) => {
        let part = heading.closest("[data-testid=stElementContainer]");
        while (part && getComputedStyle(part).breakAfter === "avoid") {
            do part = part.nextElementSibling;
            while (part && getComputedStyle(part).display === "none");
            if (part?.offsetHeight > 1) return false;
        }
        return true;
    }).map((heading) => heading.innerText)"""


@pytest.mark.parametrize("path", ["labels", "clusters", "anomalies"])
def test_a_heading_stands_with_what_it_heads(
    page: Page, app_url: str, settle: Callable[[Page], None], path: str
) -> None:
    page.goto(f"{app_url}/{path}?model=mnist-2d")
    settle(page)
    page.get_by_test_id("stMain").get_by_role("heading", level=2).first.wait_for()
    page.emulate_media(media="print")
    try:
        assert page.evaluate(PARTED) == []
    finally:
        page.emulate_media(media="screen")
