"""A checkpoint of one's own: what is wrong with it is said where it was chosen."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import App, running_app
from vae_core.checkpoints.archives import zip_checkpoint

pytestmark = pytest.mark.browser
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "digits-2d"


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return buffer.getvalue()


REFUSED = {
    "no zip": (b"neither zip nor model", "zip the checkpoint's folder and try again"),
    "no config": (zipped(**{"a/README.md": b"a"}), "config.json is missing in the archive"),
    "a path that leaves": (zipped(**{"../config.json": b"{}"}), "leads out of the archive"),
    "a pickle": (zipped(**{"a/model.pt": b"\x80\x02."}), "pickles are never opened"),
}


def choose(page: Page, data: bytes) -> None:
    file = {"name": "model.zip", "mimeType": "application/zip", "buffer": data}
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]


def test_each_refusal_stands_below_the_file_and_leads_to_the_next_try(
    page: Page, app_url: str, settle: Callable[[Page], None], tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 800, "height": 600})
    page.goto(app_url)
    settle(page)
    page.get_by_role("button", name="Open a checkpoint").click()
    for data, sentence in REFUSED.values():
        choose(page, data)
        refusal = page.get_by_role("dialog").get_by_role("alert").filter(has_text=sentence)
        expect(refusal).to_be_in_viewport(ratio=1)
    too_large = tmp_path / "large.zip"
    with too_large.open("wb") as file:
        file.truncate(70 << 20)
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(too_large)
    said = page.get_by_role("dialog").get_by_text("File must be 64.0MB or smaller")
    said.scroll_into_view_if_needed()
    expect(said).to_be_in_viewport(ratio=1)
    assert (said.bounding_box() or {"height": 0})["height"] > 10  # it is no speck
    page.get_by_role("button", name="Remove large.zip").click()
    choose(page, zip_checkpoint(CHECKPOINT))
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile("model=run:upload-"))


@pytest.fixture
def app_with_a_broken_model(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    for name in ("broken", "good"):
        folder = tmp_path / "checkpoints" / name
        folder.mkdir(parents=True)
        for file in CHECKPOINT.iterdir():
            data = file.read_bytes()
            torn = name == "broken" and file.name == "model.safetensors"
            (folder / file.name).write_bytes(data[:1000] if torn else data)
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    with running_app(tmp_path) as app:
        yield app


def test_the_first_visitor_may_come_by_a_link_to_a_broken_model_and_choose_another(
    context: BrowserContext, app_with_a_broken_model: App
) -> None:
    with context.new_page() as page:
        page.goto(f"{app_with_a_broken_model.url}/encoded?model=broken")
        expect(page.get_by_role("heading", name="Encoded μ")).to_be_visible()
        expect(page.get_by_test_id("stTopNavSection")).to_have_count(5)
        main = page.get_by_test_id("stMain")
        expect(main.get_by_text("broken: model.safetensors is torn")).to_be_visible()
        page.get_by_role("combobox", name="Model").click()
        page.get_by_role("option", name="good").click()
        expect(page.get_by_test_id("latent-plane")).to_be_visible()
