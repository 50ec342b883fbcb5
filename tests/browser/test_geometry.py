"""The geometry of latent space, as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.places import SHIPPED, latents_of
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.latent.geometry import image_lengths
from vae_core.latent.paths import interpolate

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

LENGTH = re.compile(r"(straight|spherical|geodesic) ([\d.]+)")


def test_the_geodesic_is_no_longer_than_the_other_ways_and_the_pointer_shows_directions(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/geometry?model=digits-2d&a=test:2&b=test:11")
    settle(page)
    page.get_by_test_id("film-geodesic").wait_for()
    found = LENGTH.findall(page.get_by_test_id("stMain").inner_text())
    lengths = {name: float(length) for name, length in found}
    assert lengths["geodesic"] <= min(lengths["straight"], lengths["spherical"])
    a, b = latents_of("digits-2d").mu[[2, 11]]
    straight = image_lengths(load_checkpoint(SHIPPED / "digits-2d"), interpolate(a, b, 24)).sum()
    assert lengths["straight"] == pytest.approx(float(straight), abs=0.006)

    plane = page.get_by_test_id("latent-plane")
    amber = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let k = 0; k < data.length; k += 4)
            if (data[k] === 0xe6 && data[k + 1] === 0x9f && data[k + 2] === 0) count += 1;
        return count;
    }"""
    handle = plane.element_handle()
    page.wait_for_function(f"canvas => ({amber})(canvas) > 20", arg=handle)


def test_a_single_dimension_has_no_plane_to_measure(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., object]
) -> None:
    run = own_run(epochs=1, latent_dim=1)
    page.goto(f"{app_url}/geometry?model=run:{run.token}")  # type: ignore[attr-defined]
    settle(page)
    page.get_by_text("a single latent dimension").wait_for()
