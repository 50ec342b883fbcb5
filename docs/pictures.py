"""Take the pictures of the documentation from the running app: `make docs`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from benchmarks.served import chromium, server

DOCS = Path(__file__).resolve().parent
# picture -> address; the model and the view are in the link
PICTURES = {"overview.png": "/?z=0.2,0.9"}
SIZE = ViewportSize(width=1400, height=860)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as runs,
        server(ZSCAPE_RUNS=runs) as (url, _),
        sync_playwright() as playwright,
        chromium(playwright) as browser,
    ):
        page = browser.new_page(viewport=SIZE, device_scale_factor=1)
        for name, address in PICTURES.items():
            page.goto(url + address)
            page.get_by_test_id("samples").wait_for()
            page.get_by_test_id("latent-plane").wait_for()
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(1000)  # fonts and the last canvas
            page.screenshot(path=DOCS / name)


if __name__ == "__main__":
    main()
