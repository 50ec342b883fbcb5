"""The address says what is in view, and the browser's way back works."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def overview(page: Page, app_url: str, settle: Callable[[Page], None]) -> Page:
    page.goto(f"{app_url}/?model=digits-2d&z=0.5,-0.25")
    settle(page)
    return page


def test_a_page_link_keeps_model_and_z(overview: Page) -> None:
    overview.get_by_role("link", name="Decode z").first.click()
    expect(overview).to_have_url(re.compile(r"/decode\?.*model=digits-2d"))
    expect(overview).to_have_url(re.compile(r"z=0\.500,-0\.250"))


def test_one_step_back_is_one_page_back(overview: Page) -> None:
    overview.get_by_role("link", name="Decode z").first.click()
    expect(overview.get_by_role("heading", name="Decode z")).to_be_visible()
    overview.get_by_role("button", name="Reset").click()
    expect(overview).to_have_url(re.compile(r"z=0\.000,0\.000"))
    overview.go_back()
    expect(overview.get_by_role("heading", name="under your pointer")).to_be_visible()
    expect(overview).to_have_url(re.compile(r"/\?.*z=0\.000,0\.000"))


LINKS = {
    "": "model=digits-2d&seed=7&z=0.500,-0.250",
    "encoded": "model=sprites-6d&view=PCA&colour=scale&pointer=cursor&draw=true&selected=3,5",
    "decode": "model=sprites-6d&z=1.000,0.000,0.500,-1.000,-0.500,2.000",
    "manifold": "model=sprites-6d&spacing=linear&side=9&x=z2&y=z3",
    "interpolate": "model=digits-2d&method=spherical&a=test:17&b=1.000,1.000&via=0.000,0.500",
    "train": "model=digits-2d&dataset=sprites&d=6&beta=2&train_network=conv&train_hidden=8,8",
}
BAD = {
    "": {"seed": "abc", "z": "1,2,3", "model": "nope", "hide": "walls"},
    "encoded": {"selected": "99999999", "colour": "nonsense", "view": "t-SNE", "z": "nan"},
    "manifold": {"side": "999", "spacing": "odd", "x": "z77"},
    "interpolate": {"a": "zzz", "b": "test:99999999", "via": "1;2", "steps": "1000", "method": "x"},
    "train": {"run": "nobody-knows-it", "d": "99", "beta": "nan", "train_hidden": "many"},
}


def said_by(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


@pytest.mark.parametrize("path", LINKS)
def test_a_link_is_kept_whole_by_the_page_that_it_opens(
    page: Page, app_url: str, settle: Callable[[Page], None], path: str
) -> None:
    page.goto(f"{app_url}/{path}?{LINKS[path]}")
    settle(page)
    assert said_by(page.url).items() >= said_by(f"?{LINKS[path]}").items()
    expect(page.get_by_text("Not all of this link")).to_have_count(0)


@pytest.mark.parametrize("path", BAD)
def test_each_value_that_cannot_be_used_is_named(
    page: Page, app_url: str, settle: Callable[[Page], None], path: str
) -> None:
    query = "&".join(f"{name}={value}" for name, value in BAD[path].items())
    page.goto(f"{app_url}/{path}?{query}")
    settle(page)
    warning = page.get_by_test_id("stAlert").filter(has_text="Not all of this link could be used")
    expect(warning.get_by_role("listitem")).to_have_count(len(BAD[path]))
    for name, value in BAD[path].items():
        expect(warning).to_contain_text(f"{name} = {value}: ")
    for name, value in BAD[path].items():
        assert said_by(page.url).get(name) != [value]


def test_what_another_page_shows_leaves_the_address_and_comes_back(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/manifold?model=digits-2d&side=9&spacing=linear")
    settle(page)
    page.get_by_role("link", name="Decode z").first.click()
    expect(page).to_have_url(re.compile(r"/decode\?"))
    expect(page).to_have_url(re.compile(r"z="))
    assert said_by(page.url).keys() == {"model", "z"}
    page.get_by_role("link", name="Manifold").first.click()
    expect(page).to_have_url(re.compile(r"/manifold\?.*spacing=linear.*side=9"))


def test_a_copied_address_opens_the_same_view_elsewhere(
    overview: Page, visitor: Callable[..., Any], settle: Callable[[Page], None]
) -> None:
    overview.get_by_role("button", name="New samples").click()
    expect(overview).to_have_url(re.compile(r"seed=[1-9]"))
    [seed] = re.findall(r"seed=(\d+)", overview.url)
    with visitor() as context:
        elsewhere = context.new_page()
        elsewhere.goto(overview.url)
        settle(elsewhere)
        expect(elsewhere).to_have_url(overview.url)
        samples = elsewhere.get_by_test_id("samples")
        expect(samples).to_have_attribute("aria-label", re.compile(rf"seed {seed}$"))


def test_what_a_link_hides_stays_hidden_on_the_next_page(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/decode?hide=models,upload")
    settle(page)
    page.get_by_role("link", name="Manifold").first.click()
    expect(page).to_have_url(re.compile(r"/manifold\?.*hide=models,upload"))
    expect(page.get_by_text("Open a checkpoint")).to_have_count(0)
