"""Ways between images: chosen, typed, dragged, played, linked and saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from tests.browser.places import latents_of, on_screen
from ui.view.ends import MAX_BETWEEN

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Settle = Callable[[Page], None]
    WaitForZ = Callable[[list[float | None]], None]

STEPS = 5
WAY = f"interpolate?model=mnist-2d&a=1,-1&b=-1,2&steps={STEPS}"


@pytest.fixture
def film(page: Page, app_url: str, settle: Settle) -> Locator:
    """The strip of a way from (1, -1) to (-1, 2)."""
    page.set_viewport_size({"width": 1400, "height": 1200})  # nothing needs to be scrolled to
    page.goto(f"{app_url}/{WAY}")
    settle(page)
    page.get_by_role("group", name="Legend").get_by_role("button").first.wait_for()
    strip = page.get_by_test_id("filmstrip")
    strip.wait_for()
    return strip


def in_url(page: Page, name: str) -> str:
    return parse_qs(urlsplit(page.url).query)[name][0]


def numbers(text: str) -> list[float]:
    return [float(v) for v in text.split(",")]


def frame_of(page: Page) -> int:
    return int(page.get_by_label("Frame", exact=True).input_value())


def test_the_first_visit_shows_a_film(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/interpolate")
    settle(page)
    page.get_by_test_id("filmstrip").wait_for()
    for side in "ab":
        page.get_by_test_id(f"end-{side}").wait_for()
    assert (in_url(page, "a"), in_url(page, "b")) == ("test:0", "test:1")


def test_ends_are_moved_typed_chosen_and_swapped(
    page: Page, film: Locator, wait_for_z: WaitForZ, turn_to: Callable[[Page, str], None]
) -> None:
    pause(page, wait_for_z)
    page.get_by_test_id("latent-plane").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"[?&]a=1\.050"))
    assert numbers(in_url(page, "a"))[1] == -1

    typed = page.get_by_label("z of B", exact=True)
    typed.fill("1, two")
    typed.press("Enter")
    page.get_by_text(re.compile(r"That is no z: give test:0 to .* or a z of 2 numbers")).wait_for()
    assert numbers(in_url(page, "b")) == [-1, 2]
    typed.fill("z = (−0.65, −0.02)")  # as the page says it
    typed.press("Enter")
    page.wait_for_url(re.compile(r"[?&]b=-0\.650"))
    typed.fill("-1 2")
    typed.press("Enter")
    page.wait_for_url(re.compile(r"[?&]b=-1\.000"))

    page.get_by_label("Class of A").click()
    page.get_by_role("option", name="4", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]a=test"))
    first = int(in_url(page, "a").removeprefix("test:"))
    index = page.get_by_label("Index of A", exact=True)
    index.fill("1")
    index.press("Enter")
    page.wait_for_url(re.compile(rf"[?&]a=test:(?!{first}\b)"))
    second = in_url(page, "a")
    assert int(second.removeprefix("test:")) > first

    page.get_by_role("button", name="Swap ends").click()
    page.wait_for_url(re.compile(rf"[?&]b={second}"))
    assert numbers(in_url(page, "a")) == [-1, 2]

    wrong = page.get_by_text("That is no z")
    wrong.wait_for(state="detached")
    for leave in (False, True):
        typed.fill("hello")
        typed.press("Enter")
        wrong.wait_for()
        if leave:
            turn_to(page, "Decode z")
            page.wait_for_url(re.compile("/decode"))
            turn_to(page, "Interpolate")
            typed.wait_for()
        else:
            page.get_by_role("button", name="Random image").last.click()
        wrong.wait_for(state="detached")


def stop_at(page: Page, z: list[float]) -> tuple[float, float]:
    return on_screen(page.get_by_test_id("latent-plane"), "mnist-2d", z)


def pause(page: Page, wait_for_z: WaitForZ) -> None:
    """Rest on a frame, whose z the address then gives: from here on only the test moves it."""
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    t = frame_of(page) / (STEPS - 1)
    wait_for_z([1 - 2 * t, -1 + 3 * t])


def test_the_film_plays_rests_is_decoded_and_saved(
    page: Page, film: Locator, wait_for_z: WaitForZ
) -> None:
    """While it plays, and while its range is dragged: along the way from (1, -1) to (-1, 2)."""
    for frame in (4, 2):  # forth and back
        page.get_by_text(f"{frame} / {STEPS}", exact=True).wait_for()
    # Five, and on a busy machine the cursor's own before the film leads.
    page.wait_for_function("new Set(decodes.map(({ z }) => String(z))).size >= 5")
    pause(page, wait_for_z)
    frame = page.get_by_label("Frame", exact=True)
    for k in (4, 1):
        frame.fill(str(k))
        t = k / (STEPS - 1)
        page.wait_for_function(
            "z => decodes.at(-1).z.every((x, i) => Math.abs(x - z[i]) < 1e-3)",
            arg=[1 - 2 * t, -1 + 3 * t],
        )
    box = film.bounding_box()
    assert box
    film.click(position={"x": 2.5 / STEPS * box["width"], "y": box["height"] / 2})
    wait_for_z([0, 0.5])  # the middle frame is the z of every page
    page.get_by_text(f"3 / {STEPS}", exact=True).wait_for()

    sizes = {}
    for name in ("GIF", "PNG"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        with Image.open(Path(download.value.path())) as picture:
            sizes[name] = (picture.size, getattr(picture, "n_frames", 1))
    assert sizes["GIF"][1] == 2 * STEPS - 2
    assert sizes["PNG"][0] == (STEPS * 112 + (STEPS - 1) * 4, 112)


def test_the_z_of_every_page_is_the_frame_on_which_the_film_rests(
    page: Page, app_url: str, settle: Settle, wait_for_z: WaitForZ
) -> None:
    """Whatever changes the way under a film that rests; a link's z stays until it does."""
    shown = "z => decodes.at(-1)?.z.every((x, i) => Math.abs(x - z[i]) < 1e-3)"
    page.emulate_media(reduced_motion="reduce")  # it rests from the beginning
    page.set_viewport_size({"width": 1400, "height": 1200})
    page.goto(f"{app_url}/{WAY}&z=2,2")
    settle(page)
    page.get_by_role("button", name="Play").wait_for()
    assert frame_of(page) == 0
    page.get_by_text(f"1 / {STEPS}", exact=True).wait_for()
    page.wait_for_function(shown, arg=[1, -1])
    settle(page)
    page.emulate_media(reduced_motion="no-preference")
    assert numbers(in_url(page, "z")) == [2, 2]
    page.get_by_label("Frame", exact=True).fill("1")
    wait_for_z([0.5, -0.25])

    typed = page.get_by_label("z of B", exact=True)
    typed.fill("3, 1")
    typed.press("Enter")
    wait_for_z([1.5, -0.5])
    page.wait_for_function(shown, arg=[1.5, -0.5])

    page.get_by_test_id("latent-plane").focus()
    page.keyboard.press("PageDown")  # the other end is chosen, and its frame shown
    wait_for_z([3, 1])
    page.keyboard.press("PageUp")
    wait_for_z([1, -1])
    page.get_by_label("Frame", exact=True).fill("1")
    wait_for_z([1.5, -0.5])

    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="mnist-16d").click()
    page.wait_for_function(
        """() => {
            const z = (new URLSearchParams(location.search).get("z") ?? "").split(",").map(Number);
            const shown = decodes.at(-1).z;
            return z.length === 16 && z.every((x, i) => Math.abs(x - shown[i]) < 1e-3);
        }"""
    )
    page.get_by_text(f"2 / {STEPS}", exact=True).wait_for()
    means = latents_of("mnist-16d").mu[:2]
    wait_for_z((0.75 * means[0] + 0.25 * means[1]).tolist())
    settle(page)  # telling Python of it ends


