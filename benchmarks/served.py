"""What the benchmarks share: the app on a free port, Chromium, a load beside it, a table."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.proxies import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parent.parent
# The shell, where it is installed, does half the work.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def server(tree: Path = ROOT, /, **variables: str) -> Iterator[tuple[str, int]]:
    """The app of `tree` on a free port; gives its URL and process id.

    variables: of its environment.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    process = subprocess.Popen(
        [*command, f"--server.port={port}", "--server.address=127.0.0.1"],
        cwd=tree,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while not healthy(url):
            if process.poll() is not None:
                raise SystemExit("The app did not start; run `streamlit run app.py` to see why.")
            time.sleep(0.02)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
            return True
    except OSError:
        return False


def chromium(playwright: Playwright) -> Browser:
    """Debian's Chromium, headless."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))


def under_load(module: str, url: str, pid: int, number: int, *options: str) -> dict[str, Any]:
    """What `python -m module --load url number` prints, and the cores that the server used."""
    before, start = cpu_seconds(pid), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, "--load", url, str(number), *options],
        stdout=subprocess.PIPE,
        check=True,
    )
    share = (cpu_seconds(pid) - before) / (time.perf_counter() - start)
    return {**json.loads(done.stdout), "server_cores": share}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantiles(milliseconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    if not ordered:
        raise SystemExit("Nothing was answered; the app's log says why.")
    return {
        "median_ms": statistics.median(ordered),
        "p95_ms": ordered[int(0.95 * (len(ordered) - 1))],
        "max_ms": ordered[-1],
    }


def show(
    rows: Sequence[dict[str, Any]],
    counted: str,
    file: Path | None,
    *,
    per: str = "a second",
    **settings: Any,
) -> None:
    """Print the rows, each of `what`, what it `counted` and quantiles; write all as JSON."""
    columns = {
        counted: per,
        "median_ms": "median ms",
        "p95_ms": "p95 ms",
        "max_ms": "max ms",
    }
    columns["server_cores"] = "cores"
    print(f"{counted.replace('_', ' '):20}", *(f"{name:>10}" for name in columns.values()))
    for row in rows:
        print(f"{row['what']:20}", *(f"{row.get(key, math.nan):10.2f}" for key in columns))
    if file:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "os": platform.platform()}
        document = {"machine": machine, **settings, "rows": list(rows)}
        file.write_text(json.dumps(document, indent=2) + "\n")
