"""A visitor's own images on Train live: brought, looked at, learned, and seen by no other."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live.images import test_dataset as dataset_of
from live.models import open_model
from vae_core.data.datasets import load_dataset
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

pytestmark = pytest.mark.browser
LONG = 90_000  # milliseconds
QUICK = "dataset=own&epochs=2&train_batch=32"


def photos(torn: int | None = None) -> bytes:
    """200 handwritten digits as PNG files, in a folder for each of two classes; one may be torn."""
    digits = load_dataset("digits")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k in range(200):
            file = io.BytesIO()
            Image.fromarray(digits.images[k, 0].numpy()).resize((12, 10)).save(file, "PNG")
            kind = "small_" if digits.labels[k] < 5 else "large_"
            data = file.getvalue()
            bundle.writestr(f"{kind}/{k:03}.png", data[: len(data) // 2] if k == torn else data)
    return buffer.getvalue()


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def take_out(page: Page, settle: Settle, name: str) -> None:
    button = page.get_by_role("button", name=f"Remove {name}")
    button.click()
    expect(button).to_have_count(0)
    settle(page)


def bring(page: Page, name: str, data: bytes, uploader: int = 0) -> None:
    place = page.get_by_test_id("stFileUploader").nth(uploader).locator("input[type=file]")
    place.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def test_images_are_brought_seen_and_learned_by_their_visitor_alone(
    page: Page, visitor: Callable[..., Any], app_url: str, settle: Settle, runs_root: Path
) -> None:
    page.goto(f"{app_url}/train?{QUICK}")
    settle(page)
    expect(page.get_by_test_id("start-training")).to_be_disabled()

    bring(page, "photos.zip", photos()[:-40])
    expect(page.get_by_role("alert")).to_contain_text("photos.zip is no zip archive")
    take_out(page, settle, "photos.zip")

    bring(page, "photos.zip", photos())
    expect(page.get_by_test_id("own-preview")).to_be_visible(timeout=LONG)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("200 images of 10×12 pixels, 12 shown")
    expect(main).to_contain_text(re.compile(r"2 classes: large_ \d+, small_ \d+"))
    expect(main).to_contain_text("180 training images")
    page.get_by_role("combobox", name="Size").click()
    page.get_by_role("option", name="16×16").click()
    expect(main).to_contain_text("Other shapes")
    settle(page)

    page.get_by_test_id("start-training").click()
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    token = page.evaluate("new URLSearchParams(location.search).get('run')")
    run = Run(runs_root / token)
    opened = open_model(f"run:{token}").with_own_images
    assert opened.model.image_shape == (1, 16, 16)
    dataset = dataset_of(opened)
    assert dataset is not None and dataset.name == run.config().dataset and len(dataset) == 20
    expect(main).to_contain_text("own images, photos")
    expect(main).not_to_contain_text("The data set is not at hand")

    expect(page.get_by_text("The images of this run again")).to_be_visible()
    expect(main).to_contain_text("own images, photos: 200 images of 16×16 pixels")
    expect(page.get_by_test_id("start-training")).to_be_enabled()

    with visitor() as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{app_url}/train?{QUICK}")
        settle(other)
        expect(other.get_by_test_id("stFileUploader")).to_be_visible()
        assert other.get_by_test_id("own-preview").count() == 0
        assert "photos" not in other.get_by_test_id("stMain").inner_text()

        missing = other.get_by_text("The data set is not at hand")
        other.goto(f"{app_url}/train?run={token}")
        missing.wait_for(timeout=LONG)
        settle(page)
        page.get_by_text("Show my images to whoever has the link").click()
        settle(page)
        assert run.images_shown
        other.reload()
        other.get_by_text("what comes back").wait_for(timeout=LONG)
        settle(other)
        expect(missing).to_have_count(0)
        assert other.get_by_text("Show my images").count() == 0

    page.get_by_role("button", name="Keep it").click()
    page.get_by_label("Name", exact=True).fill("kept")
    page.get_by_label("Name", exact=True).press("Enter")
    settle(page)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_text("kept is in your list of models now").wait_for()
    settle(page)
    (kept,) = (Run(path) for path in runs_root.glob("kept-*"))
    assert dataset_of(open_model(f"run:{kept.token}").with_own_images) is not None

    page.get_by_role("link", name="Explore this model").click()
    page.wait_for_url(re.compile(r"/\?.*model=run:own-photos"), timeout=LONG)
    settle(page)
    page.get_by_test_id("latent-plane").wait_for()


def test_what_cannot_be_read_is_named_and_the_rest_learned(
    page: Page, app_url: str, settle: Settle, runs_root: Path
) -> None:
    page.goto(f"{app_url}/train?{QUICK}")
    settle(page)
    bring(page, "photos.zip", photos(torn=5))
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("199 images of 10×12 pixels", timeout=LONG)
    expect(main).to_contain_text(re.compile(r"1 image cannot be read: (small|large)_/005\.png"))
    settle(page)
    page.get_by_text("More settings").click()
    settle(page)
    page.get_by_label("Class left out", exact=True).fill("small_")
    page.get_by_label("Class left out", exact=True).press("Enter")
    expect(main).to_contain_text(re.compile(r"about \d\d training images"))
    settle(page)
    page.get_by_test_id("start-training").click()
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    run = Run(runs_root / page.evaluate("new URLSearchParams(location.search).get('run')"))
    assert run.config().left_out == 1
    expect(main).to_contain_text("without class small_")


def test_what_is_guessed_of_values_channels_and_stacks_can_be_chosen(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/train?{QUICK}")
    settle(page)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k in range(9):
            grey = np.full((8, 8), k, np.uint8)
            grey[k % 8, 3] = 15
            frames = [Image.fromarray(np.dstack([each] * 3)) for each in (grey, grey[::-1])]
            file = io.BytesIO()
            frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
            bundle.writestr(f"{k}.tif", file.getvalue())
    bring(page, "dark.zip", buffer.getvalue())
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("18 images of 8×8 pixels", timeout=LONG)
    for note in (
        "9 files hold several images: each is read, and some of the same file",
        "The images are stored in colour, but grey: their channels are equal.",
    ):
        expect(main).to_contain_text(note)
    settle(page)
    page.get_by_role("radio", name="the first alone").click()
    expect(main).to_contain_text("9 images of 8×8 pixels")
    settle(page)
    page.get_by_role("combobox", name="Black and white").click()
    page.get_by_role("option", name="0 to 15, lowest to highest").click()
    expect(main).to_contain_text("values 0 to 15, shown from black 0 to white 15")
    settle(page)

    take_out(page, settle, "dark.zip")
    arrays = io.BytesIO()
    np.savez(arrays, x=np.arange(40 * 8 * 8).reshape(40, 8, 8) % 17)
    bring(page, "levels.npz", arrays.getvalue())
    expect(main).to_contain_text("run from 0 to 16. Which values are black", timeout=LONG)
    expect(page.get_by_test_id("start-training")).to_be_disabled()
    settle(page)
    page.get_by_role("combobox", name="Black and white").click()
    page.get_by_role("option", name="0 to 16, lowest to highest").click()
    expect(main).to_contain_text("shown from black 0 to white 16")
    expect(page.get_by_test_id("start-training")).to_be_enabled()


def test_how_names_are_written_and_what_axes_count_can_be_chosen(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/train?{QUICK}")
    settle(page)
    main = page.get_by_test_id("stMain")
    data = photos().replace(b"small_", "été".encode("cp850") + b"___")
    bring(page, "photos.zip", data.replace(b"large_", "mère".encode("cp850") + b"__"))
    expect(main).to_contain_text("read as Western, oldest (cp437)", timeout=LONG)
    expect(main).to_contain_text(re.compile(r"2 classes: mère__ \d+, été___ \d+"))
    settle(page)
    page.get_by_role("combobox", name="Names are written in").click()
    page.get_by_role("option", name="Cyrillic, DOS (cp866)").click()
    expect(main).to_contain_text(re.compile(r"2 classes: mКre__ \d+, ВtВ___ \d+"))
    expect(main).not_to_contain_text("does not say")
    settle(page)

    take_out(page, settle, "photos.zip")
    arrays = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 256, (9, 9, 40), dtype=np.uint8)
    np.savez(arrays, x=x)
    bring(page, "arrays.npz", arrays.getvalue())
    expect(main).to_contain_text("9 images of 9x40 or 40 of 9x9. Which is it?", timeout=LONG)
    settle(page)
    page.get_by_role("combobox", name="Axes").click()
    page.get_by_role("option", name="height, width, images").click()
    expect(main).to_contain_text("40 images of 9×9 pixels")


def test_an_idx_file_takes_its_labels_from_another(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/train?{QUICK}")
    settle(page)
    x = np.random.default_rng(0).integers(0, 256, (40, 9, 9), dtype=np.uint8)
    y = np.arange(40, dtype=np.uint8) % 4
    bring(page, "images", idx(x))
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("40 images of 9×9 pixels", timeout=LONG)
    settle(page)
    bring(page, "labels", gzip.compress(idx(y[:9])), uploader=1)
    expect(page.get_by_role("alert")).to_contain_text("40 images, but 9 labels")
    take_out(page, settle, "labels")
    bring(page, "labels", gzip.compress(idx(y)), uploader=1)
    expect(main).to_contain_text("4 classes: 0 10, 1 10, 2 10, 3 10", timeout=LONG)


def test_settings_suit_the_images_until_others_are_chosen(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/train?dataset=own")
    settle(page)
    bring(page, "photos.zip", photos())
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("Chosen for 180 images of 10x12: ", timeout=LONG)
    expect(main).to_contain_text("180 images are few")
    settle(page)
    page.get_by_text("More settings").click()
    settle(page)
    epochs = page.get_by_label("Epochs", exact=True)
    suited = epochs.input_value()
    epochs.fill("7")
    epochs.press("Enter")
    settle(page)
    expect(main).to_contain_text("7 epochs of")
    page.get_by_role("button", name="Take the settings that suit these images").click()
    expect(epochs).to_have_value(suited)