def test_the_film_follows_a_stop_while_it_is_dragged(
    page: Page, film: Locator, wait_for_z: WaitForZ
) -> None:
    pause(page, wait_for_z)
    page.evaluate("film => { window.film = film; }", film.element_handle())
    url = page.url
    page.mouse.move(*stop_at(page, [-1, 2]))
    page.mouse.down()
    for z in ([-1.5, 1.0], [-2.0, -0.5]):
        before = page.evaluate("film.toDataURL()")
        page.mouse.move(*stop_at(page, z), steps=4)
        page.wait_for_function("before => film.toDataURL() !== before", arg=before)
    page.get_by_text(f"{STEPS} / {STEPS}", exact=True).wait_for()  # the stop's own frame
    assert page.url == url
    page.mouse.up()
    page.wait_for_url(re.compile(r"[?&]b=-2\.0"))
    assert numbers(in_url(page, "a")) == [1, -1]


def test_stops_are_added_chosen_and_removed_by_pointer_and_by_keys(
    page: Page, film: Locator, wait_for_z: WaitForZ
) -> None:
    pause(page, wait_for_z)
    page.mouse.click(*stop_at(page, [0, 0.5]))  # half-way
    page.wait_for_url(re.compile("via="))
    assert numbers(in_url(page, "via")) == pytest.approx([0, 0.5], abs=0.03)
    page.get_by_text(f"{STEPS} / {2 * STEPS - 1}", exact=True).wait_for()  # the new stop's frame
    page.mouse.dblclick(*stop_at(page, [0, 0.5]))
    page.wait_for_url(re.compile("^(?!.*via=)"))
    assert (numbers(in_url(page, "a")), numbers(in_url(page, "b"))) == ([1, -1], [-1, 2])

    page.get_by_test_id("latent-plane").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("via="))
    assert numbers(in_url(page, "via")) == [0, 0.5]
    said = page.locator("[aria-live=polite]")
    said.filter(has_text="Stop 2 of 3: z = (0.00, 0.50)").wait_for(state="attached")
    page.keyboard.press("PageDown")
    said.filter(has_text="Stop 3 of 3").wait_for(state="attached")
    page.keyboard.press("PageUp")
    page.keyboard.press("Delete")
    page.wait_for_url(re.compile("^(?!.*via=)"))

    for _ in range(MAX_BETWEEN):
        page.keyboard.press("Enter")
    full = f"Stop {MAX_BETWEEN + 1} of {MAX_BETWEEN + 2}"
    said.filter(has_text=full).wait_for(state="attached")
    page.get_by_text(f"{MAX_BETWEEN + 2} stops at most").wait_for()
    page.keyboard.press("Enter")
    said.filter(has_text=f"{MAX_BETWEEN + 2} stops at most").wait_for(state="attached")
    page.mouse.click(*stop_at(page, [-2, -2]))
    page.keyboard.press("PageDown")
    said.filter(has_text=f"Stop {MAX_BETWEEN + 2} of {MAX_BETWEEN + 2}").wait_for(state="attached")
    assert len(in_url(page, "via").split(";")) == MAX_BETWEEN
    assert numbers(in_url(page, "b")) == [-1, 2]


def test_a_link_opens_the_same_way(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/{WAY}&method=spherical&via=0.5,0.5")
    settle(page)
    # Two legs of five frames share the stop between them.
    page.get_by_role("img", name="9 images decoded along the way").wait_for()
    page.get_by_role("slider", name="Steps a leg").wait_for()
    assert in_url(page, "method") == "spherical"
