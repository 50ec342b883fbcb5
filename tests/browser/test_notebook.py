"""The widget in a real JupyterLab and in a real marimo."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.proxies import free_port
from live.worker import Verb, computed
from tests.browser.conftest import saved
from vae_core.checkpoints.reading import load_checkpoint, load_latents

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Frame, Locator, Page

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "checkpoints" / "digits-2d"
START_SECONDS = 120
# What the kernel knows is written to a file whenever it changes.
BEGIN = """
import json, pathlib
import zscape

plane = zscape.LatentPlane("digits-2d")

def tell(_):
    known = {name: getattr(plane, name) for name in ("z", "selected", "stops")}
    new = pathlib.Path("known.new")
    new.write_text(json.dumps(known))
    new.rename("known.json")

plane.observe(tell, ["z", "selected", "stops"])
"""
STRANGE = """
import torch
from vae_core import load_checkpoint

class Twice(torch.nn.Module):
    def forward(self, z):
        return 2 * z

strange = load_checkpoint({model!r})
strange.decoder = torch.nn.Sequential(Twice(), strange.decoder)
strange = zscape.LatentPlane(strange)
strange
"""
MARIMO = """
import marimo

app = marimo.App()

@app.cell
def _():
    import marimo as mo
{begin}
    plane
    return mo, plane

@app.cell
def _(mo):
    go = mo.ui.run_button(label="From Python")
    go
    return (go,)

@app.cell
def _(go, plane):
    if go.value:
        plane.z = (1, -1)
"""

# What VS Code and Colab have around a widget: a frame of its own, no thread or picture of a blob's
# address, bytes as a DataView; and links that are heard by the page, which keeps what they lead to.
FRAME = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
    script-src blob: 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:;
    connect-src blob:">
<body><script type="module">
window.decodes = [];
addEventListener("zscape:decoded", ({ detail }) => decodes.push(detail));
document.body.addEventListener("click", async (event) => {
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (!link) return;
    event.preventDefault();
    const bytes = await (await fetch(link.href)).arrayBuffer();
    window.kept = [link.download, Array.from(new Uint8Array(bytes))];
});
const { esm, data, ...state } = $given;
state._data = new DataView(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
const heard = new Map();
const of = (name) => heard.get(name) ?? heard.set(name, new Set()).get(name);
window.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; of(`change:${name}`).forEach((hear) => hear()); },
    save_changes() {},
    on: (name, hear) => of(name).add(hear),
    off: (name, hear) => of(name).delete(hear),
    send() {},
};
window.listeners = () => [...heard.values()].reduce((sum, hears) => sum + hears.size, 0);
const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
const { render } = (await import(url)).default;
window.show = () => {
    const el = document.body.appendChild(document.createElement("div"));
    const end = render({ model, el });
    return () => (end(), el.remove());
};
window.ends = [show(), show()];
</script>"""


@contextmanager
def served(folder: Path, address: str, *program: str) -> Iterator[str]:
    """A notebook's server, run in `folder` by `program` and its port; the URL once it answers."""
    port = free_port()
    own = {
        f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    own |= {
        f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")
    }
    own |= {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *program, str(port)],
            cwd=folder,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url + address, timeout=5):
                    yield url
                    return
            except OSError:
                time.sleep(0.05)
        pytest.fail((folder / "log").read_text("utf-8")[-4000:], pytrace=False)
    finally:
        process.terminate()
        process.wait(timeout=60)


