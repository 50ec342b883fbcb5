"""What the model finds strange, as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.places import SHIPPED, latents_of
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.corruption import corrupt, median_filtered
from vae_core.data.datasets import load_dataset
from vae_core.measures.anomaly import anomaly_scores, auroc, strangers
from vae_core.measures.image_quality import psnr

if TYPE_CHECKING:
    import torch
    from playwright.sync_api import Locator, Page

    Settle = Callable[[Page], None]


def seeded() -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(0)


def values_are_told(roc: Locator) -> None:
    """Under the pointer and by keys; a guess finds as many as it accuses."""
    plot, tip, said = roc.locator(".plot"), roc.locator(".tip"), roc.locator(".said")
    plot.hover()
    told = re.fullmatch(
        r"FPR % ([\d.]+)(score [\d.]+)?guess ([\d.]+)(score [\d.]+)?",
        tip.inner_text().replace("\n", ""),
    )
    assert told and told[1] == told[3]
    expect(said).to_have_text("")
    plot.focus()
    plot.press("End")
    expect(said).to_have_text(re.compile(r"FPR % 100, (score 100, guess 100|guess 100, score 100)"))
    plot.press("ArrowRight")
    expect(tip.locator("b")).to_have_text("FPR % 100")
    plot.press("ArrowLeft")
    expect(said).not_to_contain_text("FPR % 100,")
    plot.press("Escape")
    expect(tip).to_be_hidden()


def test_the_area_is_of_the_scores_and_a_strange_image_opens_its_z(
    page: Page,
    app_url: str,
    settle: Settle,
    wait_for_z: Callable[[list[float | None]], None],
) -> None:
    import torch

    page.goto(
        f"{app_url}/anomalies?model=digits-2d&against=shuffled pixels&score=relative error"
        "&amount=0.3"
    )
    settle(page)
    model, latents = load_checkpoint(SHIPPED / "digits-2d"), latents_of("digits-2d")
    rows = torch.randperm(360, generator=seeded())  # fewer than the page shows at most
    x = load_dataset("digits", "test").floats(latents.indices[rows])
    normal, anomalies = (
        anomaly_scores(model, images, "relative", generator=seeded())
        for images in (x, strangers(x, "shuffled pixels", seeded()))
    )
    found = auroc(normal, anomalies)
    low, high = found.interval
    text = f"AUROC {found.area:.3f} ({low:.3f} to {high:.3f})"
    roc = page.get_by_test_id("roc")
    roc.get_by_text(text).wait_for()
    values_are_told(roc)
    noisy = corrupt(x[:100], seeded(), amount=0.3)
    for images in (noisy, median_filtered(noisy)):
        page.get_by_text(f"PSNR {float(psnr(images, x[:100]).mean()):.1f} dB").first.wait_for()
    strangest = int(normal.argmax())
    page.get_by_test_id("images-most").click(position={"x": 20, "y": 20})
    wait_for_z(latents.mu[rows[strangest]].tolist())


def test_the_choice_of_a_score_is_whole_and_its_label_beside_the_other(
    page: Page, app_url: str, settle: Settle
) -> None:
    for width in (420, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{app_url}/anomalies?model=digits-2d")
        settle(page)
        last = page.get_by_role("radio", name="distance").bounding_box()
        assert last is not None and last["x"] + last["width"] <= width
    labels = [page.get_by_text(name, exact=True).last for name in ("Anomalies", "Score")]
    tops = [box["y"] for label in labels if (box := label.bounding_box())]
    assert abs(tops[0] - tops[1]) < 1


def test_log_px_waits_to_be_asked_for_and_other_kinds_have_what_they_have(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., object]
) -> None:
    page.goto(f"{app_url}/anomalies?model=digits-2d&against=class 3")
    settle(page)
    page.get_by_text("This model has learned from class 3 too").wait_for()
    page.get_by_role("radio", name="−log p(x)").click()
    button = page.get_by_role("button", name="Sample log p(x)")
    button.click()
    page.get_by_test_id("roc").get_by_text(
        re.compile(r"AUROC 0\.\d+ \(0\.\d+ to 0\.\d+\)")
    ).wait_for()
    expect(button).to_have_count(0)
    run = own_run(left_out=3, epochs=1)
    page.goto(f"{app_url}/anomalies?model=run:{run.token}")  # type: ignore[attr-defined]
    settle(page)
    page.get_by_text("(class 3)").wait_for()  # the first choice where the model never saw it
    expect(page.get_by_text("too, so hardly any score")).to_have_count(0)
    run = own_run(objective="denoising", epochs=1, latent_dim=1)
    page.goto(f"{app_url}/anomalies?model=run:{run.token}&score=distance")  # type: ignore[attr-defined]
    settle(page)
    learned = "is a denoising autoencoder: it learned from images with gaussian noise of 0.3"
    page.get_by_text(learned).wait_for()
    page.get_by_test_id("roc").get_by_text("AUROC").wait_for()
    assert page.get_by_role("radio", name="−ELBO").count() == 0
    page.goto(f"{app_url}/anomalies?model=mnist-2d-gan")
    settle(page)
    page.get_by_text("no image has a score").wait_for()
