"""Encoded μ: what is selected on the plane is what the page shows and gives away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from vae_core.checkpoints.reading import load_latents

pytestmark = pytest.mark.browser
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "digits-2d"
WHOLE = ((0.02, 0.1), (0.98, 0.1), (0.98, 0.98), (0.02, 0.98))
LEFT = ((0.02, 0.1), (0.5, 0.1), (0.5, 0.98), (0.02, 0.98))


@pytest.fixture
def plane(page: Page, app_url: str, settle: Callable[[Page], None]) -> Locator:
    page.goto(f"{app_url}/encoded?model=digits-2d")
    settle(page)
    legend = page.get_by_role("group", name="Legend")
    legend.get_by_role("button").first.wait_for()  # the points are there
    return page.get_by_test_id("latent-plane")


def lasso(page: Page, plane: Locator, corners: tuple[tuple[float, float], ...]) -> None:
    plane.evaluate("canvas => canvas.scrollIntoView({ block: 'center' })")  # below the menu
    box = plane.bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in [*points[1:], points[0]]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def selected(page: Page) -> int:
    return int(page.get_by_role("heading", name="selected").inner_text().split()[0])


def download(page: Page, name: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return Path(download.value.path())


def test_what_is_selected_is_shown_and_taken_home(page: Page, plane: Locator) -> None:
    latents = load_latents(CHECKPOINT)
    assert latents is not None
    with np.load(download(page, "NPZ, all 360"), allow_pickle=False) as columns:
        np.testing.assert_array_equal(columns["mu_2"], latents.mu[:, 1])
        np.testing.assert_allclose(columns["sigma_1"], latents.sigma[:, 0], rtol=1e-6)

    heading = page.get_by_role("heading", name="selected")
    lasso(page, plane, LEFT)
    expect(heading).to_be_visible()
    left = selected(page)
    lasso(page, plane, WHOLE)
    expect(heading).not_to_have_text(f"{left} selected")
    whole = selected(page)
    assert 0 < left < whole <= 360
    for corners, count in ((LEFT, left), (WHOLE, whole), (LEFT, left)):
        lasso(page, plane, corners)
        expect(heading).to_have_text(f"{count} selected")

    rows = list(csv.DictReader(io.StringIO(download(page, "CSV, ").read_text())))
    assert len(rows) == left
    for row in rows[:20]:
        index = int(row["index"])
        mu = [float(row["mu_1"]), float(row["mu_2"])]
        np.testing.assert_allclose(mu, latents.mu[index], rtol=1e-5)
        assert mu[0] < latents.mu[:, 0].max()

    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("Click a point or draw a lasso")).to_be_visible()


def test_tsne_stops_at_once_and_keeps_what_it_reached(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/encoded?model=sprites-6d&view=t-SNE&points=5000")
    settle(page)
    page.get_by_role("button", name="Compute t-SNE").click()
    expect(page.get_by_text(re.compile(r"t-SNE: \d+%"))).to_be_visible(timeout=60_000)
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped after \d+% of the steps"))).to_be_visible()
    expect(page.get_by_test_id("latent-plane")).to_be_visible()
    expect(page.get_by_role("button", name="Compute it whole")).to_be_visible()


def test_training_images_are_encoded_when_asked_for_and_filtered_by_what_is_known(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f'{app_url}/encoded?model=sprites-6d&of=both&filter={{"scale":[0.5,0.7]}}')
    settle(page)
    page.get_by_role("button", name="Encode them").click()
    page.get_by_text("training images, spread over all").wait_for(timeout=120_000)
    settle(page)
    with np.load(download(page, "NPZ, all "), allow_pickle=False) as columns:
        scale, split, index = columns["scale"], columns["split"], columns["index"]
    assert 0.5 <= scale.min() < scale.max() < 0.7001
    assert set(split) == {"test", "training"}
    for name in ("test", "training"):
        assert len(np.unique(index[split == name])) == (split == name).sum()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("textbox", name="Search").fill("heart")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="selected")).to_be_visible()
