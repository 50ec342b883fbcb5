"""Train live, as a visitor sees it: start, watch, pause, reload, stop, resume, play back, keep."""

from __future__ import annotations

import io
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from vae_core.checkpoints.archives import unpack_checkpoint
from vae_core.runs.run import Run, list_runs

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

LONG = 180_000  # milliseconds: a process starts and learns on a busy machine
# A click that is told twice is one.
TELL_A_CLICK_TWICE = """button => {
    const click = new MouseEvent("click");
    button.onclick(click);
    setTimeout(() => button.onclick(click), 500);
}"""


@pytest.fixture(autouse=True)
def _nothing_is_left_training(runs_root: Path) -> Iterator[None]:
    yield
    for run in list_runs(runs_root):  # of a test that failed, whose run is in the next one's way
        if run.status().active:
            run.request_stop()


def start(page: Page, app_url: str, settle: Settle, settings: str = "") -> None:
    page.goto(f"{app_url}/train?{settings}")
    settle(page)
    page.get_by_test_id("start-training").click()
    page.get_by_test_id("stop-training").wait_for(timeout=LONG)


def test_an_objective_brings_its_settings_and_its_run_ends_as_a_checkpoint_to_take_home(
    page: Page, app_url: str, settle: Settle, runs_root: Path, tmp_path: Path
) -> None:
    page.goto(f"{app_url}/train?epochs=3&d=3&train_objective=capacity&capacity_gamma=30")
    settle(page)
    page.get_by_text("More settings").click()
    page.get_by_text("one factor after another is encoded").wait_for()
    expect(page.get_by_label("Gamma", exact=True)).to_have_value("30")
    assert page.get_by_label("β, weight of the KL", exact=True).is_disabled()
    page.get_by_test_id("start-training").click()
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    settle(page)
    run = Run(runs_root / page.evaluate("new URLSearchParams(location.search).get('run')"))
    assert run.config().objective_settings == {"capacity": 25.0, "gamma": 30.0, "rise": 0.8}
    curves = page.get_by_test_id("curves").inner_text()
    assert "C, the capacity in nats" in curves and "Loss, C up to 25" in curves
    main = page.get_by_test_id("stMain")
    assert "finished" in main.inner_text()
    assert "cross-entropy" in main.inner_text()
    assert page.get_by_test_id("stop-training").count() == 0
    assert page.get_by_test_id("curves").locator("svg").count() == 5
    assert "active" in page.get_by_test_id("kl-by-dimension").inner_text()
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").first.get_by_role("button").click()
    zipped = io.BytesIO(Path(download.value.path()).read_bytes())
    assert unpack_checkpoint(zipped, tmp_path / "home").latent_dim == 3


def test_a_run_outlives_a_reload_and_a_kill_and_what_was_learned_is_kept(
    page: Page, visitor: Callable[..., Any], app_url: str, settle: Settle, runs_root: Path
) -> None:
    # Batches so small that it is under way for longer than any wait here.
    start(page, app_url, settle, "epochs=500&train_batch=4&model=digits-2d")
    page.get_by_test_id("epoch-scrubber").wait_for(timeout=LONG)
    before = page.evaluate("decodes.length")
    # Nobody touches the plane: the decoded image follows the weights.
    page.wait_for_function(f"decodes.length > {before} + 1", timeout=LONG)
    page.get_by_text(re.compile(r"epoch \d+ of 500 .* images/s .* left")).wait_for(timeout=LONG)
    link = page.url
    assert "run=digits-" in link

    page.get_by_test_id("pause-training").evaluate(TELL_A_CLICK_TWICE)
    page.get_by_text("· paused").wait_for(timeout=LONG)
    page.reload()
    page.get_by_text("· paused").wait_for(timeout=LONG)
    page.get_by_test_id("stop-training").wait_for(timeout=LONG)

    with visitor() as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{app_url}/train")
        settle(other)
        other.get_by_test_id("start-training").wait_for()
        assert other.get_by_role("link", name="to open or compare").count() == 0
        other.goto(link)  # who has the link may look, no more
        other.get_by_text("You are watching").wait_for(timeout=LONG)
        for button in ("pause-training", "stop-training"):
            assert other.get_by_test_id(button).count() == 0

    page.get_by_test_id("pause-training").click()
    page.get_by_text(re.compile(r"images/s")).wait_for(timeout=LONG)
    run = Run(runs_root / page.evaluate("new URLSearchParams(location.search).get('run')"))
    os.kill(process_of(run), signal.SIGKILL)
    page.get_by_text("ended from outside").wait_for(timeout=LONG)
    page.get_by_role("button", name="Resume").click()
    page.keyboard.press("r")  # another run cuts that of the click short
    # What was drawn of the run that had ended is gone, so that no old button is pressed below.
    page.get_by_role("link", name="Explore this model").wait_for(state="hidden", timeout=LONG)
    page.get_by_text(re.compile(r"images/s")).wait_for(timeout=LONG)
    assert run.status().state == "running"
    page.get_by_test_id("stop-training").click()
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    expect(page.get_by_test_id("stMain")).to_contain_text("stopped, kept")

    page.get_by_role("link", name="Explore this model").click()
    page.wait_for_url(re.compile(r"/\?.*model=run:digits"), timeout=LONG)
    settle(page)
    page.get_by_test_id("latent-plane").wait_for()


