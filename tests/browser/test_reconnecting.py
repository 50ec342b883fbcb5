"""A laptop sleeps until the server has ended its session: what was in view is in view again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import FIELDS_OF, App, Tab, new_context, running_app
from tests.browser.test_address import said_by
from tests.browser.test_own_images import bring, photos
from ui.frame.navigation import SECTIONS
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Settle = Callable[[Page], None]
    Sleep = Callable[[Page], None]

pytestmark = pytest.mark.browser
LONG = 120_000  # milliseconds, on a busy machine
SOCKETS = """
window.sockets = [];
window.runs = 0;  // how often the server has said that the script has run
{
    FIELDS_OF
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            if (!this.url.includes("/_stcore/stream")) return;
            sockets.push(this);
            this.addEventListener("message", ({ data }) => {
                if (SCRIPT_FINISHED in fieldsOf(new Uint8Array(data))) runs += 1;
            });
        }
    };
}
""".replace("SCRIPT_FINISHED", str(ForwardMsg.SCRIPT_FINISHED_FIELD_NUMBER))
SOCKETS = SOCKETS.replace("FIELDS_OF", FIELDS_OF)


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("app"), forgetful=True) as app:
        yield app


@pytest.fixture
def here(forgetful: App) -> str:
    """The address of a server whose sessions end with their connections."""
    return forgetful.url


@pytest.fixture(scope="module")
def sleeper(browser: Browser) -> Iterator[Tab]:
    with new_context(browser) as context:
        context.add_init_script(SOCKETS)
        yield Tab(context, context.new_page())


@pytest.fixture
def page(sleeper: Tab) -> Iterator[Page]:
    """A visitor's page whose connections the test can cut; nobody reads its console."""
    yield sleeper.page
    sleeper.clear()
    sleeper.context.clear_cookies()


@pytest.fixture
def sleep(settle: Settle) -> Sleep:
    """`sleep(page)`: cuts the connection and waits until a new session has drawn the page."""

    def cut(page: Page) -> None:
        with heard(page, settle):
            page.evaluate("sockets.at(-1).close()")

    return cut


@contextmanager
def heard(page: Page, settle: Settle) -> Iterator[None]:
    """Waits until the script has run for what is done within: till it hears of it, it rests."""
    before = page.evaluate("runs")
    yield
    page.wait_for_function("before => runs > before", arg=before)
    page.evaluate("new Promise((resolve) => requestIdleCallback(resolve))")  # it is drawn
    settle(page)


def test_settings_are_those_of_the_address_and_not_of_the_link(
    page: Page, here: str, settle: Settle, sleep: Sleep
) -> None:
    page.goto(f"{here}/train?model=digits-2d&epochs=3")
    settle(page)
    page.get_by_text("More settings").click()
    settle(page)
    epochs, seed = (page.get_by_label(name, exact=True) for name in ("Epochs", "Seed"))
    epochs.fill("7")
    epochs.press("Enter")
    expect(page).to_have_url(re.compile("epochs=7"))
    settle(page)
    sleep(page)
    expect(epochs).to_have_value("7")
    seed.fill("5")
    seed.press("Enter")
    expect(page).to_have_url(re.compile("training_seed=5"))
    assert said_by(page.url)["epochs"] == ["7"]
    expect(epochs).to_have_value("7")


def test_z_stays_where_the_page_put_it_last(
    page: Page, here: str, settle: Settle, sleep: Sleep, wait_for_z: Callable[..., None]
) -> None:
    page.goto(f"{here}/decode?model=digits-2d&z=1,1")
    settle(page)
    plane = page.get_by_test_id("latent-plane")
    plane.press("ArrowRight")
    expect(page).not_to_have_url(re.compile("z=1.000,1.000"))
    settle(page)
    page.get_by_role("button", name="Reset").click()  # after what the plane has told
    wait_for_z([0, 0])
    settle(page)
    sleep(page)
    wait_for_z([0, 0])
    slider = page.get_by_role("slider").first
    expect(slider).to_have_value("0")
    assert page.evaluate("decodes.at(-1).z") == [0, 0]
    slider.press("ArrowRight")
    wait_for_z([0, 0.01])
    for _ in range(2):  # the steps before the sleep can be undone, too
        settle(page)
        page.get_by_role("button", name="Undo").click()
    page.wait_for_function("decodes.at(-1).z.some((value) => Math.abs(value) > 0.5)")


