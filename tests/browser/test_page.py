"""A saved page, opened from disk without a network, shows and does what the app does."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from pypdfium2 import PdfDocument
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from live.models import OpenModel, open_model
from tests.browser.conftest import new_context
from tests.browser.conftest import saved as file_of
from ui.outside.page import Card, html_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

DECODED = "async () => { while (!decodes.length) await new Promise(requestAnimationFrame); }"
EVIL = "</script><script>document.title = 'evil'</script><b>one"
GREY_LEVELS = 8  # at most, whatever the page says of its own
IMAGE = """canvas => Array.from(canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data).filter((_, k) => k % 4 === 0)"""
# Also in the engine's thread, whose script is a blob.
NO_WASM = """delete globalThis.WebAssembly;
window.Blob = class extends Blob {
    constructor(parts, how) {
        const first = how?.type === "text/javascript" ? "delete self.WebAssembly;" : "";
        super([first, ...parts], how);
    }
};"""


@pytest.fixture(scope="module")
def mnist() -> OpenModel:
    return open_model("mnist-2d")


@pytest.fixture(scope="module")
def saved(mnist: OpenModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNIST's with the encoder; a folder with it, and digits' with hostile names."""
    folder = tmp_path_factory.mktemp("saved")
    card = Card("mnist-2d", "VAE of mnist", [("latent dimensions", "2")])
    (folder / "mnist.html").write_bytes(html_page(mnist, card, encoder=True))
    digits = open_model("digits-2d")
    evil = replace(digits, config=digits.config | {"class_names": [EVIL, *"123456789"]})
    (folder / "digits.html").write_bytes(html_page(evil, Card(EVIL, EVIL, [(EVIL, EVIL)])))
    (folder / "frame.html").write_text('<iframe src="digits.html?hide=models,sliders"></iframe>')
    return folder


@contextmanager
def opened(browser: Browser, file: Path, query: str = "", *scripts: str) -> Iterator[Page]:
    """The file in a browser without a network, once it has decoded; it must ask for nothing."""
    asked: list[str] = []
    complaints: list[str] = []
    with new_context(browser, offline=True) as context:
        for script in scripts:
            context.add_init_script(script)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{file.as_uri()}{query}")
        page.wait_for_function("decodes.length > 0")
        yield page
        elsewhere = [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]
        assert elsewhere == complaints == []


def image_of(canvas: Locator) -> np.ndarray:
    return np.array(canvas.evaluate(IMAGE), float)


def assert_decoded(page: Page, model: torch.nn.Module) -> dict[str, Any]:
    """What stands there is PyTorch's image of the z that was told, to the levels that are said."""
    both = f"(canvas) => [decodes.at(-1), ({IMAGE})(canvas)]"  # at one moment
    told, image = page.get_by_test_id("decoded-image").evaluate(both)
    expected = model.decode(torch.tensor([told["z"]])).flatten().numpy() * 255
    assert np.abs(np.array(image, float) - expected).max() <= GREY_LEVELS
    assert told["where"] == "browser"
    return told


