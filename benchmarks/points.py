"""How the plane moves with very many points, in a real Chromium.

    python -m benchmarks.points                                # prints a table
    python -m benchmarks.points --points 1000000 --json points.json
    python -m benchmarks.points --app ../before --json before.json    # another tree's app

The points are the stored means of a checkpoint made here, in ten classes; the page is Encoded μ. A
frame lasts from one requestAnimationFrame to the next, so at rest 16.7 ms; of the page's tasks it
is told how long the longest one kept a processor, which other programs on the machine do not
change. The first draw counts from the points' arrival, a lasso around about half of them from its
release to the words that say how many they are. A column of few points tells what the rest costs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.served import ROOT, chromium, quantiles, server

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 240_000  # milliseconds
CLASSES = 10
SECONDS = 4.0  # of each movement
WATCH = """
    window.frames_ms = [];
    window.drawn_at = 0;
    window.part = (testid, root = document) => {
        const found = root.querySelector(`[data-testid="${testid}"]`);
        if (found) return found;
        for (const { shadowRoot } of root.querySelectorAll("*")) {
            const inside = shadowRoot && part(testid, shadowRoot);
            if (inside) return inside;
        }
    };
    const inked = () => {
        const plane = part("latent-plane");
        if (!plane?.width) return false;
        const [w, h] = [plane.width, plane.height];
        const { data } = plane.getContext("2d").getImageData(w * 0.4, h * 0.4, w * 0.2, h * 0.2);
        let ink = 0;
        for (let k = 3; k < data.length; k += 4) ink += data[k] > 0;
        return ink > data.length / 8;
    };
    let before = 0;
    const frame = (now) => {
        if (before) frames_ms.push(now - before);
        before = now;
        if (!drawn_at && inked()) drawn_at = performance.now();
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    addEventListener("pointerup", ({ timeStamp }) => (window.released_at = timeStamp), true);
"""
ARRIVED = """Math.max(...performance.getEntriesByType("resource")
    .filter(({ name }) => name.includes("/live/blob/")).map((e) => e.responseEnd))"""
HEAR = """() => new Promise((resolve) => {
    const words = part("latent-plane").getRootNode().querySelector(".announced");
    const heard = () => resolve({ at: performance.now(), words: words.textContent });
    new MutationObserver(heard).observe(words, { childList: true, characterData: true });
    window.hearing = true;
})"""


def make_checkpoint(folder: Path, count: int) -> str:
    """A model in `folder` with so many stored means; returns its name."""
    name = f"points-{count}"
    shutil.copytree(ROOT / "checkpoints" / "mnist-2d", folder / name)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, count)
    centres = rng.normal(size=(CLASSES, 2)) * 1.2
    mu = centres[labels] + rng.normal(size=(count, 2)) * 0.45
    columns = {
        "mu": torch.from_numpy(mu.astype(np.float32)),
        "logvar": torch.full((count, 2), -4.0),
        "indices": torch.arange(count),
        "labels": torch.from_numpy(labels),
        "reconstruction": torch.full((count,), -130.0),
    }
    save_file(columns, folder / name / "latents.safetensors")
    return name


def measure(url: str, model: str, seconds: float) -> dict[str, Any]:
    """What a visitor of Encoded μ meets, in milliseconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.add_init_script(WATCH)
        page.goto(f"{url}/encoded?model={model}")
        page.wait_for_function("drawn_at > 0", timeout=PATIENCE)
        first_draw = page.evaluate(f"drawn_at - {ARRIVED}")
        page.wait_for_timeout(5000)  # weights come, the page's other parts come to rest
        plane = page.get_by_test_id("latent-plane")
        plane.scroll_into_view_if_needed()
        box = plane.bounding_box()
        if box is None:
            raise SystemExit("The latent plane is not on the page.")
        x, y, r = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["height"] / 4

        def around(angle: float) -> None:
            page.mouse.move(x + r * math.cos(angle), y + r * math.sin(angle))

        def wheel(now: float) -> None:
            page.mouse.wheel(0, -100 if now % 2 < 1 else 100)

        around(0)
        page.mouse.down(button="middle")
        pan = frames_while(page, lambda now: around(2 * now), seconds)
        page.mouse.up(button="middle")
        around(0)
        zoom = frames_while(page, wheel, seconds)
        page.keyboard.press("0")
        page.wait_for_timeout(3000)
        lasso = lasso_around(page, around)
        browser.close()
    return {"first_draw_ms": first_draw, "pan": pan, "zoom": zoom, "lasso": lasso}


def frames_while(page: Page, move: Callable[[float], None], seconds: float) -> dict[str, Any]:
    """Durations of frames while `move`, told the time, is called for so long."""
    with traced(page) as longest:
        start, now = time.perf_counter(), 0.0
        while now < seconds:
            move(now)
            now = time.perf_counter() - start
        page.wait_for_timeout(50)
        frames = page.evaluate("frames_ms")
    return {**quantiles(frames), "frames": len(frames), **longest}


@contextmanager
def traced(page: Page) -> Iterator[dict[str, float]]:
    """Frames from now on; afterwards what is given holds the processor time of the longest task."""
    browser = page.context.browser
    assert browser is not None
    longest: dict[str, float] = {}
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    page.evaluate("() => { frames_ms.length = 0; }")
    yield longest
    events = json.loads(browser.stop_tracing())["traceEvents"]
    named = [e for e in events if e["name"] == "thread_name"]
    pages = {(e["pid"], e["tid"]) for e in named if e["args"]["name"] == "CrRendererMain"}
    longest["cpu_ms"] = max(
        e["tdur"] / 1000 for e in events if (e["pid"], e["tid"]) in pages and "tdur" in e
    )


def lasso_around(page: Page, around: Callable[[float], None]) -> dict[str, Any]:
    around(0)
    page.mouse.down()
    for k in range(1, 61):
        around(k * 2 * math.pi / 60)
    page.evaluate(f"() => {{ window.heard = ({HEAR})(); }}")
    page.wait_for_function("window.hearing")
    with traced(page) as longest:
        page.mouse.up()
        heard = page.evaluate("heard")
        released = page.evaluate("released_at")
        page.wait_for_timeout(3000)
        frames = page.evaluate("frames_ms")
    words = heard["words"]
    return {"ms": heard["at"] - released, "words": words, **quantiles(frames), **longest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--points", type=int, nargs="*", default=[2_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each movement")
    parser.add_argument("--app", type=Path, default=ROOT, help="the tree whose app is measured")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = {count: make_checkpoint(folder / "models", count) for count in args.points}
        places = {"ZSCAPE_CHECKPOINTS": folder / "models", "ZSCAPE_DATA": folder / "data"}
        places |= {"ZSCAPE_RUNS": folder / "runs"}
        with server(args.app, **{key: str(path) for key, path in places.items()}) as (url, _):
            for count, model in models.items():
                rows.append({"points": count, **measure(url, model, args.seconds)})
    print(f"{'points':26}", *(f"{row['points']:>12,}" for row in rows))
    for label, *keys in (
        ("first draw", "first_draw_ms"),
        *((f"{m}, frame: {q}", m, f"{q}_ms") for m in ("pan", "zoom") for q in ("p95", "max")),
        *((f"{m}, longest task", m, "cpu_ms") for m in ("pan", "zoom")),
        ("lasso", "lasso", "ms"),
        ("lasso, frame: max", "lasso", "max_ms"),
        ("lasso, longest task", "lasso", "cpu_ms"),
    ):
        print(f"{label + ', ms':26}", *(f"{value_at(row, keys):12.1f}" for row in rows))
    if args.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "os": platform.platform()}
        args.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


def value_at(row: dict[str, Any], keys: list[str]) -> float:
    value: Any = row
    for key in keys:
        value = value[key]
    return float(value)


if __name__ == "__main__":
    main()
