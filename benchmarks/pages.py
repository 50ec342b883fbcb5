"""First paint and slider-to-image times in a real Chromium, against the running app.

    python -m benchmarks.pages [--rounds 30] [--json FILE]

cold    from `streamlit run`, a browser waiting: to the first paint (the browser's own
        first-contentful-paint), to the page's heading, to the decoded image
warm    the same from navigation, in fresh browser contexts on a warm server
slider  from the pointer's press on a slider of Decode z to the image of the new z
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.served import chromium, quantiles, server

COLD_STARTS = 5
RECORD = """
window.decoded = [];
window.pressed = null;
new MutationObserver((_, observer) => {
    if (!document.querySelector('h1')) return;
    window.heading = performance.now();
    observer.disconnect();
}).observe(document, { subtree: true, childList: true });
document.addEventListener('zscape:decoded',
    event => window.decoded.push([performance.now(), event.detail.z.join()]), true);
document.addEventListener('pointerdown', () => { window.pressed = performance.now(); }, true);
"""
# The first image of another z than the one before the press, and how long it took.
ANSWER = """before => window.pressed &&
    window.decoded.find(([time, z]) => time > window.pressed && z !== before)"""


def first_paint(browser: Browser, url: str) -> tuple[float, float, float]:
    """Milliseconds from navigation to the first paint, the heading and the first decoded image."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script(RECORD)
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("window.decoded.length > 0", polling="raf")
    paint, heading, decoded = page.evaluate(
        "[performance.getEntriesByName('first-contentful-paint')[0].startTime, window.heading,"
        " window.decoded[0][0]]"
    )
    context.close()
    return float(paint), float(heading), float(decoded)


def slider_times(browser: Browser, url: str, rounds: int) -> list[float]:
    """Milliseconds from each press on the first slider to the image of the z it sets."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script(RECORD)
    page = context.new_page()
    page.goto(f"{url}/decode")
    page.wait_for_function("window.decoded.length > 0")
    track = page.locator('[data-testid="stSlider"] [role="group"] > div').first
    track.wait_for()
    page.wait_for_timeout(1500)  # the page's own loading is not what is measured
    box = track.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    times = []
    for k in range(rounds + 3):
        x = box["x"] + box["width"] * (0.2 + 0.6 * ((k * 7) % 13) / 13)
        page.mouse.move(x, y)
        page.wait_for_timeout(300)
        before = page.evaluate("window.decoded.at(-1)[1]")
        page.evaluate("window.pressed = null")
        page.mouse.down()
        page.mouse.up()
        painted = page.wait_for_function(ANSWER, arg=before).json_value()[0]
        times.append(float(painted - page.evaluate("window.pressed")))
        page.wait_for_timeout(400)
    context.close()
    return times[3:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, list[float]] = {}

    def record(what: str, head_start: float, times: tuple[float, float, float]) -> None:
        for name, value in zip(("paint", "heading", "image"), times, strict=True):
            results.setdefault(f"{what} {name}", []).append(head_start + value)

    with sync_playwright() as playwright, chromium(playwright) as browser:
        for _ in range(COLD_STARTS):
            started = time.perf_counter()
            with server() as (url, _):
                record("cold", 1000 * (time.perf_counter() - started), first_paint(browser, url))
        with server() as (url, _):
            first_paint(browser, url)
            for _ in range(options.rounds):
                record("warm", 0, first_paint(browser, url))
            results["slider"] = slider_times(browser, url, options.rounds)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; milliseconds")
    print(f"{'what':13} {'n':>4} {'median':>8} {'p95':>8} {'max':>8}")
    for name, values in results.items():
        row = quantiles(values).values()
        print(f"{name:13} {len(values):4} " + " ".join(f"{v:8.0f}" for v in row))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