class Shown:
    """A widget on a page, and what its kernel knows of it."""

    def __init__(
        self, page: Page, folder: Path, number: int = 0, within: Frame | None = None
    ) -> None:
        self.page, self.known_file = page, folder / "known.json"
        self.frame = within or page.main_frame
        self.plane = self.frame.get_by_test_id("latent-plane").nth(number)
        self.image = self.frame.get_by_test_id("decoded-image").nth(number)
        self.plane.wait_for(timeout=1000 * START_SECONDS)  # its kernel imports torch
        self.plane.scroll_into_view_if_needed()
        self.frame.wait_for_function("decodes.length")

    def point(self, across: float, down: float) -> None:
        box = self.plane.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])

    def hover(self, across: float, down: float) -> dict[str, Any]:
        """Point at another place; what is decoded there."""
        before = self.last["z"]
        self.point(across, down)
        self.page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=before)
        return self.last

    @property
    def last(self) -> dict[str, Any]:
        decoded: dict[str, Any] = self.frame.evaluate("decodes.at(-1)")
        return decoded

    def drawn(self) -> tuple[dict[str, Any], np.ndarray]:
        """What was decoded last, and the grey levels of the large image (h, w) at that moment."""
        decoded, size, values = self.image.evaluate(
            """canvas => [decodes.at(-1), [canvas.height, canvas.width],
                Array.from(canvas.getContext('2d')
                    .getImageData(0, 0, canvas.width, canvas.height).data)]"""
        )
        return decoded, np.array(values).reshape(*size, 4)[..., 0]

    def pixels(self) -> np.ndarray:
        return self.drawn()[1]

    def known(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What the kernel knows, once it is so."""
        while True:
            known = json.loads(self.known_file.read_text()) if self.known_file.exists() else {}
            if known and holds(known):
                return dict(known)
            self.page.wait_for_timeout(20)


def decoded(z: list[float]) -> np.ndarray:
    """By PyTorch, (h, w)."""
    model = load_checkpoint(MODEL)
    return computed(model, Verb.DECODE, np.array([z], "<f4"))[0, ..., 0].astype(int)


def try_both_ways(shown: Shown, set_z: Callable[[], None]) -> None:
    """The visitor moves and selects, and the kernel knows; `set_z` puts z to (1, -1) there."""
    page = shown.page
    shown.hover(0.4, 0.5)
    page.mouse.down()
    moved = shown.hover(0.6, 0.6)
    page.mouse.up()
    assert moved["where"] == "browser"
    assert np.abs(shown.pixels() - decoded(moved["z"])).max() <= 1
    assert shown.known(lambda known: known["z"] == moved["z"])["selected"] == []

    page.get_by_role("button", name="Select points").first.click()
    other, one = (shown.hover(at, at)["z"] for at in (0.65, 0.45))
    page.keyboard.down("Shift")
    page.mouse.down()
    shown.point(0.65, 0.65)
    page.mouse.up()
    page.keyboard.up("Shift")
    latents = load_latents(MODEL)
    assert latents is not None
    low, high = np.sort([one, other], axis=0)
    inside = ((latents.mu.numpy() > low) & (latents.mu.numpy() < high)).all(1)
    expected = np.flatnonzero(inside).tolist()
    assert len(expected) > 3
    assert shown.known(lambda known: known["selected"])["selected"] == expected

    page.mouse.move(0, 0)
    set_z()
    page.wait_for_function("String(decodes.at(-1).z) === '1,-1'")
    assert np.abs(shown.pixels() - decoded([1, -1])).max() <= 1


@pytest.fixture
def jupyter(tmp_path: Path, context: BrowserContext) -> Iterator[tuple[Page, Locator]]:
    """The page of a notebook in JupyterLab whose kernel is at rest, and its cells."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    import nbformat.v4 as nb

    sources = (BEGIN + "plane", "plane.z = (1, -1)", STRANGE.format(model=str(MODEL)))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    written = nb.new_notebook(
        cells=[nb.new_code_cell(source) for source in sources], metadata={"kernelspec": kernel}
    )
    (tmp_path / "plane.ipynb").write_text(nb.writes(written), "utf-8")
    settings = tmp_path / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    unwanted = "@jupyterlab/apputils-extension:announcements"  # asks a host on the internet
    settings.write_text(json.dumps({"disabledExtensions": {unwanted: True}}))
    with served(
        tmp_path, "/api", "jupyterlab", "--no-browser", "--allow-root", "--IdentityProvider.token=",
        "--ServerApp.ip=127.0.0.1", "--port",
    ) as url:  # fmt: skip
        page = context.new_page()
        page.goto(f"{url}/lab/tree/plane.ipynb")
        page.get_by_text(re.compile(r"^Python 3 .*\| Idle$")).wait_for()
        yield page, page.locator(".jp-Notebook .jp-CodeCell")


def test_in_jupyterlab_z_and_the_selection_go_both_ways(
    jupyter: tuple[Page, Locator], tmp_path: Path
) -> None:
    page, cells = jupyter

    def run(number: int) -> None:
        cells.nth(number).locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        done = cells.nth(number).get_by_text(re.compile(r"^\[\d+\]:$")).first
        done.wait_for(timeout=1000 * START_SECONDS)  # the first imports torch

    run(0)
    shown = Shown(page, tmp_path)
    try_both_ways(shown, lambda: run(1))

    svg = saved(page, page.locator(".save").first, "SVG").decode()
    assert svg.count("scale(0.1)") >= 10  # a path of each class, and of those selected

    count = cells.count()
    shown.plane.focus()
    for key in ("ArrowRight", "d", "d", "0", "0"):  # d twice deletes a cell in JupyterLab
        page.keyboard.press(key)
    assert shown.known(lambda known: known["z"][0] > 1)["z"][1] == -1
    assert cells.count() == count

    run(2)
    strange = Shown(page, tmp_path, 1)
    page.wait_for_function("decodes.at(-1).where === 'server'")
    strange.hover(0.55, 0.4)
    there, image = strange.drawn()
    assert there["where"] == "server"
    assert np.abs(image - decoded([2 * x for x in there["z"]])).max() <= 1


def test_in_marimo_they_do_so_where_no_thread_may_start_too(
    context: BrowserContext, tmp_path: Path
) -> None:
    context.add_init_script("Worker = class { constructor() { throw new Error('refused'); } };")
    pytest.importorskip("marimo", reason="marimo is not installed")
    begin = "\n".join(f"    {line}" for line in BEGIN.splitlines())
    (tmp_path / "plane.py").write_text(MARIMO.format(begin=begin), "utf-8")
    with served(
        tmp_path, "/health", "marimo", "-q", "run", "plane.py", "--headless", "--port"
    ) as url:
        page = context.new_page()
        page.goto(url)
        try_both_ways(Shown(page, tmp_path), page.get_by_role("button", name="From Python").click)


def test_in_a_frame_as_strict_as_theirs_it_decodes_and_saves(context: BrowserContext) -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    from zscape import LatentPlane

    plane = LatentPlane(MODEL)
    told = {name: getattr(plane, name) for name in ("_told", "z", "selected", "stops", "mode")}
    data = base64.b64encode(plane._data).decode()
    given = json.dumps({"esm": plane._esm, "data": data, **told}).replace("<", r"\u003c")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """html => {
            const frame = document.createElement("iframe");
            const size = { width: 1000, height: 1500 };
            Object.assign(frame, { sandbox: "allow-scripts", srcdoc: html, ...size });
            return new Promise((loaded) => (frame.onload = loaded, document.body.append(frame)));
        }""",
        FRAME.replace("$given", given),
    )
    frame = page.frames[1]
    frame.wait_for_function("window.decodes?.length >= 2")  # once in each of two places
    frame.evaluate("model.set('z', [1, -1])")
    frame.wait_for_function("String(decodes.at(-1).z) === '1,-1'")
    shown = Shown(page, Path(), within=frame)
    assert shown.last["where"] == "browser"
    assert np.abs(shown.pixels() - decoded([1, -1])).max() <= 1

    menu = frame.locator(".save").first
    for item, first in (("SVG", b"<"), ("PNG, 2 times", b"\x89PNG"), ("CSV", b"kind")):
        menu.get_by_role("button", name="Save", exact=True).click()
        menu.get_by_role("menuitem", name=item).click()
        frame.wait_for_function("window.kept")
        name, kept = frame.evaluate("[kept, delete window.kept][0]")
        assert item[:3].lower() in name
        assert bytes(kept).startswith(first)

    both = frame.evaluate("listeners()")
    frame.evaluate("ends.pop()()")
    assert frame.evaluate("listeners()") == both / 2
    count = frame.evaluate("decodes.length")
    frame.evaluate("ends.push(show())")  # its cell was run again
    frame.wait_for_function("n => decodes.length > n", arg=count)
    assert {url.partition(":")[0] for url in asked} <= {"about", "blob", "data"}
