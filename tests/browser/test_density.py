"""Densities of the codes, draws from them and the prior's holes, as the page shows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.places import latents_of
from vae_core.latent.aggregate_posterior import AggregatePosterior
from vae_core.latent.samplers import NormalSampler
from vae_core.measures.codes.aggregate_density import log_ratio

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]


def test_draws_and_holes_of_what_there_is(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/density?model=digits-2d&density=mixture&components=3&seed=4")
    settle(page)
    page.get_by_text("Heat map: mixture").wait_for()
    page.get_by_role("button", name="Classes", exact=True).click()
    page.get_by_text(re.compile(r"its code is told \d, \d+%")).wait_for()
    rows = page.get_by_test_id("drawn-images")
    rows.nth(4).wait_for()  # prior, both estimates, q(z), the emptiest places
    strip, below = rows.first.bounding_box(), page.get_by_test_id("stExpander").first.bounding_box()
    assert strip and below
    ends = [box["x"] + box["width"] for box in (strip, below)]
    assert ends[0] == pytest.approx(ends[1], abs=1.5)  # at one edge
    share, missed, kl = page.get_by_test_id("stMetricValue").all_inner_texts()
    assert 0 < float(share.rstrip("%")) < 100
    assert 0 <= float(missed.rstrip("%")) < 50
    assert page.get_by_text("covers a corner of the codes").count() == 0
    q = AggregatePosterior(latents_of("digits-2d"))
    most, _ = log_ratio(q, NormalSampler(2), q.sample(2_000, 4))
    least, shown = (float(figure) for figure in re.findall(r"[\d.]+", kl))
    assert least < shown == pytest.approx(most, abs=0.006)

    page.goto(f"{app_url}/density?model=mnist-2d-gan")
    settle(page)
    page.get_by_text("A GAN has no encoder").wait_for()
    rows.first.wait_for()
    expect(rows).to_have_count(1)  # of the prior alone


def test_a_prior_within_the_codes_is_said_to_cover_a_corner(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/density?model=mnist-2d-ae")
    settle(page)
    said = page.get_by_text("covers a corner of the codes").inner_text()
    far = latents_of("mnist-2d-ae").mu.norm(dim=1) > 2.448  # the radius that holds 95% of N(0, I)
    told = re.search(r"(\d+)% of them lie outside the region that holds 95% of it", said)
    assert told and float(told[1]) == pytest.approx(100 * float(far.double().mean()), abs=5)
    assert re.search(r"the KL is at least \d+\.\d+ nats", said)
