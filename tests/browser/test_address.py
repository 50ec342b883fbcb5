"""The address says what is in view, and the browser's way back works."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from vae_core.runs.run import Run

pytestmark = pytest.mark.browser


def test_pages_are_walked_and_left_again(
    page: Page,
    app_url: str,
    settle: Callable[[Page], None],
    turn_to: Callable[[Page, str], None],
) -> None:
    grid = "side=9&spacing=linear"
    page.goto(f"{app_url}/manifold?model=digits-2d&z=0.5,-0.25&hide=upload&{grid}")
    settle(page)
    turn_to(page, "Decode z")
    expect(page).to_have_url(re.compile(r"/decode\?.*z=0\.500,-0\.250"))
    settle(page)  # an address is said bit by bit
    assert said_by(page.url).keys() == {"model", "z", "hide"}  # the other page's own left it
    assert said_by(page.url)["model"] == ["digits-2d"]
    expect(page.get_by_text("Open a checkpoint")).to_have_count(0)

    page.get_by_role("button", name="Reset").click()
    expect(page).to_have_url(re.compile(r"z=0\.000,0\.000"))
    page.go_back()  # one step is one page
    expect(page.get_by_role("heading", name="Manifold")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/manifold\?.*z=0\.000,0\.000"))
    settle(page)
    assert said_by(page.url).items() >= said_by(f"?{grid}").items()


LINKS = {
    "encoded": "model=sprites-6d&view=PCA&colour=scale&pointer=cursor&draw=true&selected=3,5",
    "decode": "model=sprites-6d&z=1.000,0.000,0.500,-1.000,-0.500,2.000",
    "density": "model=sprites-6d&view=two+dimensions&x=z3&y=z1",
    "interpolate": "model=digits-2d&method=spherical&a=test:17&b=1.000,1.000&via=0.000,0.500",
    "train": "model=digits-2d&dataset=sprites&d=6&beta=2&train_network=conv&train_hidden=8,8",
}
BAD = {
    "": {"seed": "abc", "z": "1,2,3", "model": "nope", "hide": "walls"},
    "encoded": {"selected": "99999999", "colour": "nonsense", "view": "t-SNE", "z": "nan"},
    "manifold": {"side": "999", "spacing": "odd", "x": "z77", "layers": "walls", "zoom": "1,2,-3"},
    "decode": {"off": "1,99", "layers": "rings,walls", "zoom": "far"},
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


def chip(page: Page, group: str, name: str, nth: int = 0) -> Locator:
    return page.get_by_role("group", name=group).nth(nth).get_by_role("button", name=name)


def test_samples_layers_legend_and_zoom_are_in_the_address_and_seen_where_it_is_copied_to(
    page: Page,
    visitor: Callable[..., Any],
    app_url: str,
    settle: Callable[[Page], None],
    turn_to: Callable[[Page, str], None],
) -> None:
    page.goto(f"{app_url}/?model=digits-2d&z=0.5,-0.25")
    settle(page)
    page.get_by_role("button", name="New samples").click()
    expect(page).to_have_url(re.compile(r"seed=[1-9]"))
    [seed] = re.findall(r"seed=(\d+)", page.url)
    settle(page)
    chip(page, "Layers", "Manifold").click()
    chip(page, "Layers", "Prior").click()
    expect(page).to_have_url(re.compile("layers=heat,manifold,posteriors(&|$)"))
    chip(page, "Legend", "3").click()
    expect(page).to_have_url(re.compile("off=3"))
    page.get_by_test_id("latent-plane").press("+")
    expect(page).to_have_url(re.compile("zoom=0,0,"))
    seen = said_by(page.url)

    def is_seen(page: Page) -> None:
        settle(page)
        expect(chip(page, "Layers", "Manifold")).to_have_attribute("aria-pressed", "true")
        expect(chip(page, "Layers", "Prior")).to_have_attribute("aria-pressed", "false")
        expect(chip(page, "Legend", "3")).to_have_attribute("aria-pressed", "false")
        expect(chip(page, "Legend", "4")).to_have_attribute("aria-pressed", "true")
        assert said_by(page.url) == seen

    page.reload()
    is_seen(page)
    with visitor() as context:
        elsewhere = context.new_page()
        elsewhere.goto(page.url)
        is_seen(elsewhere)
        expect(elsewhere).to_have_url(page.url)
        samples = elsewhere.get_by_test_id("samples")
        expect(samples).to_have_attribute("aria-label", re.compile(rf"seed {seed}$"))

    turn_to(page, "Decode z")  # a plane of its own
    settle(page)
    expect(chip(page, "Layers", "Prior")).to_have_attribute("aria-pressed", "true")
    assert not {"layers", "off", "zoom"} & said_by(page.url).keys()
    turn_to(page, "Overview")
    is_seen(page)
    page.get_by_test_id("latent-plane").press("0")
    expect(page).not_to_have_url(re.compile("zoom="))


def test_two_planes_are_told_apart_in_the_address(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/compare?model=digits-2d&other=mnist-2d")
    settle(page)
    chip(page, "Legend", "5", nth=1).wait_for()  # both legends are there
    chip(page, "Legend", "3").click()
    chip(page, "Legend", "5", nth=1).click()
    expect(page).to_have_url(re.compile(r"off-B=5"))
    page.reload()
    settle(page)
    for nth, name in enumerate(("3", "5")):
        expect(chip(page, "Legend", name, nth)).to_have_attribute("aria-pressed", "false")
    assert said_by(page.url)["off"] == ["3"]


def choose_model(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page).to_have_url(re.compile(rf"model={name}(&|$)"))


def test_the_way_back_undoes_a_change_of_model(
    page: Page,
    app_url: str,
    settle: Callable[[Page], None],
    turn_to: Callable[[Page, str], None],
    wait_for_z: Callable[..., None],
) -> None:
    page.goto(f"{app_url}/decode?model=digits-2d&z=0.5,-0.25")
    settle(page)
    chosen = page.get_by_role("combobox", name="Model")
    choose_model(page, "sprites-6d")
    wait_for_z([None] * 6)
    settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile("model=digits-2d"))
    wait_for_z([0.5, -0.25])
    settle(page)
    expect(chosen).to_have_value("digits-2d")
    page.go_forward()
    wait_for_z([None] * 6)
    settle(page)
    expect(chosen).to_have_value("sprites-6d")
    turn_to(page, "Overview")
    settle(page)
    page.go_back()  # one step is one page
    expect(page).to_have_url(re.compile("/decode.*model=sprites-6d"))
    settle(page)
    page.go_back()
    wait_for_z([0.5, -0.25])
    settle(page)


def test_the_way_back_to_a_deleted_model_is_said(
    page: Page, app_url: str, settle: Callable[[Page], None], own_run: Callable[..., Run]
) -> None:
    run = own_run(epochs=1)
    page.goto(f"{app_url}/?model=run:{run.token}")
    settle(page)
    choose_model(page, "digits-2d")
    settle(page)
    run.delete()
    page.go_back()
    expect(page.get_by_text("there is no such model here, or it was deleted")).to_be_visible()
    expect(page).to_have_url(re.compile("model=digits-2d"))
    settle(page)
    expect(page.get_by_test_id("latent-plane")).to_be_visible()