def test_what_was_computed_is_not_computed_again(
    page: Page, here: str, settle: Settle, sleep: Sleep
) -> None:
    page.goto(f"{here}/compression?model=digits-2d")
    settle(page)
    measure = page.get_by_role("button", name=re.compile("Measure quality"))
    measure.click()
    expect(page.get_by_text("PCA and JPEG: what comes nearest")).to_be_visible(timeout=LONG)
    settle(page)
    sleep(page)
    expect(measure).to_have_count(0)
    expect(page.get_by_text("PCA and JPEG: what comes nearest")).to_be_visible()


def test_what_is_too_long_for_an_address_is_the_visitors_for_a_day(
    page: Page,
    here: str,
    settle: Settle,
    sleep: Sleep,
    turn_to: Callable[[Page, str], None],
    visitor: Callable[..., Any],
) -> None:
    page.goto(f"{here}/train?model=digits-2d&dataset=own")
    settle(page)
    bring(page, "photos.zip", photos())
    preview = page.get_by_test_id("own-preview")
    expect(preview).to_be_visible()
    settle(page)
    turn_to(page, "Encoded μ")
    settle(page)
    box = page.get_by_test_id("latent-plane").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)  # a box around hundreds
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + box["height"] - 60)
    page.mouse.up()
    page.keyboard.up("Shift")
    selected = page.get_by_role("heading", name=re.compile(r"\d selected"))
    many = selected.inner_text()
    assert int(many.split()[0].replace(",", "")) > 200
    settle(page)
    for again in (lambda: sleep(page), page.reload):
        again()
        settle(page)
        expect(selected).to_have_text(many)
    turn_to(page, "Train live")
    settle(page)
    expect(preview).to_be_visible()
    expect(page.get_by_test_id("start-training")).to_be_enabled()
    assert said_by(page.url)["dataset"] == ["own"]  # which no address but this page's has said
    for again in (lambda: sleep(page), page.reload):
        again()
        settle(page)
        expect(preview).to_be_visible()
    with visitor() as context:
        other = context.new_page()
        other.goto(page.url)
        settle(other)
        expect(other.get_by_test_id("stFileUploader")).to_be_visible()
        expect(other.get_by_test_id("own-preview")).to_have_count(0)
    page.get_by_role("button", name="Put away").click()
    expect(preview).to_have_count(0)
    page.reload()
    settle(page)
    expect(preview).to_have_count(0)


PAGES = [url for pages in SECTIONS.values() for _, _, _, url in pages]
SHOWN = """() => [...document.querySelectorAll("[data-testid=stMain], [data-testid=stPopoverBody]")]
    .flatMap((root) => [...root.querySelectorAll("*")])
    .flatMap((part) => [part, ...(part.shadowRoot?.querySelectorAll("*") ?? [])])
    .filter((part) => part.matches("input, [aria-pressed], [aria-checked]"))
    .map((part) => [
        part.getAttribute("aria-label") ?? part.textContent,
        part.type === "checkbox" ? part.checked : part.value,
        part.ariaPressed ?? part.ariaChecked,
    ].join(" "))
"""


