"""What is shown can be read from the back row: on a projector, presented, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from ui.frame.navigation import SECTIONS

pytestmark = pytest.mark.browser
Settle = Callable[[Page], None]

PROJECTOR = {"width": 1024, "height": 768}
PHONE = {"width": 400, "height": 800}
PAGES = {title: url for pages in SECTIONS.values() for _, title, _, url in pages}
WITH_A_PLANE = [
    "Overview",
    "Encoded μ",
    "Decode z",
    "Manifold",
    "Interpolate",
    "ELBO gap",
    "Geometry",
    "Compare",
    "Layers",
    "Density",
    "Few labels",
    "Clusters",
]
# Text of which size is drawn on canvases: font and transform as they are at the time.
WATCH_CANVASES = """
window.drawn = new Map();
for (const name of ["fillText", "strokeText"]) {
  const draw = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (text, ...rest) {
    const pixels = /([\\d.]+)px/.exec(this.font)[1] * this.getTransform().d / devicePixelRatio;
    if (String(text).trim()) drawn.set(`${text} on a canvas`, pixels);
    return draw.call(this, text, ...rest);
  };
}
"""
# What stands on the page in smaller type than `least`, within shadow trees and SVG, too. Subscripts
# of formulas are as small as their kind.
SMALL = """(least) => {
  const all = (root) => [...root.querySelectorAll("*")]
    .flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) &&
    Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) > 2;
  const size = (e) => parseFloat(getComputedStyle(e).fontSize) *
    (e.ownerSVGElement ? e.getScreenCTM().d : 1);
  const written = all(document.body)
    .filter((e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((e) => !e.closest("style, script, noscript, .katex") && seen(e))
    .filter((e) => !/Material/.test(getComputedStyle(e).fontFamily))
    .map((e) => [`${e.localName}.${e.getAttribute("class")} ${e.textContent.trim()}`, size(e)]);
  return [...written, ...drawn]
    .filter(([, pixels]) => pixels < least - 0.01)
    .map(([what, pixels]) => `${pixels.toFixed(1)} ${what.slice(0, 100)}`);
}"""


def open_page(page: Page, app_url: str, title: str, settle: Settle, query: str = "") -> None:
    page.goto(f"{app_url}/{PAGES[title]}?model=mnist-2d{query}")
    settle(page)


def box(page: Page, testid: str, nth: int = 0) -> dict[str, float]:
    found = page.get_by_test_id(testid).nth(nth).bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("title", WITH_A_PLANE)
def test_on_a_projector_plane_and_image_stand_above_the_fold(
    page: Page, app_url: str, settle: Settle, title: str
) -> None:
    page.set_viewport_size(PROJECTOR)  # type: ignore[arg-type]
    open_page(page, app_url, title, settle)
    plane, image = box(page, "latent-plane"), box(page, "decoded-image")
    beside = plane["x"] + plane["width"] <= image["x"]
    assert beside or title in ("Manifold", "Compare"), "they stand below one another"
    for part in (plane, image):
        assert part["width"] > 150
        assert part["y"] + part["height"] <= PROJECTOR["height"]


@pytest.mark.parametrize("title", PAGES)
def test_no_type_is_small_and_none_presented_is_smaller_than_14(
    visitor: Callable[..., Any], app_url: str, settle: Settle, title: str
) -> None:
    with visitor(viewport=PROJECTOR) as context:
        context.add_init_script(WATCH_CANVASES)
        page = context.new_page()
        for query, least in (("", 12), ("&present=true", 14)):
            open_page(page, app_url, title, settle, query)
            page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
            )
            assert page.evaluate(SMALL, least) == []
