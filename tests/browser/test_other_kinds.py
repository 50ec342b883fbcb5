"""Every page opens with a model that has no encoder or no posterior, and says what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from vae_core.runs.run import Run

    Settle = Callable[[Page], None]

PAGES = {
    "pca": ("Encoded μ", "ELBO gap", "Runs"),
    "gan": ("Encoded μ", "Decode z", "Manifold", "Interpolate", "ELBO gap", "Runs"),
}
LACKS = {"pca": "A code is a point here", "gan": "A GAN has no encoder"}


@pytest.mark.parametrize("kind", LACKS)
def test_every_page_opens_and_says_what_there_is_not(
    page: Page,
    app_url: str,
    settle: Settle,
    turn_to: Callable[[Page, str], None],
    own_run: Callable[..., Run],
    kind: str,
) -> None:
    run = own_run(objective=kind, epochs=1)
    page.goto(f"{app_url}/?model=run:{run.token}")
    settle(page)
    page.get_by_text(LACKS[kind]).first.wait_for()
    before = page.evaluate("decodes.length")
    page.get_by_test_id("latent-plane").hover(position={"x": 40, "y": 40})
    page.wait_for_function(f"decodes.length > {before}")
    for title in PAGES[kind]:
        turn_to(page, title)
        page.get_by_role("heading", name=title).wait_for()
        settle(page)
        assert page.get_by_test_id("stAlertContentError").all_inner_texts() == [], title
        if title == "Encoded μ":
            page.get_by_text(LACKS[kind]).first.wait_for()
    page.goto(f"{app_url}/train?run={run.token}")
    page.get_by_role("link", name="Explore this model").wait_for()
    settle(page)
    assert page.get_by_test_id("stAlertContentError").all_inner_texts() == []
    assert page.get_by_text("The discriminator tells").count() == (kind == "gan")
