"""Where a z stands on the screen while the plane's view is at home, and when a page is at rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vae_core.checkpoints.reading import load_latents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator, Page

    from vae_core.latent.latents import Latents

# Draws the plane anew and says what is written there: left, top, right and bottom of each word.
WORDS = """async () => {
    const words = {};
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const { width, fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } =
            this.measureText(text);
        const left = x - { left: 0, center: width / 2, right: width }[this.textAlign];
        words[text] = [left, y - above, left + width, y + below];
        return fillText.call(this, text, x, y);
    };
    document.fonts.dispatchEvent(new Event("loadingdone"));
    for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame);
    CanvasRenderingContext2D.prototype.fillText = fillText;
    return words;
}"""
SHIPPED = Path(__file__).parents[2] / "checkpoints"


def latents_of(model: str) -> Latents:
    latents = load_latents(SHIPPED / model)
    assert latents is not None
    return latents


def on_screen(plane: Locator, model: str, z: Sequence[float]) -> tuple[float, float]:
    """The pixel of z = (a, b); home is the prior to 3.2 sigma and all but 1 in 500 of the means."""
    box = plane.bounding_box()
    assert box is not None
    far = latents_of(model).mu.abs().amax(1).sort().values
    half = max(3.2, 1.05 * float(far[int((len(far) - 1) * 0.998)]))
    unit = min(box["width"], box["height"]) / 2 / half
    return box["x"] + box["width"] / 2 + z[0] * unit, box["y"] + box["height"] / 2 - z[1] * unit


def words_on_plane(page: Page) -> dict[str, tuple[float, float, float, float]]:
    """What is written on the planes in view, with the box of each in their pixels."""
    words: dict[str, tuple[float, float, float, float]] = page.evaluate(WORDS)
    return words


def wait_for_fold(page: Page) -> None:
    """Until the sidebar has made room for a lesson: it is told to when the lesson is there."""
    page.wait_for_function(
        "document.querySelector('[data-testid=stSidebar]')?.getBoundingClientRect().width === 0"
    )
