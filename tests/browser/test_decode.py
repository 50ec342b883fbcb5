"""Decode z: sliders lead the plane and the image, and follow the plane."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from vae_core.checkpoints import load_latents

pytestmark = pytest.mark.browser
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "digits-2d"


@pytest.fixture
def decode(page: Page, app_url: str, settle: Callable[[Page], None]) -> Page:
    page.goto(f"{app_url}/decode?model=digits-2d&z=0,0")
    settle(page)
    page.wait_for_function("decodes.length")
    return page


def test_the_image_follows_a_slider_that_is_still_held(decode: Page) -> None:
    track = decode.get_by_role("group", name="z₁").locator("> div").bounding_box()
    assert track
    y = track["y"] + track["height"] / 2
    decode.mouse.move(track["x"] + track["width"] / 2, y)
    decode.mouse.down()
    for share in (0.6, 0.75):  # of the track, which leads from -4 to 4
        decode.mouse.move(track["x"] + share * track["width"], y, steps=5)
        decode.wait_for_function(f"Math.abs(decodes.at(-1).z[0] - {8 * share - 4}) < 0.1")
    decode.mouse.up()


def test_undo_leads_back(decode: Page, wait_for_z: Callable[[list[float | None]], None]) -> None:
    undo = decode.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    decode.get_by_role("slider", name="z₂").press("Home")
    wait_for_z([0, -4])
    undo.click()
    wait_for_z([0, 0])
    expect(undo).to_be_disabled()


def test_a_class_can_be_jumped_to_twice(
    decode: Page, wait_for_z: Callable[[list[float | None]], None]
) -> None:
    latents = load_latents(CHECKPOINT)
    assert latents is not None
    assert latents.labels is not None
    mean = latents.mu.numpy()[latents.labels.numpy() == 3].mean(0).tolist()
    for _ in range(2):
        decode.get_by_role("combobox", name="Jump to the mean of a class").click()
        decode.get_by_role("option", name="3", exact=True).click()
        wait_for_z(mean)
        decode.get_by_role("button", name="Reset").click()
        wait_for_z([0, 0])


@pytest.mark.parametrize("width", [800, 1400])
def test_every_slider_is_seen_together_with_the_image(
    page: Page, app_url: str, settle: Callable[[Page], None], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{app_url}/decode?model=mnist-16d")
    settle(page)
    for slider in page.get_by_role("slider").all():
        slider.scroll_into_view_if_needed()
        expect(page.get_by_test_id("decoded-image")).to_be_in_viewport(ratio=1)
