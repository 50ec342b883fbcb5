"""Every page opens with a model that has no encoder or no posterior, and says what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from vae_core.runs import Run

    Settle = Callable[[Page], None]

EXPLORING = {
    "pca": ("", "encoded", "elbo"),
    "gan": ("", "encoded", "decode", "manifold", "interpolate", "elbo"),
}
LACKS = {"pca": "A code is a point here", "gan": "A GAN has no encoder"}


@pytest.mark.parametrize("kind", LACKS)
def test_every_page_opens_and_says_what_there_is_not(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., Run], kind: str
) -> None:
    run = own_run(objective=kind, epochs=1)
    for address in (*(f"{page}?model=run:{run.token}" for page in EXPLORING[kind]), "runs"):
        page.goto(f"{app_url}/{address}")
        settle(page)
        assert page.get_by_test_id("stAlertContentError").all_inner_texts() == [], address
        if address.startswith(("?", "encoded")):
            page.get_by_text(LACKS[kind]).first.wait_for()
        if address.startswith("?"):
            before = page.evaluate("decodes.length")
            page.get_by_test_id("latent-plane").hover(position={"x": 40, "y": 40})
            page.wait_for_function(f"decodes.length > {before}")
    page.goto(f"{app_url}/train?run={run.token}")
    page.get_by_role("link", name="Explore this model").wait_for()
    settle(page)
    assert page.get_by_test_id("stAlertContentError").all_inner_texts() == []
    assert page.get_by_text("The discriminator tells").count() == (kind == "gan")
