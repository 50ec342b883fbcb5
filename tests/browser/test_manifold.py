"""The manifold under the pointer, by its keys, in its link and as a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from scipy.stats import norm

from ui.numbers import decimal

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Settle = Callable[[Page], None]
    WaitForZ = Callable[[list[float | None]], None]

SIDE = 5


@pytest.fixture
def manifold(page: Page, app_url: str, settle: Settle) -> Locator:
    page.goto(f"{app_url}/manifold?model=mnist-2d&side={SIDE}")
    settle(page)
    grid = page.get_by_test_id("manifold")
    grid.wait_for()
    return grid


def centre(grid: Locator, column: int, row: int) -> dict[str, float]:
    """The middle of a tile, from the grid's left upper corner."""
    box = grid.bounding_box()
    assert box
    return {
        "x": (column + 0.5) / SIDE * box["width"],
        "y": (row + 0.5) / SIDE * box["height"],
    }


def quantile(i: int) -> float:
    return float(norm.ppf((i + 0.5) / SIDE))


def wait_for_decoded(page: Page, z: list[float]) -> None:
    page.wait_for_function(
        "z => decodes.at(-1)?.z.every((x, k) => Math.abs(x - z[k]) < 1e-3)", arg=z
    )


def ring(page: Page, name: str) -> tuple[float, float]:
    """The middle of a ring on the grid, in tiles from its left upper corner."""
    box = page.locator(f".ring.{name}").bounding_box()
    grid = page.get_by_test_id("manifold").bounding_box()
    assert box
    assert grid
    across = (box["x"] + box["width"] / 2 - grid["x"]) / grid["width"] * SIDE
    down = (box["y"] + box["height"] / 2 - grid["y"]) / grid["height"] * SIDE
    return across, down


def test_the_grid_is_looked_at_chosen_from_and_saved(
    page: Page, manifold: Locator, settle: Settle, wait_for_z: WaitForZ
) -> None:
    tiles = manifold.evaluate(
        """(canvas, side) => {
            const [w, h] = [canvas.width / side, canvas.height / side];
            const pixels = canvas.getContext("2d");
            return Array.from({ length: side * side }, (_, i) =>
                pixels.getImageData((i % side) * w, Math.floor(i / side) * h, w, h).data.join());
        }""",
        SIDE,
    )
    assert len(set(tiles)) == SIDE * SIDE
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert picture.size == (SIDE * 28, SIDE * 28)

    page.get_by_role("group", name="images decoded over z₁ and z₂").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    wait_for_z([quantile(2), quantile(3)])

    manifold.click(position=centre(manifold, column=3, row=0))
    # Columns grow rightwards, rows upwards: the top row holds the largest value.
    wait_for_z([quantile(3), quantile(4)])
    page.get_by_text(f"z₁ = {quantile(3):.2f}, z₂ = {quantile(4):.2f}").last.wait_for()
    settle(page)


def test_grid_and_plane_show_where_the_pointer_and_the_cursor_are(
    page: Page, manifold: Locator, wait_for_z: WaitForZ
) -> None:
    page.wait_for_function("decodes.length > 0")
    cursor = page.evaluate("decodes.at(-1).z")
    for column, row in ((0, 0), (4, 1)):
        manifold.hover(position=centre(manifold, column, row))
        wait_for_decoded(page, [quantile(column), quantile(SIDE - 1 - row)])
        lens = page.locator(".lens:popover-open")
        z = (decimal(quantile(column)), decimal(quantile(SIDE - 1 - row)))
        lens.get_by_text(f"z₁ = {z[0]}, z₂ = {z[1]}").wait_for()
    assert page.locator(".lens:popover-open canvas").is_hidden()
    page.mouse.move(2, 2)
    wait_for_decoded(page, cursor)

    plane = page.get_by_test_id("latent-plane")
    count = page.evaluate("decodes.length")
    plane.hover()  # its middle
    page.locator(".ring.under").wait_for()
    page.wait_for_function("n => decodes.length > n", arg=count)
    page.wait_for_function("decodes.at(-1).z.every((x) => Math.abs(x) < 0.1)")
    z = page.evaluate("decodes.at(-1).z")
    column, row = ring(page, "under")
    assert abs(quantile(int(column)) - z[0]) == min(abs(quantile(i) - z[0]) for i in range(SIDE))
    up = SIDE - 1 - int(row)
    assert abs(quantile(up) - z[1]) == min(abs(quantile(i) - z[1]) for i in range(SIDE))
    plane.click()
    wait_for_z([round(v, 3) for v in z])
    page.mouse.move(2, 2)
    page.locator(".ring.under").wait_for(state="hidden")
    assert ring(page, "chosen") == pytest.approx((int(column) + 0.5, int(row) + 0.5), abs=0.02)


def test_a_link_opens_the_same_grid_and_held_dimensions_change_it(
    page: Page, app_url: str, settle: Settle, wait_for_z: WaitForZ
) -> None:
    page.goto(f"{app_url}/manifold?model=sprites-6d&spacing=linear&side=7&x=z₄&y=z₁")
    settle(page)
    page.get_by_role("img", name="7 by 7 images decoded over z₄ and z₁").wait_for()
    assert page.get_by_text("−3.00", exact=True).count() == 2
    grid = page.get_by_test_id("manifold")
    before = grid.evaluate("canvas => canvas.toDataURL()")
    page.get_by_text("other dimensions, held at the current z").click()
    held = page.get_by_role("slider", name="z₃")
    held.focus()
    held.press("Home")
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before",
        arg=[grid.element_handle(), before],
    )
    wait_for_z([None, None, -4, None, None, None])
