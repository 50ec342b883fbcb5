"""Two servers of one folder of runs behind nginx: draggers on both, and what sessions leave behind.

    python -m benchmarks.servers                                # a table; some ten minutes
    python -m benchmarks.servers --draggers 60 --sessions 500 --json docs/servers.json
    python -m benchmarks.servers --rounds 4                     # 500 sessions, four times

nginx is that of docs/deploy/nginx-servers.conf; it shares the draggers' sockets out evenly, and the
cores are those of one server. Sessions are opened on all pages in turn, all held open at once, then
closed, a round after the other; the memory is that of each server before and after, when Streamlit
has forgotten the last of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from benchmarks.proxies import nginx
from benchmarks.served import server, show, under_load
from benchmarks.visitors import Visitor
from ui.frame.navigation import SECTIONS

FORGET_SECONDS = 130  # Streamlit keeps a session for two minutes after its socket has gone
PAGES = [url for pages in SECTIONS.values() for *_, url in pages]
WARM = 2 * len(PAGES)  # sessions before the first look at the memory, each page at each server


async def visit(urls: Sequence[str], sessions: int) -> None:
    """Open `sessions` at these servers in turn, hold them all, then close them."""
    from websockets.asyncio.client import connect

    arrivals = asyncio.Semaphore(4)

    async with AsyncExitStack() as open_at_once:

        async def arrive(url: str, page: str) -> None:
            async with arrivals:
                address = url.replace("http", "ws", 1) + "/_stcore/stream"
                socket = await open_at_once.enter_async_context(
                    connect(address, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
                )
                await Visitor(socket).run(page_name=page)

        each = ((urls[k % len(urls)], PAGES[k // len(urls) % len(PAGES)]) for k in range(sessions))
        await asyncio.gather(*(arrive(*one) for one in each))


def memory(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_until_forgotten(urls: Sequence[str]) -> None:
    time.sleep(FORGET_SECONDS)
    for url in urls:
        while _active(url):
            time.sleep(1)
    asyncio.run(visit(urls, len(urls)))  # the next to come lets Streamlit clear its store
    time.sleep(2)


def _active(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_stcore/metrics") as answer:
        found = re.search(r"^active_sessions (\d+)", answer.read().decode(), re.MULTILINE)
    assert found
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--draggers", type=int, default=60, help="of each server")
    parser.add_argument("--sessions", type=int, default=500, help="of both together")
    parser.add_argument("--rounds", type=int, default=1, help="of these sessions")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runs = {"ZSCAPE_RUNS": str(folder / "runs")}
        servers = [stack.enter_context(server(**runs)) for _ in range(2)]
        urls, pids = zip(*servers, strict=True)
        changes = {
            f"127.0.0.1:{port}": url.removeprefix("http://")
            for port, url in zip((8501, 8502), urls, strict=True)
        }
        proxy = stack.enter_context(nginx("nginx-servers.conf", folder, changes))

        rows: list[dict[str, Any]] = []
        os.environ["SSL_CERT_FILE"] = str(folder / "site.pem")
        options = ["--seconds", str(args.seconds)]
        for draggers in (1, 2 * args.draggers):
            loaded = under_load("benchmarks.pointer", proxy, pids[0], draggers, *options)
            rows.append({"what": f"{draggers} draggers", **loaded})
        show(rows, "frames_per_second", None)

        asyncio.run(visit(urls, WARM))
        wait_until_forgotten(urls)
        before = [memory(pid) for pid in pids]
        for _ in range(args.rounds):
            asyncio.run(visit(urls, args.sessions))
        highest = [memory(pid) for pid in pids]
        wait_until_forgotten(urls)
        after = [memory(pid) for pid in pids]
        print(f"{args.rounds} x {args.sessions} sessions, MB of each server")
        for name, values in {"before": before, "at most": highest, "after": after}.items():
            print(f"{name:20}", *(f"{value:10.0f}" for value in values))
    if args.json:
        megabytes = {"before": before, "at_most": highest, "after": after}
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
        document = {
            "machine": machine,
            "draggers": rows,
            "sessions": args.sessions,
            "rounds": args.rounds,
            "megabytes": megabytes,
        }
        args.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
