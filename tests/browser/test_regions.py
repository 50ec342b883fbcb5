"""Classes as layers of the plane, and the way to the nearest z of another."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from live.weights.classifier import packed
from tests.browser.places import latents_of
from tests.browser.test_plane_layers import layer, open_plane, picture
from vae_core.measures.codes.label_curves import label_task, labels_at_random
from vae_core.measures.codes.regions import LinearClassifier, entropy, fit_linear, nearest_other

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]


def classifier(n: int, classes: int = 4) -> LinearClassifier:
    generator = torch.Generator().manual_seed(n)
    weight = torch.randn(classes, n, generator=generator)
    bias = torch.randn(classes, generator=generator)
    return LinearClassifier(weight, bias, torch.arange(classes) + 2, images=9)


def test_the_browser_tells_what_the_library_tells(call_module: Callable[..., Any]) -> None:
    linear = classifier(3)
    z = torch.tensor([0.3, -1.2, 0.8])
    found = call_module(
        "regions.js",
        """({ unpacked, logits, judged, nearestOther }, bytes, z) => {
            const linear = unpacked(Uint8Array.from(bytes).buffer);
            const { labels, images, real } = linear;
            return { labels: [...labels], images, real, ...judged(logits(linear, z)),
                     ...nearestOther(linear, z) };
        }""",
        list(packed(linear, real=True)),
        z.tolist(),
    )
    log_probs = linear.log_probs(z[None])[0]
    other = nearest_other(linear, z)
    assert (found["labels"], found["images"], found["real"]) == ([2, 3, 4, 5], 9, True)
    assert found["best"] == int(log_probs.argmax())
    assert found["share"] == pytest.approx(float(log_probs.exp().max()), abs=1e-5)
    assert found["entropy"] == pytest.approx(float(entropy(log_probs)), abs=1e-5)
    assert found["labels"][found["other"]] == other.label
    assert found["away"] == pytest.approx(other.distance, rel=1e-5)
    assert found["foot"] == pytest.approx(other.z.tolist(), abs=1e-5)


def test_pixels_come_in_another_order_and_from_0_to_255(call_module: Callable[..., Any]) -> None:
    linear = classifier(3 * 4 * 5)
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 5))  # c, h, w
    found = call_module(
        "regions.js",
        """({ unpacked, ofPixels, logits }, bytes, pixels) =>
            [...logits(ofPixels(unpacked(Uint8Array.from(bytes).buffer), [3, 4, 5]), pixels)]""",
        list(packed(linear, real=False)),
        image.transpose(1, 2, 0).ravel().tolist(),
    )
    pixels = torch.from_numpy(image / 255).float().flatten()
    assert found == pytest.approx(linear.logits(pixels[None])[0].tolist(), abs=1e-4)


def test_classes_are_a_layer_by_codes_and_by_images_and_in_the_address(
    page: Page, app_url: str, settle: Settle
) -> None:
    plane = open_plane(page, f"{app_url}/?model=digits-2d", settle)
    before = picture(plane)
    assert layer(page, "By images").count() == 0
    layer(page, "Classes").click()
    latents = latents_of("digits-2d")
    assert latents.labels is not None
    fit = fit_linear(latents.mu, latents.labels)
    z = torch.tensor(page.evaluate("decodes.at(-1).z"))
    told, share = int(fit.told(z[None])), float(fit.log_probs(z[None]).exp().max())
    figures = page.locator(".figures")
    figures.get_by_text(f"its code is told {told}, {share:.0%}").wait_for()
    figures.get_by_text(f"{nearest_other(fit, z).distance:.2f} away").wait_for()
    page.wait_for_function("before => plane.toDataURL() !== before", arg=before)
    strip = page.get_by_test_id("way-strip")
    strip.wait_for()  # z first, then what lies towards the border and beyond
    assert strip.evaluate("canvas => [canvas.width, canvas.height]") == [6 * 8, 8]
    by_codes = picture(plane)
    layer(page, "By images").click()
    figures.get_by_text(re.compile(r"its image is told \d, \d+%")).wait_for()
    page.wait_for_function("before => plane.toDataURL() !== before", arg=by_codes)
    strip.wait_for(state="detached")
    expect(page).to_have_url(re.compile("layers=[^&]*regions,by-images"))
    layer(page, "By images").click()
    page.wait_for_function("before => plane.toDataURL() === before", arg=by_codes)
    layer(page, "Classes").click()
    page.wait_for_function("before => plane.toDataURL() === before", arg=before)


def test_more_labels_move_the_regions_and_the_way_leads_to_another_class(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/labels?model=digits-2d&labels=20&seed=2&z=0.5,0.5")
    settle(page)
    page.get_by_test_id("way-out").wait_for()
    task = label_task(latents_of("digits-2d"))
    rows = labels_at_random(task.labels)(20, 2)
    fit = fit_linear(task.codes["μ"][rows], task.labels[rows])
    z = torch.tensor([0.5, 0.5])
    other = nearest_other(fit, z)
    page.get_by_text(f"the border to {other.label} is {other.distance:.2f} away").wait_for()
    told = page.locator(".figures").get_by_text(f"its code is told {int(fit.told(z[None]))}, ")
    told.wait_for()
    before = told.inner_text()
    page.goto(f"{app_url}/labels?model=digits-2d&labels=100&seed=2&z=0.5,0.5&by=images")
    settle(page)
    page.get_by_text(re.compile(r"Along the plane, the border to \d is \d+\.\d\d away")).wait_for()
    page.get_by_text("logistic regression of the pixels of the 100 labelled images").wait_for()
    told = page.locator(".figures").get_by_text(re.compile(r"its image is told \d, \d+%"))
    told.wait_for()
    assert told.inner_text() != before
