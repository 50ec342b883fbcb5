"""axe-core finds nothing to complain of on any page: contrast, names, order; in either theme, on a
screen, a projector and a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import TITLES, VIEWPORT

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from vae_core.runs.run import Run

    Settle = Callable[[Page], None]

# What pages show of another kind of model: sliders by the dozen, factors, maps, a GAN's lack.
OTHERS = (
    ("decode", "mnist-16d"),
    ("factors", "sprites-6d"),
    ("layers", "mnist-16d"),
    ("encoded", "olivetti-16d"),
    ("elbo", "mnist-2d-gan"),
)
WIDTHS = (VIEWPORT["width"], 1024, 400)
SCREENS = [("light", width) for width in WIDTHS] + [("dark", width) for width in reversed(WIDTHS)]
LOOKS, FADES_MS = 3, 1_500
# A theme changes colours, and what is said of them alone.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
RUN = """async (rules) => {
  const { violations } = await axe.run({ resultTypes: ["violations"], ...rules });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) => {
    const why = [...any, ...all, ...none].map((check) => check.message).join("; ");
    return [id, [target].flat(3).join(" "), why].join(" | ");
  }));
}"""


def violations(page: Page, axe: str, theme: str) -> list[str]:
    """Of all rules, those that are no more than good practice too: rule, element and reason.

    Of a page that stands still: what fades in after a change of theme is looked at again.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found: list[str] = []
    for _ in range(LOOKS):
        if not (found := page.evaluate(RUN, RULES[theme])):
            break
        page.wait_for_timeout(FADES_MS)
    return found


@pytest.fixture(scope="session")
def axe() -> str:
    """The program that is run in the page."""
    package = pytest.importorskip("axe_playwright_python.base")
    script: str = package.AXE_SCRIPT
    return script


def open_all(page: Page) -> None:
    """What is folded away has to be read, too; some is sent when its fold is opened.

    One after another: of two that open in the same instant Streamlit's frontend tells of one.
    """
    for fold in page.get_by_test_id("stMain").locator("details").all():
        if fold.get_attribute("open") is None:
            fold.locator("summary").first.evaluate("(summary) => summary.click()")
        sent = fold.get_by_test_id("stExpanderDetails").get_by_test_id("stElementContainer")
        sent.first.wait_for(state="attached")


def found_everywhere(page: Page, settle: Settle, axe: str) -> dict[str, list[str]]:
    """In both themes, on a screen, a projector and a phone; nothing where nothing is wrong."""
    settle(page)
    open_all(page)
    found = {}
    for theme, width in SCREENS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme)
        settle(page)
        if wrong := violations(page, axe, theme):
            found[f"{theme}, {width}"] = wrong
    return found


@pytest.mark.parametrize("title", TITLES)
def test_axe_finds_nothing(turned: Page, settle: Settle, axe: str) -> None:
    assert found_everywhere(turned, settle, axe) == {}


@pytest.mark.parametrize(("url", "model"), OTHERS)
def test_axe_finds_nothing_of_another_kind(
    page: Page, app_url: str, settle: Settle, axe: str, url: str, model: str
) -> None:
    page.goto(f"{app_url}/{url}?model={model}")
    assert found_everywhere(page, settle, axe) == {}


def test_axe_finds_nothing_in_what_was_trained(
    page: Page, app_url: str, settle: Settle, axe: str, own_run: Callable[..., Run]
) -> None:
    run = own_run(epochs=2)
    own_run(epochs=2, beta=4.0)
    for address in ("runs", f"train?run={run.token}"):
        page.goto(f"{app_url}/{address}")
        assert found_everywhere(page, settle, axe) == {}, address
