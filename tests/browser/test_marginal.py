"""log p(x) by draws, as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from live.images import test_dataset as images_of
from live.models import open_model
from tests.browser.places import wait_for_fold
from vae_core.measures.likelihood.quadrature import exact_log_likelihood

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]


def test_the_prior_needs_many_draws_and_q_few(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/marginal?model=digits-2d&image=0&seed=0")
    settle(page)
    told = page.get_by_text("The middle one of 5 runs").inner_text()
    found = re.search(r"= −([\d.]+) nats.* after (\d+) draws from the prior, (.*) from q", told)
    assert found, told
    opened = open_model("digits-2d")
    images = images_of(opened)
    assert images is not None
    exact = float(exact_log_likelihood(opened.model, images.floats(slice(0, 1)))[0])
    assert -float(found[1]) == pytest.approx(exact, abs=0.006)
    assert int(found[2]) > 50
    figure = page.get_by_test_id("marginal")
    expect(figure.locator("figure")).to_have_count(2)
    legend = figure.locator("css=.legend i")
    strokes = legend.evaluate_all("all => all.map((e) => getComputedStyle(e).borderTopWidth)")
    assert len(strokes) == 3 and strokes[0] != strokes[1]  # of one colour, and told apart
    assert page.get_by_role("img", name="a plate around both, N times").is_visible()


def test_a_model_without_a_posterior_says_why(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/marginal?model=mnist-2d-gan")
    settle(page)
    page.get_by_text("Choose a VAE in the sidebar").wait_for()


def test_both_plots_stand_at_one_height_whatever_is_said_above_them(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{app_url}/marginal?model=mnist-2d&image=0&seed=0&lesson=02-why-p-of-x&step=4")
    settle(page)
    wait_for_fold(page)
    figures = page.get_by_test_id("marginal").locator("figure")
    expect(figures).to_have_count(2)
    heights = [f.locator("figcaption span").bounding_box() for f in figures.all()]
    plots = [f.locator("css=.plot").bounding_box() for f in figures.all()]
    assert all(heights) and all(plots)
    assert heights[0]["y"] > heights[1]["y"]  # type: ignore[index]  (one is wrapped)
    assert plots[0]["y"] == plots[1]["y"]  # type: ignore[index]
