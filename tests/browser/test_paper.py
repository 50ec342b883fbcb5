"""What is drawn is light on paper, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pypdfium2 import PdfDocument

if TYPE_CHECKING:
    from playwright.sync_api import Page


# At one moment: what comes to be drawn meanwhile is no difference.
PRINTED = """plane => ["afterprint", "beforeprint", "afterprint"].map((event) => {
    dispatchEvent(new Event(event));
    return plane.toDataURL();
})"""


def test_the_plane_is_drawn_light_on_paper_and_dark_again_after_it(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{app_url}/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length")
    dark, paper, after = page.get_by_test_id("latent-plane").evaluate(PRINTED)
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
        page.wait_for_function(f"!({PARTED})().length")  # what it heads comes with its module
    finally:
        page.emulate_media(media="null")  # "screen" would be printed, too


PUSH = """height => {
    document.querySelector("#pushes")?.remove();
    const pushes = document.createElement("div");
    pushes.id = "pushes";
    pushes.style = `flex: none; height: ${height}px`;
    document.querySelector("[data-testid=stMainBlockContainer]").prepend(pushes);
}"""


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_no_sheet_begins_with_the_caption_of_a_figure_on_another(
    page: Page, app_url: str, settle: Callable[[Page], None], paper: str
) -> None:
    page.goto(f"{app_url}/labels?model=mnist-2d")
    settle(page)
    found = page.get_by_test_id("stMain").get_by_test_id("stCaptionContainer")
    found.filter(has_text="may be labelled").wait_for()
    page.get_by_test_id("label-curves").wait_for()
    page.wait_for_function("decodes.length")
    captions = found.all_inner_texts()
    begins = []
    for height in range(0, 101, 25):  # so that sheets end at other places
        page.evaluate(PUSH, height)
        with PdfDocument(page.pdf(format=paper)) as sheets:
            texts = [sheet.get_textpage().get_text_range() for sheet in sheets]
        begins += [text.splitlines()[0] for text in texts[1:]]
    assert begins
    assert [line for line in begins if any(c.startswith(line) for c in captions)] == []
