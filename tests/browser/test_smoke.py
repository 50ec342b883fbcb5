"""Every page opens: light and dark, on a projector, on a narrow window and on paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from ui.frame.navigation import HEADINGS, SECTIONS
from ui.text.explain import question

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

pytestmark = pytest.mark.smoke
CORE_PAGES = {"Overview", "Encoded μ", "Decode z", "Manifold", "Interpolate", "Train live"}
FILES_BY_TITLE = {title: file for pages in SECTIONS.values() for file, title, _, _ in pages}
LOOKS = ((1400, "light"), (800, "dark"))  # a theme changes no width

BACKGROUND = """() =>
    getComputedStyle(document.querySelector('[data-testid=stApp]'))
    .backgroundColor.match(/\\d+/g).map(Number)
"""
# Whatever scrolls sideways is wider than its place: the page, its main part or its sidebar.
OVERFLOWING = """() =>
    [document.documentElement, ...document.querySelectorAll(
        '[data-testid=stMain], [data-testid=stMainBlockContainer], [data-testid=stSidebarContent]')]
    .filter(part => part.scrollWidth > part.clientWidth + 1)
    .map(part => `${part.dataset.testid ?? 'page'}: ${part.scrollWidth} > ${part.clientWidth}`)
"""


PAPERS = {"A4": 703, "Letter": 725}  # CSS pixels between margins of 12 mm
# Within shadow trees too. What is cut lies beyond the paper, or beyond what holds it.
CONTROLS = (
    "button:not(.chip), select, input, textarea, [role=slider], [role=radio], [role=combobox]"
)
# On paper: light, without controls, nothing cut.
PRINTED = """([selector, width]) => {
  const all = (root) => [...root.querySelectorAll("*")]
    .flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const shown = all(document.querySelector("[data-testid=stApp]"))
    .filter((e) => e.checkVisibility({ visibilityProperty: true }));
  const name = (e) => `${e.tagName} ${e.dataset.testid ?? ""} ${e.className} ${e.textContent}`;
  const controls = shown.filter((e) => e.matches(selector) && e.offsetWidth > 1);
  const wide = shown.filter((e) => e.matches("canvas, img, table, p, h1, h2") &&
    e.getBoundingClientRect().right > width + 1);
  const dark = shown.filter((e) => e.matches("p, li, h1, h2, h3, td, th"))
    .filter((e) => !e.closest("[style*=color]"))
    .filter((e) => Math.max(...getComputedStyle(e).color.match(/[\\d.]+/g).slice(0, 3)) > 128);
  const grounds = ["stApp", "stMain"].map((id) => document.querySelector(`[data-testid=${id}]`))
    .filter((e) => getComputedStyle(e).backgroundColor !== "rgb(255, 255, 255)");
  const pale = [...dark, ...grounds];
  return { controls: controls.map(name), wide: wide.map(name), pale: pale.map(name) };
}"""

# Whether what the page shows from the fold Explain on are the folds alone, by their names.
ENDS = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  const parts = "[data-testid=stExpander], [data-testid=stElementContainer]";
  const shown = [...main.querySelectorAll(parts)]
    .filter((e) => !e.parentElement.closest("[data-testid=stExpander]") && e.offsetHeight > 2)
    .filter((e, i, all) => !e.contains(all[i + 1] ?? null));
  const said = (e) => e.querySelector("summary")?.innerText.split("\\n").at(-1) ?? e.innerText;
  const names = shown.map(said);
  const end = names.slice(names.indexOf("Explain")).join();
  return end === "Explain" || end === "Explain,Show the code";
}"""


def navigation(page: Page) -> dict[str, str]:
    """The pages that the app's own menu offers: title -> address."""
    found: dict[str, str] = {}
    page.get_by_test_id("stTopNavSection").first.wait_for()
    for section in page.get_by_test_id("stTopNavSection").all():
        section.click()
        menu = page.get_by_test_id("stTopNavPopover")
        menu.get_by_role("menuitem").first.wait_for()
        for link in menu.get_by_role("menuitem").all():
            found[link.inner_text().splitlines()[-1].strip()] = link.evaluate("a => a.href")
        page.keyboard.press("Escape")
        menu.wait_for(state="detached")
    return found


def check_frame(page: Page, title: str) -> None:
    """A page begins with the question it answers; it ends with Explain, then Show the code.

    What is folded and has formulas is sent once it is opened: they are half of a page's elements.
    """
    main = page.get_by_test_id("stMain")
    asked = main.get_by_test_id("stCaptionContainer").first
    expect(asked).to_have_text(question(FILES_BY_TITLE[title]))  # the page before may stand still
    page.wait_for_function(ENDS)
    assert main.locator("details:not([open]) .katex").count() == 0


@pytest.mark.parametrize("title", FILES_BY_TITLE)
def test_every_page_opens_whole(turned: Page, settle: Settle, title: str) -> None:
    heading = turned.get_by_role("heading", level=1)
    heading.filter(has_text=HEADINGS.get(title, title)).wait_for()
    for width, theme in LOOKS:
        turned.emulate_media(color_scheme=theme)
        turned.set_viewport_size({"width": width, "height": 900})
        settle(turned)
        where = f"{title}, {theme}, {width} pixels"
        turned.wait_for_function(f"!({OVERFLOWING})().length")  # canvases follow a frame later
        text = turned.get_by_test_id("stMain").inner_text()
        followed = f"light => (({BACKGROUND})().reduce((a, b) => a + b) > 384) === light"
        turned.wait_for_function(followed, arg=theme == "light")  # the theme follows a frame later
        assert text.strip(), f"{where}: the page is empty"
        assert "Traceback" not in text, where
        assert turned.get_by_test_id("stAlertContentError").all_inner_texts() == [], where
    check_frame(turned, title)
    turned.evaluate("dispatchEvent(new Event('beforeprint'))")  # from a dark screen
    turned.emulate_media(media="print", color_scheme="dark")
    for paper, width in PAPERS.items():
        turned.set_viewport_size({"width": width, "height": 1000})
        seen = turned.evaluate(PRINTED, [CONTROLS, width])
        assert seen == {"controls": [], "wide": [], "pale": []}, f"{title} on {paper}"
    turned.emulate_media(media="screen", color_scheme="dark")
    turned.evaluate("dispatchEvent(new Event('afterprint'))")


def test_a_page_ends_so_of_a_model_that_it_has_nothing_to_show_of(
    page: Page, app_url: str, settle: Settle, turn_to: Callable[[Page, str], None]
) -> None:
    page.goto(f"{app_url}/?model=mnist-2d-gan")
    settle(page)
    pages = navigation(page)
    assert pages.keys() >= CORE_PAGES
    for title in pages:
        turn_to(page, title)
        settle(page)
        check_frame(page, title)