def process_of(run: Run) -> int:
    """The process that trains `run`."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended just now
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"--resume" in words and str(run.path).encode() in words:
                return int(folder.name)
    raise AssertionError(f"no process trains {run.token}")


def test_a_finished_run_goes_on_for_more_epochs(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., Run]
) -> None:
    best = own_run(epochs=2, keep="best")
    page.goto(f"{app_url}/train?run={best.token}")
    page.get_by_text("Least held-out loss after epoch").wait_for(timeout=LONG)

    run = own_run(epochs=2)
    page.goto(f"{app_url}/train?run={run.token}")
    page.locator("output", has_text="epoch 2 of 2").wait_for(timeout=LONG)
    settle(page)
    page.get_by_text("More epochs", exact=True).click()
    page.get_by_text("rises and falls anew").wait_for()
    page.get_by_label("How many").fill("3")
    page.get_by_label("How many").press("Enter")
    page.get_by_role("button", name="Go on").click()
    page.locator("output", has_text="epoch 5 of 5").wait_for(timeout=LONG)
    page.get_by_role("link", name="Explore this model").wait_for(timeout=LONG)
    assert (run.config().epochs, run.config().continued) == (5, ((2, 2),))
    assert [e["epoch"] for e in run.events() if e["epoch_ended"]] == [1, 2, 3, 4, 5]


def test_a_training_is_played_back_exported_and_kept(
    page: Page, app_url: str, settle: Settle, own_run: Callable[..., Run]
) -> None:
    run = own_run(epochs=3)
    page.goto(f"{app_url}/train?run={run.token}&epoch=2")
    scrubber = page.get_by_test_id("epoch-scrubber")
    scrubber.wait_for(timeout=LONG)
    page.locator("output", has_text="epoch 2 of 3").wait_for()
    page.locator("[data-testid=curves] .marker").first.wait_for(state="attached")
    settle(page)

    shown = {part: picture(page, part) for part in ("manifold", "reconstructions", "samples")}
    decodings = page.evaluate("decodes.length")
    scrubber.press("Home")
    page.locator("output", has_text="epoch 0 of 3").wait_for()
    page.wait_for_function(f"decodes.length > {decodings}")  # by the weights of that epoch
    for part, before in shown.items():
        canvas = page.get_by_test_id(part).element_handle()
        page.wait_for_function(
            "([canvas, before]) => canvas.toDataURL() !== before", arg=[canvas, before]
        )
    page.wait_for_url(re.compile("epoch=0"))

    page.get_by_role("button", name="Play the training back").click()
    page.locator("output", has_text="epoch 3 of 3").wait_for()
    page.wait_for_url(re.compile("epoch=3"))

    page.get_by_role("button", name="Make a GIF").click()
    page.get_by_role("button", name="Download the GIF").wait_for(timeout=LONG)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the GIF").click()
    assert getattr(Image.open(download.value.path()), "n_frames") == 4  # noqa: B009

    page.get_by_role("button", name="Keep it").click()
    for name, sentence in [
        ("no name!", "cannot be a model's name"),
        ("of-mine", "Your model of-mine"),
    ]:
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Name", exact=True).press("Enter")
        settle(page)
        page.get_by_role("button", name="Keep", exact=True).click()
        page.get_by_text(sentence).first.wait_for()
    settle(page)
    page.get_by_test_id("stSidebar").get_by_role("combobox").click()
    page.get_by_role("option", name=re.compile("of-mine")).wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    page.get_by_text("Trained before").wait_for()
    assert not run.path.exists()


def picture(page: Page, part: str) -> str:
    """What the canvas of this name shows."""
    shown: str = page.get_by_test_id(part).evaluate("canvas => canvas.toDataURL()")
    return shown


def test_settings_say_what_they_amount_to_and_what_cannot_be_and_a_preset_sets_them_all(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/train?train_likelihood=gaussian&train_sigma=0.2&beta=4&d=5")
    settle(page)
    own = page.get_by_test_id("stMain").get_by_text("Your own settings")
    own.wait_for()
    page.get_by_text("More settings").click()
    page.get_by_text("2σ²β = 0.32 times the KL").wait_for()  # 2 · 0.2² · 4
    settle(page)
    for label, value, sentence in (
        ("Layer widths", "-5", "are whole numbers from 1 to"),
        ("Layer widths", "8192, 8192", "narrower"),
        ("Batch size", "4000", "larger than the data set"),
        ("Class left out", "12", "no class is named '12', to be left out; the classes are 0, 1"),
    ):
        field = page.get_by_label(label, exact=True)
        was = field.input_value()
        for typed in (value, was):
            field.fill(typed)
            field.press("Enter")
            page.get_by_text(sentence).wait_for(state="visible" if typed == value else "hidden")
            settle(page)
            assert page.get_by_test_id("start-training").is_disabled() == (typed == value)

    page.get_by_text("1,437 training images").wait_for()
    page.get_by_label("Class left out", exact=True).fill("3")
    page.get_by_label("Class left out", exact=True).press("Enter")
    page.get_by_text("1,291 training images").wait_for()
    page.get_by_text(re.compile("epochs of 11 steps")).wait_for()
    page.wait_for_url(re.compile("train_left_out=3"))
    page.get_by_label("Class left out", exact=True).fill("")
    page.get_by_label("Class left out", exact=True).press("Enter")
    page.get_by_text("1,437 training images").wait_for()

    page.get_by_text("β too high: watch it collapse").click()
    page.wait_for_url(re.compile("beta=20"))
    settle(page)
    assert "d=5" not in page.url
    assert own.count() == 0
