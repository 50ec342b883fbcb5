"""Take the pictures of the documentation from the running app: `make docs`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

DOCS = Path(__file__).resolve().parent
# picture -> address; the model and the view are in the link
PICTURES = {"overview.png": "/?z=0.2,0.9"}
SIZE = ViewportSize(width=1400, height=860)


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as playwright:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py",
             "--server.headless", "true", "--server.port", str(port)],
            cwd=DOCS.parent,
            env=os.environ | {"ZSCAPE_RUNS": runs},
        )  # fmt: skip
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            wait_until_up(f"http://localhost:{port}/_stcore/health")
            page = browser.new_page(viewport=SIZE, device_scale_factor=1)
            for name, address in PICTURES.items():
                page.goto(f"http://localhost:{port}{address}")
                page.get_by_test_id("samples").wait_for()
                page.get_by_test_id("latent-plane").wait_for()
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(1000)  # fonts and the last canvas
                page.screenshot(path=DOCS / name)
        finally:
            browser.close()
            server.terminate()


def wait_until_up(health: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(health, timeout=1)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("The app did not come up within two minutes.")


if __name__ == "__main__":
    main()
