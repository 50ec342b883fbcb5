"""Compression, as the page shows it: bits at once, the curves and the images on a button."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.places import latents_of
from vae_core.measures.compression import entropy_bits, quantise, steps

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]


def test_bits_curves_and_images_of_a_step(page: Page, app_url: str, settle: Settle) -> None:
    mu = latents_of("digits-2d").mu
    step = steps(mu)[4]
    page.goto(f"{app_url}/compression?model=digits-2d&delta={step:g}")
    settle(page)
    shown = page.get_by_test_id("stMetricValue").inner_text()
    assert float(shown) == pytest.approx(float(entropy_bits(quantise(mu, step)).sum()), abs=0.06)
    button = page.get_by_role("button", name=re.compile("Measure quality"))
    button.click()
    page.get_by_test_id("rate-curves").wait_for()
    settle(page)
    expect(page.get_by_test_id("coded-images")).to_have_count(5)  # original, model, PCA twice, JPEG
    expect(button).to_have_count(0)
    bits = {step: float(entropy_bits(quantise(mu, step)).sum()) for step in steps(mu)}
    coarse = next(step for step in sorted(bits, key=lambda step: bits[step]) if bits[step] >= 1)
    curves = page.get_by_test_id("rate-curves")
    curves.locator("circle.point").first.click()
    page.wait_for_url(re.compile(re.escape(f"delta={coarse:g}") + "(&|$)"))
    settle(page)
    expect(page.get_by_test_id("stMetricValue")).to_have_text(f"{bits[coarse]:.1f}")
    chosen, under = curves.locator("circle:not(.point)").first, curves.locator("circle.point").first
    assert chosen.get_attribute("cx") == under.get_attribute("cx")
    plot = curves.locator(".plot").first
    plot.focus()
    plot.press("End")
    expect(curves.locator(".tip").first).to_contain_text("log₂")
    plot.press("Enter")
    finest = min(step for step in bits if bits[step] >= 1)
    page.wait_for_url(re.compile(re.escape(f"delta={finest:g}") + "(&|$)"))
    settle(page)
    assert plot.evaluate("plot => plot.matches(':focus')")  # for the next key


def test_black_and_white_images_are_written_without_loss(
    page: Page, app_url: str, settle: Settle
) -> None:
    """Fewer bits than PNG, about as many as the ELBO says; and the codes beside their entropy."""
    page.goto(f"{app_url}/compression?model=mnist-2d-binarised")
    page.get_by_text("Without loss", exact=True).wait_for()
    settle(page)
    bits, coded, elbo, png = (
        float(each) for each in page.get_by_test_id("stMetricValue").all_inner_texts()
    )
    assert coded == pytest.approx(elbo, rel=0.02) and coded < 0.8 * png
    told = page.get_by_text(re.compile("Coded, by an entropy coder")).inner_text()
    written = float(re.search(r"coder: ([\d.]+)\.", told)[1])
    assert bits - 0.1 < written < bits + 0.1
