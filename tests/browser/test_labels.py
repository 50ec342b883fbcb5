"""Few labels and clusters, as their pages show them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.places import latents_of
from vae_core.measures.codes.clusters import agreement, k_means
from vae_core.measures.codes.label_curves import (
    MU,
    label_task,
    labels_at_random,
    nearest_neighbours,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from vae_core.runs.run import Run

    Settle = Callable[[Page], None]


def test_few_labels_are_drawn_told_and_measured(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., Run]
) -> None:
    own_run(objective="m2", epochs=1, objective_settings={"labels": 20})
    page.goto(f"{app_url}/labels?model=digits-2d&labels=50&seed=3&draws=3")
    settle(page)
    page.get_by_test_id("labelled").wait_for()
    task = label_task(latents_of("digits-2d"))
    classify = nearest_neighbours(task.codes[MU], task.labels, task.test_codes[MU])
    told = classify(labels_at_random(task.labels)(50, 3), 3)
    wrong = 100 * float((told != task.test_labels).double().mean())
    text = page.get_by_test_id("stMain").inner_text()
    found = re.search(r"by nearest neighbours ([\d.]+)%", text)
    assert found and float(found[1]) == pytest.approx(wrong, abs=0.051), text

    page.get_by_text("Measured beforehand, and shipped with the model").wait_for()
    page.get_by_test_id("label-curves").locator("figure").nth(2).wait_for()
    page.get_by_role("button", name="Measure anew").click()
    page.get_by_text("Measured beforehand").wait_for(state="detached")
    page.get_by_test_id("label-curves").locator("figure").nth(2).wait_for()
    settle(page)
    lines = page.get_by_test_id("label-curves").locator("figure").first.locator("polyline")
    expect(lines).to_have_count(3)  # mu, PCA, pixels
    m2 = page.get_by_test_id("label-curves").locator("figure").first.locator("circle")
    expect(m2).to_have_count(1)
    page.get_by_text(re.compile(r"M2 by its own classifier: [\d.]+% with 20 labels")).wait_for()
    page.get_by_text("by clusters", exact=True).click()
    page.get_by_test_id("label-curves").wait_for(state="detached")
    settle(page)


def test_clusters_are_beside_the_classes(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/clusters?model=digits-2d&clusters=7")
    settle(page)
    page.get_by_test_id("cluster-means").wait_for()
    latents = latents_of("digits-2d")
    assert latents.labels is not None
    rand = agreement(k_means(latents.mu, 7), latents.labels).adjusted_rand
    page.get_by_role("row", name=f"μ {rand:.3f}").wait_for()
    page.goto(f"{app_url}/labels?model=frey-2d")
    settle(page)
    page.get_by_text("There are no classes in frey").wait_for()
