"""What is shown can be read from the back row: on a projector, presented, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import has_menus
from tests.browser.places import wait_for_fold
from ui.frame.navigation import SECTIONS

pytestmark = pytest.mark.browser
Settle = Callable[[Page], None]

PROJECTOR = {"width": 1024, "height": 768}
PHONE = {"width": 400, "height": 800}
SCREENS = (
    {"width": 1400, "height": 900},
    {"width": 1280, "height": 800},
    PROJECTOR,
    {"width": 800, "height": 900},
)
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
WITHOUT = [title for title in PAGES if title not in WITH_A_PLANE]
# Two frames after a change of size all has found its place.
RESTS = """() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), 50)));
})"""
# Text of which size is drawn on canvases: font and transform as they are at the time.
WATCH_CANVASES = """() => {
  window.watched ??= ["fillText", "strokeText"].map((name) => {
    const draw = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (text, ...rest) {
      const pixels = /([\\d.]+)px/.exec(this.font)[1] * this.getTransform().d / devicePixelRatio;
      if (String(text).trim()) drawn.set(`${text} on a canvas`, pixels);
      return draw.call(this, text, ...rest);
    };
  });
  window.drawn = new Map();
}"""
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


# Choices beside one another of which the last are beyond an edge.
CUT = """() => [...document.querySelectorAll("[data-testid=stButtonGroup] > div")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)"""


def open_page(page: Page, app_url: str, title: str, settle: Settle, query: str = "") -> None:
    page.goto(f"{app_url}/{PAGES[title]}?model=mnist-2d{query}")
    settle(page)


def box(page: Page, testid: str, nth: int = 0) -> dict[str, float]:
    found = page.get_by_test_id(testid).nth(nth).bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("title", WITH_A_PLANE)
def test_plane_and_image_stand_side_by_side_above_the_fold(turned: Page, title: str) -> None:
    for screen in SCREENS:
        turned.set_viewport_size(screen)  # type: ignore[arg-type]
        turned.wait_for_function(RESTS)
        plane, image = box(turned, "latent-plane"), box(turned, "decoded-image")
        beside = plane["x"] + plane["width"] <= image["x"]
        assert beside or title == "Manifold"  # there both stand beside the grid
        for part in (plane, image):
            assert part["width"] > 140
            assert part["y"] + part["height"] <= screen["height"]
        assert plane["width"] > 0.75 * plane["height"]  # no tower


def test_with_a_lesson_and_a_room_open_plane_and_image_fit_a_projector_too(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size(PROJECTOR)  # type: ignore[arg-type]
    open_page(page, app_url, "Overview", settle)
    page.get_by_role("button", name="Lead a class").click()
    opened = page.get_by_role("dialog")
    expect(opened.get_by_text("Whoever opens the link")).to_be_in_viewport(ratio=1)
    expect(opened.get_by_role("img")).to_be_in_viewport(ratio=1)
    opened.get_by_role("button", name="Close").click()
    for title in ("Clusters", "ELBO gap", "Few labels"):  # the highest controls
        open_page(page, app_url, title, settle, "&lesson=03-elbo-taken-apart&step=2")
        wait_for_fold(page)
        for present in ("^((?!present).)*$", "present=true"):
            expect(page).to_have_url(re.compile(present))
            page.wait_for_function(RESTS)
            plane, image = box(page, "latent-plane"), box(page, "decoded-image")
            assert plane["x"] + plane["width"] <= image["x"]
            foot = box(page, "room")["y"]
            assert max(plane["y"] + plane["height"], image["y"] + image["height"]) <= foot
            assert min(plane["width"], plane["height"], image["width"]) > 220
            for words in page.locator("div.figures > *, .keys > :first-child").all():
                below = words.bounding_box()
                assert below is not None
                assert below["y"] + below["height"] <= foot
            page.keyboard.press("p")  # and once more, back


def test_on_a_phone_the_code_of_a_room_is_shown_whole(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(app_url)
    settle(page)
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("button", name="Lead a class").click()
    opened = page.get_by_role("dialog")
    expect(opened.get_by_role("img")).to_be_in_viewport(ratio=1)
    expect(opened.get_by_text("Whoever opens the link")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("title", WITH_A_PLANE)
def test_on_a_phone_plane_and_image_are_in_view_at_once(turned: Page, title: str) -> None:
    turned.set_viewport_size(PHONE)  # type: ignore[arg-type]
    turned.wait_for_function(RESTS)
    plane, image = box(turned, "latent-plane"), box(turned, "decoded-image")
    assert max(plane["y"] + plane["height"], image["y"] + image["height"]) <= PHONE["height"]
    assert plane["width"] > 190
    assert image["width"] > 110
    assert turned.evaluate(CUT) == []


def test_on_a_phone_a_network_is_drawn_in_two_halves_that_are_whole(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{app_url}/train")
    encoder, decoder = (
        page.get_by_role("img", name=re.compile(f"^{half}: ")) for half in ("encoder", "decoder")
    )
    tops = []
    for half in (encoder, decoder):
        expect(half).to_be_visible()
        assert half.evaluate("(half) => half.scrollWidth <= half.clientWidth")
        place = half.bounding_box()
        assert place is not None
        assert place["x"] + place["width"] <= PHONE["width"]
        tops.append(place["y"])
    assert tops[1] > tops[0]
    settle(page)


@pytest.mark.parametrize("title", [*WITH_A_PLANE, *WITHOUT])
def test_no_type_is_small_and_none_presented_is_smaller_than_14(
    turned: Page, settle: Settle, title: str
) -> None:
    small: list[str] = []
    for least, present in ((12, "present=true"), (14, "^((?!present).)*$")):
        has_menus(turned)  # hence the figures
        for width in (PROJECTOR["width"] - 8, PROJECTOR["width"]):  # all is drawn once more
            turned.evaluate(WATCH_CANVASES)
            turned.set_viewport_size({**PROJECTOR, "width": width})
            turned.wait_for_timeout(300)
        small += turned.evaluate(SMALL, least)
        turned.keyboard.press("p")  # presented, then no more
        expect(turned).to_have_url(re.compile(present))
        settle(turned)
    assert small == []


def test_presented_all_is_larger_and_without_a_sidebar_until_it_is_ended(
    page: Page, app_url: str, settle: Settle, turn_to: Callable[[Page, str], None]
) -> None:
    open_page(page, app_url, "Overview", settle)
    sidebar, legend = page.get_by_test_id("stSidebar"), page.get_by_role("group", name="Legend")
    chip = legend.get_by_role("button").first
    size = "(chip) => parseFloat(getComputedStyle(chip).fontSize)"
    small = chip.evaluate(size)
    expect(sidebar).to_be_visible()
    page.keyboard.press("p")
    expect(sidebar).to_be_hidden()
    expect(page).to_have_url(re.compile("present=true"))
    settle(page)
    assert chip.evaluate(size) == pytest.approx(1.25 * small)
    turn_to(page, "Encoded μ")
    settle(page)
    expect(page).to_have_url(re.compile("/encoded.*present=true"))
    expect(sidebar).to_be_hidden()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("textbox", name="Search").press("p")  # typed: it is none of the page's
    expect(sidebar).to_be_hidden()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Presentation mode").click()
    expect(sidebar).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))


@pytest.mark.parametrize("title", ["ELBO gap", "Geometry"])
def test_presented_the_z_below_the_image_is_above_the_fold(
    page: Page, app_url: str, settle: Settle, title: str
) -> None:
    page.set_viewport_size(PROJECTOR)  # type: ignore[arg-type]
    open_page(page, app_url, title, settle, "&present=true")
    told = page.locator("div.figures .z").first
    expect(told).to_be_in_viewport(ratio=1)
    below = told.bounding_box()
    assert below is not None
    plane = box(page, "latent-plane")
    assert below["y"] + below["height"] <= plane["y"] + plane["height"] + 1


def test_a_link_hides_the_sidebar(page: Page, app_url: str, settle: Settle) -> None:
    open_page(page, app_url, "Decode z", settle, "&hide=sidebar")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_hidden()
    expect(page).to_have_url(re.compile("hide=sidebar"))
    expect(page.get_by_test_id("latent-plane")).to_be_visible()


def test_on_a_phone_the_image_stays_above_the_sliders(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{app_url}/decode?model=mnist-16d")
    settle(page)
    for slider in page.get_by_role("slider").all():
        if not slider.is_visible():
            continue  # of a dimension that is not in use, folded away
        slider.scroll_into_view_if_needed()
        image, place = page.get_by_test_id("decoded-image"), slider.bounding_box()
        expect(image).to_be_in_viewport(ratio=1)
        assert place is not None
        assert box(page, "decoded-image")["y"] < place["y"] + place["height"]


@pytest.mark.parametrize("secure", [True, False])
def test_share_copies_the_address_of_what_is_in_view(
    visitor: Callable[..., Any], app_url: str, settle: Settle, secure: bool
) -> None:
    with visitor(permissions=["clipboard-read", "clipboard-write"]) as context:
        if not secure:  # as over plain HTTP from another machine
            context.add_init_script(
                "window.clipboard = navigator.clipboard;"
                "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
            )
        page = context.new_page()
        open_page(page, app_url, "Decode z", settle, "&z=0.5,-0.25")
        page.get_by_role("button", name="Share").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("(window.clipboard ?? navigator.clipboard).readText()")
        assert copied == page.url
        assert "z=0.500,-0.250" in copied


def test_on_a_phone_the_line_of_a_title_is_its_own(
    visitor: Callable[..., Any], app_url: str, settle: Settle
) -> None:
    """The longest took three lines beside the word Share."""
    with visitor(viewport=PHONE, permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"{app_url}/?model=digits-2d")
        settle(page)
        title = page.get_by_role("heading", level=1)
        height, line = title.evaluate(
            "h => [h.clientHeight, parseFloat(getComputedStyle(h).lineHeight)]"
        )
        assert height < 2.5 * line
        share = page.get_by_role("button", name="Share")
        narrow = share.bounding_box()
        share.click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        told = page.get_by_role("button", name="Copied").bounding_box()
        assert narrow is not None and told is not None
        assert told["width"] > narrow["width"] + 20  # the word is to be seen
        expect(share).to_be_visible()


def test_the_tab_names_page_and_model(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/manifold?model=digits-2d")
    settle(page)
    expect(page).to_have_title("Manifold · digits-2d · Zscape")


def test_a_model_is_chosen_by_what_it_is_for_and_the_way_back_undoes_it(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/decode?model=digits-2d")
    settle(page)
    page.get_by_role("button", name="All models").click()
    models = page.get_by_role("dialog")
    expect(models.get_by_text("two numbers, digits: begin here")).to_be_visible()
    expect(models.get_by_role("img").first).to_be_visible()
    models.get_by_role("button", name="sprites-6d", exact=True).click()
    expect(page).to_have_url(re.compile("model=sprites-6d"))
    settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile("model=digits-2d"))
    expect(page.get_by_role("combobox", name="Model")).to_have_value("digits-2d")
    settle(page)


@pytest.mark.parametrize(
    ("path", "model", "instead"),
    [
        ("elbo", "mnist-2d-ae", "mnist-2d"),
        ("encoded", "mnist-2d-gan", "mnist-2d"),
        ("labels", "frey-2d", "mnist-2d"),
        ("layers", "mnist-2d", "mnist-16d"),
    ],
)
def test_a_page_that_refuses_a_model_leads_to_one_that_it_can_show(
    page: Page, app_url: str, settle: Settle, path: str, model: str, instead: str
) -> None:
    page.goto(f"{app_url}/{path}?model={model}")
    settle(page)
    page.get_by_role("button", name=f"Show {instead} instead").click()
    expect(page).to_have_url(re.compile(rf"/{path}\?.*model={instead}(&|$)"))
    settle(page)
    expect(page.get_by_role("button", name="instead")).to_have_count(0)
    expect(page.get_by_test_id("latent-plane")).to_be_visible()
