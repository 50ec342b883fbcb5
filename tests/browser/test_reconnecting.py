"""A laptop sleeps until the server has ended its session: what was in view is in view again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import App, running_app
from tests.browser.test_address import said_by

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    Settle = Callable[[Page], None]
    Sleep = Callable[[Page], None]

pytestmark = pytest.mark.browser
SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
    constructor(...given) {
        super(...given);
        if (this.url.includes("/_stcore/stream")) sockets.push(this);
    }
};
"""

CUT = """
window.ran = false;
const app = document.querySelector("[data-testid=stApp]");
new MutationObserver(() => ran ||= app.dataset.testScriptState === "running")
    .observe(app, {attributeFilter: ["data-test-script-state"]});
sockets.at(-1).close();
"""


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("app"), forgetful=True) as app:
        yield app


@pytest.fixture
def here(forgetful: App) -> str:
    """The address of a server whose sessions end with their connections."""
    return forgetful.url


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page whose connections the test can cut; nobody reads its console."""
    context.add_init_script(SOCKETS)
    return context.new_page()


@pytest.fixture
def sleep(settle: Settle) -> Sleep:
    """`sleep(page)`: cuts the connection and waits until a new session has drawn the page."""

    def cut(page: Page) -> None:
        page.evaluate(CUT)
        page.wait_for_function("ran")
        settle(page)

    return cut


def test_settings_are_those_of_the_address_and_not_of_the_link(
    page: Page, here: str, settle: Settle, sleep: Sleep
) -> None:
    page.goto(f"{here}/train?model=digits-2d&epochs=3")
    settle(page)
    page.get_by_text("More settings").click()
    epochs, seed = (page.get_by_role("spinbutton", name=name) for name in ("Epochs", "Seed"))
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
