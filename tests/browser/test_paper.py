"""Every page on paper: light, without controls, nothing cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from ui.frame.navigation import SECTIONS

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAPERS = {"A4": 703, "Letter": 725}  # CSS pixels between margins of 12 mm
# Within shadow trees too. What is cut lies beyond the paper, or beyond what holds it.
CONTROLS = (
    "button:not(.chip), select, input, textarea, [role=slider], [role=radio], [role=combobox]"
)
SEEN = """([selector, width]) => {
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


@pytest.mark.parametrize("url", [entry[3] for section in SECTIONS.values() for entry in section])
def test_a_page_is_printed_whole_and_light(
    page: Page, app_url: str, settle: Callable[[Page], None], url: str
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{app_url}/{url}?model=digits-2d")
    settle(page)
    for width in PAPERS.values():
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print", color_scheme="dark")
        page.set_viewport_size({"width": width, "height": 1000})
        seen = page.evaluate(SEEN, [CONTROLS, width])
        assert seen == {"controls": [], "wide": [], "pale": []}
        page.emulate_media(media="screen", color_scheme="dark")
        page.set_viewport_size({"width": 1400, "height": 900})
        page.evaluate("dispatchEvent(new Event('afterprint'))")


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
