"""Train live, as a visitor sees it: start, watch, reload, stop, explore."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vae_core.checkpoints import unpack_checkpoint

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Settle = Callable[[Page], None]

LONG = 180_000  # milliseconds: a process starts and learns on a busy machine


def start(page: Page, app_url: str, settle: Settle, settings: str = "") -> None:
    page.goto(f"{app_url}/train?{settings}")
    settle(page)
    page.get_by_test_id("start-training").click()
    page.get_by_test_id("stop-training").wait_for(timeout=LONG)


def test_a_short_run_ends_as_a_checkpoint_to_take_home(
    page: Page, app_url: str, settle: Settle, tmp_path: Path
) -> None:
    start(page, app_url, settle, "epochs=3&d=3")
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    settle(page)
    main = page.get_by_test_id("stMain")
    assert "finished" in main.inner_text()
    assert "cross-entropy" in main.inner_text()
    assert page.get_by_test_id("stop-training").count() == 0
    page.locator(".js-plotly-plot").first.wait_for(timeout=LONG)
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    zipped = io.BytesIO(Path(download.value.path()).read_bytes())
    assert unpack_checkpoint(zipped, tmp_path / "home").latent_dim == 3


def test_a_run_outlives_a_reload_and_what_was_learned_is_kept(
    page: Page, browser: Browser, app_url: str, settle: Settle
) -> None:
    page.add_init_script(
        "window.decodings = 0; addEventListener('zscape:decoded', () => window.decodings++)"
    )
    start(page, app_url, settle, "epochs=500&model=digits-2d")
    page.get_by_test_id("samples").wait_for(timeout=LONG)
    before = page.evaluate("window.decodings")
    # Nobody touches the plane: the decoded image follows the weights.
    page.wait_for_function(f"window.decodings > {before} + 1", timeout=LONG)
    page.get_by_text(re.compile(r"epoch \d+ of 500 .* images/s .* left")).wait_for(timeout=LONG)
    link = page.url
    assert "run=digits-" in link

    page.reload()
    page.get_by_test_id("stop-training").wait_for(timeout=LONG)

    with browser.new_context() as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{app_url}/train")
        settle(other)
        other.get_by_test_id("start-training").wait_for()
        assert "Your runs" not in other.get_by_test_id("stMain").inner_text()
        other.goto(link)  # who has the link may look, no more
        other.get_by_text("You are watching").wait_for(timeout=LONG)
        assert other.get_by_test_id("stop-training").count() == 0

    page.get_by_test_id("stop-training").click()
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    assert "stopped, kept" in page.get_by_test_id("stMain").inner_text()

    page.get_by_role("link", name="Explore this model").click()
    page.wait_for_url(re.compile(r"/\?.*model=run:digits"), timeout=LONG)
    settle(page)
    page.get_by_test_id("latent-plane").wait_for()


def test_a_preset_sets_everything_with_one_click(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/train?d=5")
    settle(page)
    assert "Your own settings" in page.get_by_test_id("stMain").inner_text()
    page.get_by_text("β too high: collapse").click()
    page.wait_for_url(re.compile("beta=20"))
    settle(page)
    assert "d=5" not in page.url
    assert "Your own settings" not in page.get_by_test_id("stMain").inner_text()


@pytest.mark.parametrize(
    ("label", "value", "sentence"),
    [
        ("Layer widths", "many", "not whole numbers"),
        ("Layer widths", "8192, 8192", "narrower"),
        ("Batch size", "4000", "larger than the data set"),
    ],
)
def test_settings_that_cannot_be_say_so(
    page: Page, app_url: str, settle: Settle, label: str, value: str, sentence: str
) -> None:
    page.goto(f"{app_url}/train")
    settle(page)
    page.get_by_text("More settings").click()
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    page.get_by_text(sentence).wait_for()
    settle(page)
    assert page.get_by_test_id("start-training").is_disabled()
