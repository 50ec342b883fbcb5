"""Very many points on the plane: what a thread draws of them, and what is selected of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.places import latents_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

DRAW = """async ({ pointsOf }, script) => {
    const { brushes } = await import(new URL("points.js", script));
    const { paint } = await import(new URL("pixels.js", script));
    const count = 50_000;
    const buffer = new ArrayBuffer(13 * count);
    const xy = new Float32Array(buffer, 0, 2 * count);
    xy.forEach((_, i) => (xy[i] = Math.sin(i * i) * (1 + (i % 7))));
    new Uint8Array(buffer, 12 * count).forEach((_, i, all) => (all[i] = i % 3));
    const points = await pointsOf(buffer, { count, names: ["a", "b", "c"] }, () => new URL(script));
    points.hidden.add(1);
    const style = {
        radius: 1.7,
        opacity: 0.55,
        glyphs: ["circle", "square", "star"],
        palette: Array.from({ length: 256 }, (_, k) => [200, (80 * k) & 255, 10]),
        hidden: points.hidden,
    };
    const [width, height, unit] = [200, 150, 20];
    const canvas = () => {
        const made = Object.assign(document.createElement("canvas"), { width, height });
        return made.getContext("2d", { willReadFrequently: true });
    };
    const c = canvas();
    const { crowd } = points;
    const selected = { size: 0 };
    const drawn = (x, moves) => new Promise((resolve) => {
        const view = { x, y: -0.25, unit, width, height, toPixels: () => [0, 0] };
        const wish = { style, selected, ratio: 1, moves };
        crowd.draw(c, view, wish, () => resolve(crowd.picture.kind));
    });
    for (let k = 1; k < 9; k++) drawn(k, true);
    const kinds = [await drawn(0.5, true)];
    while ((await drawn(0.5, false)) === "counts");
    kinds.push(crowd.picture.kind);

    const image = new ImageData(width, height);
    const corner = { left: width / 2 - 0.5 * unit, top: height / 2 - 0.25 * unit };
    const place = { ...corner, unit, width, height };
    const { look, passes } = brushes(style, 1, false);
    paint(new Uint32Array(image.data.buffer), points, place, look, passes[0]);
    const expected = canvas();
    expected.putImageData(image, 0, 0);
    const pixels = (context) => context.getImageData(0, 0, width, height).data;
    const shown = pixels(crowd.canvas.getContext("2d"));
    const same = pixels(expected).every((value, k) => value === shown[k]);
    const ink = shown.reduce((sum, value) => sum + (value > 0), 0) / shown.length;
    crowd.close();
    return { kinds, same, ink };
}"""


@pytest.mark.parametrize("script", ["crowd_thread.js", "there_is_none.js"])
def test_what_is_drawn_of_a_crowd_at_rest_is_every_point(
    call_module: Callable[..., Any], plane_script: str, console_errors: list[str], script: str
) -> None:
    """In a thread, and in the page where there can be none; counts while the view moves."""
    found = call_module("crowd.js", DRAW, plane_script.replace("plane.js", script))
    assert found["kinds"] == ["counts", "glyphs"]
    assert found["same"]
    assert found["ink"] > 0.5
    if script != "crowd_thread.js":
        console_errors.clear()


def test_a_selection_of_thousands_is_told_and_outlives_a_reload(
    page: Page, app_url: str, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{app_url}/encoded?model=mnist-2d")
    settle(page)
    page.get_by_role("group", name="Legend").get_by_role("button").first.wait_for()
    box = page.get_by_test_id("latent-plane").bounding_box()
    assert box is not None
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 2, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    heading = page.get_by_role("heading", name=re.compile("[0-9] selected"))
    heading.wait_for()
    words = heading.inner_text()
    left = int((latents_of("mnist-2d").mu[:, 0] < 0).sum())
    assert abs(int(words.split()[0].replace(",", "")) - left) < 0.02 * left
    assert left > 2000
    settle(page)  # the address names it at the end of the run that shows it
    page.reload()
    settle(page)
    assert heading.inner_text() == words
