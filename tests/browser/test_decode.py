"""Decode z: sliders lead the plane and the image, and follow the plane."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from vae_core.checkpoints.reading import load_latents

pytestmark = pytest.mark.browser
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "digits-2d"


@pytest.fixture
def decode(page: Page, app_url: str, settle: Callable[[Page], None]) -> Page:
    page.goto(f"{app_url}/decode?model=digits-2d&z=0,0")
    settle(page)
    page.wait_for_function("decodes.length")
    return page


def wait_for_plane(page: Page, z: list[float]) -> None:
    page.wait_for_function("z => String(decodes.at(-1).z) === String(z)", arg=z)


def test_sliders_undo_and_the_means_of_classes(
    decode: Page, wait_for_z: Callable[[list[float | None]], None]
) -> None:
    undo = decode.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    decode.get_by_role("slider", name="z₂").press("Home")
    wait_for_z([0, -4])
    undo.click()
    wait_for_z([0, 0])
    wait_for_plane(decode, [0, 0])
    expect(undo).to_be_disabled()

    decode.get_by_role("slider", name="z₂").press("Home")
    wait_for_z([0, -4])
    decode.get_by_role("button", name="Reset").click()
    wait_for_plane(decode, [0, 0])
    decode.get_by_test_id("latent-plane").focus()
    for key, z in (("ArrowRight", [0.5, 0]), ("ArrowUp", [0.5, 0.5])):
        decode.keyboard.press(f"Shift+{key}")
        wait_for_z(z)
    undo.click()
    wait_for_z([0.5, 0])
    wait_for_plane(decode, [0.5, 0])

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

    track = decode.get_by_role("group", name="z₁").locator("> div").bounding_box()
    assert track
    y = track["y"] + track["height"] / 2
    decode.mouse.move(track["x"] + track["width"] / 2, y)
    decode.mouse.down()
    for share in (0.6, 0.75):  # of the track, which leads from -4 to 4; the slider is still held
        decode.mouse.move(track["x"] + share * track["width"], y, steps=5)
        decode.wait_for_function(f"Math.abs(decodes.at(-1).z[0] - {8 * share - 4}) < 0.1")
    decode.mouse.up()


def test_every_slider_is_seen_together_with_the_image(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/decode?model=mnist-16d")
    for width in (1400, 800):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        for slider in page.get_by_role("slider").all():
            slider.scroll_into_view_if_needed()
            expect(page.get_by_test_id("decoded-image")).to_be_in_viewport(ratio=1)
