"""Figures are saved as they stand: laid over the page, counted in pixels, read back as rows."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
from PIL import Image
from pypdfium2 import PdfDocument
from safetensors.numpy import load_file

from tests.browser.conftest import has_menus, saved
from ui.palette import CLASS_GLYPHS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    Settle = Callable[[Page], None]
Pixels = npt.NDArray[np.float64]

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
SVG = "{http://www.w3.org/2000/svg}"
PRINT = "window.print = () => (top.printed = document.documentElement.outerHTML)"
# Where on the page that stands which is saved, with what hangs over it out of sight.
PLACE = """(save) => {
  const root = save.getRootNode();
  for (const part of root.querySelectorAll(".save, .corner, .ring")) part.style.opacity = 0;
  const parts = ".plane, .keys, .tiles, .axis, .legend, .panels, .figure";
  const boxes = [...root.querySelectorAll(parts)].map((part) => part.getBoundingClientRect());
  const shown = boxes.filter(({ height }) => height);
  return ["left", "top"].map((side) => Math.round(Math.min(...shown.map((box) => box[side]))));
}"""
NAME = "(save) => save.getRootNode().querySelector('[data-testid]')?.dataset.testid"
LAY = """([svg, left, top]) => {
  const sheet = document.createElement("div");
  sheet.style.cssText = `position:fixed;z-index:9999999;left:${left}px;top:${top}px;line-height:0`;
  sheet.innerHTML = svg;
  document.body.append(sheet);
}"""


def pixels(image: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), float)


def soft(image: Pixels, side: int = 3) -> Pixels:
    """Means of squares of pixels: where an edge falls within one is no difference."""
    height, width = (length // side * side for length in image.shape[:2])
    squares = image[:height, :width].reshape(height // side, side, width // side, side, 3)
    return squares.mean(axis=(1, 3))


def laid_over(page: Page, menu: Locator, svg: str) -> float:
    """How far a saved figure is from what it was saved of: as a share of what an empty one is."""
    root = ElementTree.fromstring(svg)
    size = {"width": int(root.attrib["width"]), "height": int(root.attrib["height"])}
    left, top = menu.evaluate(PLACE)
    page.mouse.move(0, 0)
    seen = partial(page.screenshot, clip={"x": left, "y": top, **size})
    shown = soft(pixels(seen()))
    page.evaluate(LAY, [svg, left, top])  # with the page's letters at hand, as it was made
    difference = np.abs(soft(pixels(seen())) - shown).mean()
    page.evaluate("document.body.lastChild.remove()")
    return float(difference / max(np.abs(shown - np.median(shown)).mean(), 1))


def test_a_saved_svg_lies_over_what_the_page_shows(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.set_viewport_size({"width": 1400, "height": 3200})  # all of it in sight
    page.goto(f"{app_url}/elbo?model=digits-2d")
    settle(page)
    has_menus(page)
    menus = page.locator(".save")
    names: list[str] = []
    page.on("download", lambda download: names.append(download.suggested_filename))
    kinds = set()
    for menu in menus.all():
        svg = saved(page, menu, "SVG").decode()
        kinds |= {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
        assert "var(" not in svg and "class=" not in svg
        assert set(re.findall(r'(?:href|src)="(.{10})', svg)) <= {"data:image"}
        assert laid_over(page, menu, svg) < 0.1, menu.evaluate(NAME)
    assert kinds >= {"text", "path", "image", "rect", "polyline", "linearGradient"}
    assert len(set(names)) == len(names) == menus.count()
    assert {f"elbo-gradients-{k}-digits-2d.svg" for k in (1, 2)} < set(names)


def test_a_halo_lies_behind_its_letters_in_every_program(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/kl?model=digits-2d")
    settle(page)
    has_menus(page)
    menu = page.locator(".save").first
    svg = saved(page, menu, "SVG").decode()
    texts = list(ElementTree.fromstring(svg).iter(f"{SVG}text"))
    said = ["".join(text.itertext()) for text in texts]
    halos = [k for k, text in enumerate(texts) if text.get("stroke", "none") != "none"]
    assert len(halos) == 2
    for k in halos:
        assert {part.get("fill") for part in texts[k].iter()} == {"none"}
        assert said[k] == said[k + 1] and "N(" in said[k]
        assert {part.get("stroke", "none") for part in texts[k + 1].iter()} == {"none"}


def test_where_classes_mix_a_saved_svg_shows_each_of_them(
    page: Page, app_url: str, settle: Settle
) -> None:
    page.goto(f"{app_url}/encoded?model=mnist-2d")
    settle(page)
    has_menus(page)
    menu = page.locator(".save")
    svg = saved(page, menu, "SVG").decode()
    assert laid_over(page, menu, svg) < 0.15  # by a glyph each 0.10, by a path a class 0.20
    assert sum(map(len, re.findall(r' d="m[^"]*"', svg))) < 15 * 10_000


def test_points_are_a_few_paths_of_each_class_and_rows_of_the_stored_means(
    page: Page, app_url: str, settle: Settle
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{app_url}/encoded?model=digits-2d")
    settle(page)
    has_menus(page)
    assert not any("plotly" in url for url in asked)
    menu = page.locator(".save")
    stored = load_file(CHECKPOINTS / "digits-2d" / "latents.safetensors")
    rows = list(csv.DictReader(io.StringIO(saved(page, menu, "CSV").decode())))
    points = [row for row in rows if row["kind"] == "point"]
    mu = np.array([[row["z₁"], row["z₂"]] for row in points], np.float32)
    assert np.array_equal(mu, stored["mu"])
    assert [int(row["class"]) for row in points] == stored["labels"].tolist()
    svg = saved(page, menu, "SVG").decode()
    assert svg.count("scale(0.1)") == 4 * len(set(stored["labels"].tolist()))
    assert sum(map(len, re.findall(r' d="m[^"]*"', svg))) < 16 * len(points)
    menu.get_by_role("button", name="Save", exact=True).click()
    menu.get_by_role("menuitem", name="Open in Plotly").click()
    dialog = page.get_by_test_id("plotly")
    dialog.locator(".scatterlayer .point").first.wait_for()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Figure as JSON").click()
    figure = json.loads(Path(download.value.path()).read_text("utf-8"))
    drawn = [x for trace in figure["data"] if trace["name"] != "z" for x in trace["x"]]
    assert np.array_equal(np.sort(np.float32(drawn)), np.sort(stored["mu"][:, 0]))
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_pictures_are_as_large_as_asked_for(page: Page, app_url: str, settle: Settle) -> None:
    page.add_init_script(PRINT)
    page.goto(f"{app_url}/manifold?model=digits-2d&manifold=false")
    settle(page)
    has_menus(page)
    menu = page.locator(".save").first
    once, twice, fourfold = (pixels(saved(page, menu, f"PNG, {k} times")) for k in (1, 2, 4))
    height, width, _ = once.shape
    assert twice.shape == (2 * height, 2 * width, 3)
    assert fourfold.shape == (4 * height, 4 * width, 3)
    tiles, large = (pixels(saved(page, menu, f"Pixels, {k} times")) for k in (1, 8))
    assert np.array_equal(large, tiles.repeat(8, axis=0).repeat(8, axis=1))
    rows = list(csv.reader(io.StringIO(saved(page, menu, "CSV").decode())))
    values = np.array([row[-64:] for row in rows[1:]], float).reshape(-1, 8, 8)
    side = tiles.shape[0] // 8
    in_rows = tiles[..., 0].reshape(side, 8, -1, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    assert np.array_equal(values, in_rows)
    opener = menu.get_by_role("button", name="Save", exact=True)
    opener.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    assert opener.evaluate("(opener) => opener.getRootNode().activeElement === opener")
    opener.click()
    menu.get_by_role("menuitem", name="PDF").click()
    page.wait_for_function("window.printed?.includes('@page')")
    sheet = page.context.new_page()  # what the browser makes of it
    sheet.set_content(page.evaluate("printed"))
    pdf = sheet.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") == 1 and b"/FontName" in pdf  # text that stays text
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    points = np.array([float(side) for side in box])
    assert np.allclose(points, 0.75 * np.array([width, height + 1]), atol=1)


def test_a_link_can_hide_the_menus(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/decode?model=digits-2d&hide=save")
    settle(page)
    page.locator(".save").first.wait_for(state="attached")
    assert not page.locator(".save").first.is_visible()


def test_a_point_picked_in_three_dimensions_is_decoded(
    page: Page, app_url: str, settle: Settle, wait_for_z: Callable[[list[float | None]], None]
) -> None:
    page.goto(f"{app_url}/encoded?model=sprites-6d&space=true")
    settle(page)
    space = page.get_by_test_id("space")
    mu = load_file(CHECKPOINTS / "sprites-6d" / "latents.safetensors")["mu"]
    rows = np.linspace(0, len(mu) - 1, min(2_000, len(mu))).astype(int)
    space.evaluate("(plot) => plot.emit('plotly_click', { points: [{ customdata: 17 }] })")
    wait_for_z(mu[rows[17]].tolist())


def test_points_in_three_dimensions_are_not_drawn_for_a_visitor_who_has_gone_on(
    page: Page, app_url: str
) -> None:
    held: list[Route] = []
    page.route(re.compile("plotly"), lambda route: held.append(route))
    page.goto(f"{app_url}/encoded?model=sprites-6d&space=true")
    waits = page.locator("p[role=status]", has_text="Plotly is loading")
    waits.wait_for()
    place = waits.locator("..").element_handle()
    page.get_by_test_id("stTopNavSection").filter(has_text="Explore").click()
    page.get_by_test_id("stTopNavPopover").get_by_role("menuitem", name="Decode z").click()
    page.wait_for_function("place => !place.isConnected", arg=place)
    for route in held:
        route.continue_()
    page.wait_for_function("window.Plotly")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert place.text_content() == "Plotly is loading…"  # neither a figure nor what failed of it


LETTERS = {"triangle": 18, "inverted": 18, "ring": 26, "star": 32}  # of a point; others are lines
GLYPHS = """async ({ Pen }, glyphs) => {
    const { outline } = await import(window.points);
    const [side, r, zoom] = [40, 4.5, 8];
    const canvas = new OffscreenCanvas(side * zoom, side * zoom);
    const c = canvas.getContext("2d", { willReadFrequently: true });
    const places = [[10, 10], [30, 12], [11, 28], [29, 29]];
    const inked = (draw) => {
      c.reset();
      c.scale(zoom, zoom);
      draw();
      const { data } = c.getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((_, k) => k % 4 === 3).map((opacity) => opacity > 127);
    };
    return Promise.all(glyphs.map(async (glyph) => {
      const page = inked(() => places.forEach(([x, y]) => {
        outline(c, glyph, x, y, r);
        c.fill();
      }));
      const pen = new Pen(glyph, r);
      places.forEach(([x, y]) => pen.draw(x, y));
      const text = [];
      const told = ([key, value]) => (value === null ? "" : `${key}="${value}"`);
      pen.paintOn({
        add: (name, given, inside = "") =>
          text.push(`<${name} ${Object.entries(given).map(told).join(" ")}>${inside}</${name}>`),
      }, "#000", 1);
      const names = ["", ":xlink"].map((name, k) =>
        `xmlns${name}="http://www.w3.org/${["2000/svg", "1999/xlink"][k]}"`).join(" ");
      const size = `width="${side * zoom}" height="${side * zoom}" viewBox="0 0 ${side} ${side}"`;
      const svg = encodeURIComponent(`<svg ${names} ${size}>${text}</svg>`);
      const image = Object.assign(new Image(), { src: `data:image/svg+xml,${svg}` });
      await image.decode();
      const saved = inked(() => c.drawImage(image, 0, 0, side, side));
      const apart = page.reduce((sum, ink, k) => sum + (ink !== saved[k]), 0);
      const d = / d="([^"]*)"/.exec(text[0])[1];
      return [apart / page.reduce((sum, ink) => sum + ink, 0), d.length / places.length];
    }));
}"""


PRINTED = """({ Pen }, side) => {
    const pen = new Pen("circle", 4.5);
    pen.draw(side / 2, side / 2);
    let made;
    pen.paintOn({ add: (_, given) => (made = given) }, "#000", 1);
    const told = Object.entries(made).map(([key, value]) => `${key}="${value}"`).join(" ");
    return `<style>@page { size: ${side}px ${side}px; margin: 0 } body { margin: 0 }</style>
      <svg width="${side}" height="${side}"><path ${told}/></svg>`;
}"""


def test_a_saved_circle_is_round_on_paper_too(call_module: Callable[..., Any], page: Page) -> None:
    printed = call_module("pen.js", PRINTED, 40)
    with page.context.new_page() as sheet:
        sheet.set_content(printed)
        pdf = sheet.pdf(prefer_css_page_size=True)
    with PdfDocument(pdf) as sheets:  # as Chromium shows it
        ink = 255.0 - sheets[0].render(scale=4 / 3, grayscale=True).to_numpy().squeeze()
    across, down = (ink.sum(axis).max() / ink.max() for axis in (1, 0))
    assert abs(across - down) < 0.4  # pixels of nine


def test_each_glyph_is_saved_in_its_shape_and_in_few_letters(
    call_module: Callable[..., Any], plane_script: str, page: Page
) -> None:
    page.evaluate("url => { window.points = url; }", plane_script.replace("plane.js", "points.js"))
    found = call_module("pen.js", GLYPHS, list(CLASS_GLYPHS))
    for glyph, (apart, letters) in zip(CLASS_GLYPHS, found, strict=True):
        assert apart < (0.16 if glyph == "star" else 0.06), glyph  # a star of sharper points
        assert letters <= LETTERS.get(glyph, 12), glyph