def set_all(page: Page, settle: Settle) -> None:
    """The last of every list and row of choices, a step on of every number, what the plane has."""
    main = page.get_by_test_id("stMain")
    for k in range(main.get_by_test_id("stSelectbox").count()):
        chosen = main.get_by_test_id("stSelectbox").nth(k).get_by_role("combobox")
        if chosen.count() and chosen.is_visible() and chosen.is_enabled():
            chosen.scroll_into_view_if_needed()  # which closes a list that is open
            settle(page)
            chosen.click()
            page.get_by_role("option").first.wait_for()
            others = page.get_by_role("option", selected=False)
            with heard(page, settle) if others.count() else nullcontext():
                others.last.click() if others.count() else page.keyboard.press("Escape")
    for k in range(main.get_by_test_id("stNumberInput").count()):
        more = main.get_by_test_id("stNumberInput").nth(k).get_by_test_id("stNumberInputStepUp")
        if more.count() and more.is_visible() and more.is_enabled():
            with heard(page, settle):
                more.click()
    for k in range(main.get_by_test_id("stButtonGroup").count()):
        choice = main.get_by_test_id("stButtonGroup").nth(k).get_by_role("radio").last
        if choice.count() and choice.is_enabled() and not choice.is_checked():
            with heard(page, settle):
                choice.click()
    for k in range(main.get_by_test_id("stSlider").count()):
        slider = main.get_by_test_id("stSlider").nth(k).get_by_role("slider")
        if slider.is_visible() and slider.input_value() != slider.get_attribute("max"):
            with heard(page, settle):
                slider.press("ArrowRight")
    film = page.get_by_label("Frame", exact=True)
    if film.count():
        film.fill("3")
        expect(page).to_have_url(re.compile("frame=3"))
    for group in ("Layers", "Legend"):
        chips = page.get_by_role("group", name=group).first.get_by_role("button")
        if chips.count():
            chips.last.click()
    plane = page.get_by_test_id("latent-plane").first
    if plane.count():
        plane.press("+")
        expect(page).to_have_url(re.compile("zoom="))
    settle(page)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_after_sleep_as_it_was_set(
    page: Page,
    here: str,
    settle: Settle,
    sleep: Sleep,
    own_run: Callable[..., Run],
    path: str,
) -> None:
    if path == "runs":
        for seed in range(2):
            own_run(epochs=2, seed=seed)
    page.goto(f"{here}/{path}?model=digits-2d")
    settle(page)
    set_all(page, settle)
    said, shown = said_by(page.url), page.evaluate(SHOWN)
    sleep(page)
    expect(page.get_by_test_id("stAlert").filter(has_text="Not all of this link")).to_have_count(0)
    assert said_by(page.url) == said
    assert page.evaluate(SHOWN) == shown

    planes = page.get_by_test_id("latent-plane")
    if planes.count() and "z" in said:
        planes.first.press("ArrowUp")  # a touch is heard, and moves nothing else
        page.wait_for_function(
            "z => new URLSearchParams(location.search).get('z') !== z", arg=said["z"][0]
        )
        settle(page)
        apart = {name for name, value in said_by(page.url).items() if said.get(name) != value}
        assert apart <= {"z", "a", "frame"}  # of a way, its first stop is moved


def test_what_lists_switches_filters_and_a_search_say_is_there_after_sleep(
    page: Page, here: str, settle: Settle, sleep: Sleep
) -> None:
    page.goto(f"{here}/encoded?model=sprites-6d")
    settle(page)
    main = page.get_by_test_id("stMain")
    for name in ("Across", "Colour by"):
        page.get_by_role("combobox", name=name).click()
        with heard(page, settle):
            page.get_by_role("option").nth(2).click()
    for name in ("Draw", "3-D view"):
        switch = main.get_by_test_id("stCheckbox").filter(has_text=name)
        with heard(page, settle):
            switch.locator("label").click()
    page.get_by_role("button", name="Filter").click()
    for name in ("shape", "x"):
        page.get_by_role("combobox", name="Filter by").fill(name)
        with heard(page, settle):
            page.get_by_role("option", name=name, exact=True).click()
    page.keyboard.press("Escape")
    with heard(page, settle):
        page.get_by_role("slider", name="shape — start").press("ArrowRight")
    page.get_by_label("Search", exact=True).fill("heart")
    with heard(page, settle):
        page.get_by_label("Search", exact=True).press("Enter")
    expect(page.get_by_role("heading", name=re.compile(r"\d selected"))).to_be_visible()
    said, shown = said_by(page.url), page.evaluate(SHOWN)
    assert said.keys() >= {"x", "colour", "draw", "filter", "selected"}
    assert any(part.startswith("x — start") for part in shown)
    sleep(page)
    assert said_by(page.url) == said
    assert page.evaluate(SHOWN) == shown