def drag(page: Page, canvas: Locator, *places: tuple[float, float]) -> None:
    """By shares of its width and height."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    for k, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if k == 0:
            page.mouse.down()
    page.mouse.up()


def test_it_decodes_draws_and_plays_without_a_network(
    browser: Browser, mnist: OpenModel, saved: Path
) -> None:
    model = mnist.model
    with opened(browser, saved / "mnist.html") as page:
        drag(page, page.get_by_test_id("latent-plane"), (0.3, 0.4), (0.7, 0.6))
        page.wait_for_function("/z=/.test(location.search)")
        z = assert_decoded(page, model)["z"]
        assert re.search(r"z=([-\d.]+)", page.url)[1] == f"{z[0]:.3f}"  # type: ignore[index]
        page.get_by_role("button", name="Classes", exact=True).click()
        page.get_by_text(re.compile(r"its code is told \d, \d+%")).wait_for()

        page.get_by_label("z₁", exact=True).focus()
        page.keyboard.press("Home")
        page.wait_for_function("decodes.at(-1).z[0] < -3.9")
        assert_decoded(page, model)
        page.get_by_test_id("traversal-1").click(position={"x": 5, "y": 5})
        page.wait_for_function("decodes.at(-1).z[1] < -3.5")
        page.wait_for_function("document.querySelector('[data-testid=traversal-0]').width === 308")

        page.get_by_role("button", name="Draw").click()
        page.get_by_role("button", name="Trust fog").click()
        drag(page, page.get_by_test_id("draw"), (0.5, 0.2), (0.5, 0.8))
        page.locator(".words", has_text="μ at").wait_for()
        drawn = torch.tensor(image_of(page.get_by_test_id("prepared")) / 255).float()
        mu, _ = model.encode(drawn.view(1, 1, 28, 28))
        page.wait_for_function("z => Math.abs(decodes.at(-1).z[0] - z) < 0.1", arg=mu[0, 0].item())
        assert assert_decoded(page, model)["z"] == pytest.approx(mu[0].tolist(), abs=0.1)
        page.locator(".figures", has_text="encode(decode(z)) is").wait_for()

        page.get_by_role("button", name="Film between stops").click()
        page.locator("output", has_text="/ 12").wait_for()
        page.get_by_label("Frame").press("End")
        page.locator("output", has_text="12 / 12").wait_for()
        assert image_of(page.get_by_test_id("filmstrip")).max() > 0
        page.get_by_role("button", name="Reset").click()  # leads back to z
        page.wait_for_function("String(decodes.at(-1).z) === '0,0'")
        assert page.get_by_test_id("filmstrip").is_hidden()


def test_hovering_shows_real_images_and_says_which_are_decoded(
    browser: Browser, mnist: OpenModel, saved: Path, data_root: Path
) -> None:
    assert mnist.latents is not None
    for row, says in ((0, "real image"), (1, "decoded from μ")):
        x, y = mnist.latents.mu[row].tolist()
        with opened(browser, saved / "mnist.html", f"?zoom={x:.4f},{y:.4f},0.01") as page:
            box = page.get_by_test_id("latent-plane").bounding_box()
            assert box is not None
            beside = 15  # pixels: on the image that stands for it
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + beside)
            page.locator(".tip", has_text=f"#{row}").filter(has_text=says).wait_for()


def test_plane_and_film_are_saved_from_disk(browser: Browser, saved: Path) -> None:
    with opened(browser, saved / "mnist.html") as page:
        page.get_by_role("button", name="Film between stops").click()
        page.locator("output", has_text="/ 12").wait_for()
        page.wait_for_function(
            "['plane', 'film'].every((id) => document.getElementById(id).shadowRoot"
            "?.querySelector('.save'))"
        )
        plane, film = page.locator("#plane .save"), page.locator("#film .save")
        svg = file_of(page, plane, "SVG").decode()
        assert svg.count("scale(0.1)") == 40 and "</svg>" in svg
        rows = list(csv.DictReader(io.StringIO(file_of(page, plane, "CSV").decode())))
        assert sum(row["kind"] == "point" for row in rows) == 10_000
        once, twice = (
            Image.open(io.BytesIO(file_of(page, plane, f"PNG, {k} times"))) for k in (1, 2)
        )
        assert twice.width == 2 * once.width and len(np.unique(once)) > 50
        pixels = Image.open(io.BytesIO(file_of(page, film, "Pixels, 1 times")))
        assert pixels.width % 28 == 0 and pixels.height % 28 == 0
        plane.get_by_role("button", name="Save", exact=True).click()
        assert page.get_by_role("menuitem", name="Open in Plotly").count() == 0
    with opened(browser, saved / "mnist.html", "?hide=save") as page:
        page.locator("#plane .save").wait_for(state="attached")
        assert page.locator("#plane .save").is_hidden()


def test_files_are_named_as_the_page_wherever_it_lies(
    browser: Browser, saved: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "Mein Ordner, 目录"
    folder.mkdir()
    file = Path(copy(saved / "digits.html", folder / "Größe & 100 %.html"))
    with opened(browser, file) as page:
        page.locator("#plane .save").get_by_role("button", name="Save", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name="CSV").click()
        assert download.value.suggested_filename == "Größe-100-latent-plane.csv"


def test_strips_are_saved_as_one_figure(browser: Browser, mnist: OpenModel, saved: Path) -> None:
    with opened(browser, saved / "mnist.html", "?z=0.5,-1") as page:
        page.wait_for_function(
            "document.querySelector('.saves').shadowRoot?.querySelector('.save')"
        )
        menu = page.locator("#dimensions .save")
        rows = list(csv.DictReader(io.StringIO(file_of(page, menu, "CSV").decode())))
        pixels = np.array(Image.open(io.BytesIO(file_of(page, menu, "Pixels, 1 times"))))
        assert pixels.shape[:2] == (2 * 28, 11 * 28) and len(rows) == 22
        z = torch.tensor([[0.5, -1.0]]).repeat(22, 1)
        for k, row in enumerate(rows):
            z[k, ["z₁", "z₂"].index(row["dimension"])] = float(row["value"])
        expected = (
            (mnist.model.decode(z) * 255).reshape(2, 11, 28, 28).transpose(1, 2).flatten(1, 2)
        )
        assert np.abs(pixels[..., 0] - expected.reshape(56, 308).numpy()).max() <= GREY_LEVELS
        svg = file_of(page, menu, "SVG").decode()
        assert svg.count("<image") == 2 and ">z₂<" in svg
        once, twice = (
            Image.open(io.BytesIO(file_of(page, menu, f"PNG, {k} times"))) for k in (1, 2)
        )
        assert twice.width == 2 * once.width and len(np.unique(once)) > 50


def test_without_webassembly_it_shows_the_same(browser: Browser, saved: Path) -> None:
    images = []
    for scripts in ((), (NO_WASM,)):
        with opened(browser, saved / "mnist.html", "?z=0.5,-1", *scripts) as page:
            images.append(image_of(page.get_by_test_id("decoded-image")))
            (engine,) = page.workers
            assert (engine.evaluate("typeof WebAssembly") == "object") is (not scripts)
    assert np.abs(images[0] - images[1]).max() <= 1


def test_on_paper_it_is_light_and_nothing_is_squeezed(browser: Browser, saved: Path) -> None:
    with opened(browser, saved / "mnist.html", "?theme=dark") as page:
        page.wait_for_function("document.querySelector('[data-testid=traversal-1]').width === 308")
        with PdfDocument(page.pdf(format="A4")) as sheets:
            (sheet,) = sheets
            pictures = list(sheet.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))
            assert len(pictures) >= 4  # plane, image, two strips
            tops = []
            for picture in pictures:
                left, bottom, right, top = picture.get_bounds()
                width, height = picture.get_px_size()
                assert (right - left) / (top - bottom) == pytest.approx(width / height, rel=0.05)
                tops.append(sheet.get_height() - top)
            seen = sheet.render().to_numpy()
    title = seen[: int(min(tops))]
    assert title.max() == 255 and np.median(title) == 255 and title.min() < 64


def test_names_from_a_checkpoint_are_shown_as_they_are(browser: Browser, saved: Path) -> None:
    with opened(browser, saved / "digits.html", "?theme=dark") as page:
        assert page.title() == EVIL
        page.get_by_role("group", name="Legend").get_by_text(EVIL).wait_for()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
        assert page.get_by_role("button", name="Draw").count() == 0  # the encoder is not here
        assert page.get_by_role("button", name="Trust fog").count() == 0


def test_a_page_stands_in_another_with_parts_hidden(browser: Browser, saved: Path) -> None:
    with new_context(browser, offline=True) as context:
        page = context.new_page()
        page.goto((saved / "frame.html").as_uri())
        frame = page.frame_locator("iframe")
        frame.get_by_test_id("latent-plane").wait_for()
        assert (
            not frame.locator("h1").is_visible() and not frame.get_by_text("Figures").is_visible()
        )
        assert not frame.locator("#dimensions").is_visible()


def served(context: BrowserContext, file: Path, policy: str) -> Page:
    """The file as a host with this Content-Security-Policy gives it."""
    headers = {"Content-Security-Policy": policy, "Content-Type": "text/html"}
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(path=file, headers=headers))
    page.goto("http://strict.test/")
    return page


@pytest.mark.parametrize("styles", ["'unsafe-inline'", "'none'"])
def test_where_scripts_are_forbidden_it_says_what_it_needs(
    browser: Browser, saved: Path, styles: str
) -> None:
    file = saved / "digits.html"
    with new_context(browser) as context:
        page = served(context, file, f"default-src 'self'; style-src {styles}")
        notice = page.get_by_role("status")
        notice.get_by_text("script-src").wait_for()
        needs = re.findall(r"\w+-src(?: '[\w-]+'| blob:| data:)+", notice.inner_text())
        assert page.locator("main").is_hidden()
    assert len(needs) == 4
    with new_context(browser) as context:
        page = served(context, file, f"default-src 'self'; {'; '.join(needs)}")
        page.locator("#plane .save").wait_for()
        page.evaluate(DECODED)  # what Playwright waits for it evaluates, which is not allowed
        assert file_of(page, page.locator("#plane .save"), "PNG, 1 times").startswith(b"\x89PNG")


def test_a_file_that_is_not_whole_says_so(browser: Browser, saved: Path, tmp_path: Path) -> None:
    whole = (saved / "digits.html").read_bytes()
    with new_context(browser, offline=True) as context:
        page = context.new_page()
        for share in (0.3, 0.97):
            (tmp_path / "part.html").write_bytes(whole[: int(share * len(whole))])
            page.goto((tmp_path / "part.html").as_uri())
            said = page.get_by_role("status")
            said.get_by_text(f"it should have {len(whole):,} bytes").wait_for()
        spoiled = re.sub(rb'(id="bytes">.{2000}).{40}', rb"\1" + b"A" * 40, whole)
        (tmp_path / "part.html").write_bytes(spoiled)
        page.goto((tmp_path / "part.html").as_uri())
        page.get_by_text("This file cannot be read; save it anew.").wait_for()
