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
    expect(decode.get_by_role("group", name="z₂")).to_have_text("−4.00−4.004.00")  # true minus
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


@pytest.mark.parametrize("held", [True, False])
def test_each_step_by_key_counts_and_all_of_a_gesture_are_one_undo(
    decode: Page, wait_for_z: Callable[[list[float | None]], None], held: bool
) -> None:
    slider = decode.get_by_role("slider", name="z₁")
    undo = decode.get_by_role("button", name="Undo")
    decode.evaluate("() => void (Date.now = () => 0)")  # no pause between presses
    slider.focus()
    for _ in range(60):
        decode.keyboard.down("ArrowRight")  # a repeat, where the key was not let go
        if not held:
            decode.keyboard.up("ArrowRight")
    wait_for_z([0.6, 0])
    expect(slider).to_have_value("0.6")
    decode.keyboard.up("ArrowRight")
    undo.click()
    wait_for_z([0, 0])
    expect(slider).to_have_value("0")
    expect(undo).to_be_disabled()


def test_a_slider_that_is_taken_anew_is_another_undo(
    decode: Page, wait_for_z: Callable[[list[float | None]], None]
) -> None:
    undo = decode.get_by_role("button", name="Undo")
    track = decode.get_by_role("group", name="z₁").locator("> div")
    box = track.bounding_box()
    assert box
    for share in (0.75, 0.875):
        track.click(position={"x": share * box["width"], "y": box["height"] / 2})
        wait_for_z([8 * share - 4, 0])
    undo.click()
    wait_for_z([2, 0])
    undo.click()
    wait_for_z([0, 0])


def test_an_arrow_key_held_on_the_plane_is_one_undo_however_late_it_repeats(
    decode: Page, wait_for_z: Callable[[list[float | None]], None]
) -> None:
    undo = decode.get_by_role("button", name="Undo")
    decode.get_by_test_id("latent-plane").focus()
    decode.keyboard.down("ArrowRight")
    # Keyboards wait before the first repeat, longer than the plane waits for a key let go.
    decode.evaluate("() => new Promise((resolve) => setTimeout(resolve, 1000))")
    for _ in range(59):
        decode.keyboard.down("ArrowRight")
    decode.keyboard.up("ArrowRight")
    wait_for_z([3, 0])
    wait_for_plane(decode, [3, 0])
    undo.click()
    wait_for_z([0, 0])
    expect(undo).to_be_disabled()


def test_the_code_is_sent_when_it_is_opened_and_says_what_is_in_view(
    page: Page,
    app_url: str,
    settle: Callable[[Page], None],
    wait_for_z: Callable[[list[float | None]], None],
) -> None:
    page.goto(f"{app_url}/decode?model=digits-2d&z=1.25,-0.5")
    settle(page)
    code = page.get_by_test_id("stCode")
    assert code.count() == 0
    asked = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name).join()")
    assert "SyntaxHighlighter" not in asked  # 1.6 MB, of which each page took a quarter of its time
    page.get_by_text("Show the code").click()
    code.get_by_text("1.25, -0.5").wait_for()
    page.get_by_role("button", name="Notebook").wait_for()
    settle(page)
    page.get_by_role("button", name="Reset").click()
    wait_for_z([0, 0])
    code.get_by_text("0.0, 0.0").wait_for()
