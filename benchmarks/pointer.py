"""How fast the latent plane answers: in a real Chromium, and under many visitors at once.

    python -m benchmarks.pointer                               # prints a table
    python -m benchmarks.pointer --model mnist-16d --clients 30 --json pointer.json
    python -m benchmarks.pointer --page mnist-2d.html          # a saved page, opened from disk

The browser drags over the plane of the app's first page and reads `zscape:decoded`: from the
pointer's event to the pixels on the canvas; decoded in the browser and by the socket, near the
server and far away. The load is a process of its own that speaks the
channel's protocol; each client wants an image 30 times a second and keeps one request in flight.
Clients whose browsers decode leave the socket at rest but for one question every 3 s, which
`near.js` asks of who drags: whether the model is still the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from benchmarks.proxies import free_port
from benchmarks.served import chromium, quantiles, server, show, under_load

HEADER = struct.Struct("<IBBH")
DECODE, TAG = 1, 7  # verbs
FRESH_SECONDS = 3.0  # FRESH_MS of near.js
EACH = 500  # MAX_SOCKETS_EACH of live.decode


def drag(address: str, seconds: float, *, engine: bool = True) -> dict[str, Any]:
    """Drag in circles for `seconds`; latencies in milliseconds and painted images a second.

    address: of the app's first page, or of a saved page; engine: decoded in the browser, else by
    the socket.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        if not engine:
            page.route("**/live/weights?*", lambda route: route.fulfill(status=204))
        page.add_init_script(
            "window.seen = [];"
            "addEventListener('zscape:decoded', e => seen.push(e.detail.latency_ms));"
        )
        page.goto(address)
        plane = page.get_by_test_id("latent-plane")
        page.wait_for_function("seen.length > 0", timeout=60_000)
        if engine:
            page.locator(".help", has_text="in this browser").wait_for(state="attached")
        page.wait_for_timeout(2000)  # the page's other parts come to rest
        plane.scroll_into_view_if_needed()
        box = plane.bounding_box()
        if box is None:
            raise SystemExit("The latent plane is not on the page.")
        x, y, r = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["height"] / 3
        page.mouse.move(x + r, y)
        page.mouse.down()
        page.evaluate("() => { seen.length = 0; }")
        start, now = time.perf_counter(), 0.0
        while now < seconds:
            page.mouse.move(x + r * math.cos(now), y + r * math.sin(1.3 * now))
            now = time.perf_counter() - start
        latencies = page.evaluate("seen")
        page.mouse.up()
        browser.close()
    return {"frames_per_second": len(latencies) / seconds, **quantiles(latencies)}


@contextmanager
def far_away(url: str, seconds: float) -> Iterator[str]:
    """The server as from afar: what is sent arrives `seconds` later, either way; gives its URL."""
    port, host = free_port(), urlsplit(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(1 << 16):
            loop.call_later(seconds, writer.write, data)
        loop.call_later(seconds, writer.close)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host.hostname, host.port)
        await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.start_server(meet, "127.0.0.1", port))
    Thread(target=loop.run_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(loop.stop)


async def load(
    url: str, model: str, clients: int, rate: float, seconds: float, *, engine: bool
) -> dict[str, Any]:
    """`clients` visitors drag for `seconds`; requests a second of each, latencies of all.

    engine: their browsers decode.
    """
    from websockets.asyncio.client import connect

    latencies: list[float] = []
    frames = [0] * clients
    arrivals = asyncio.Semaphore(64)  # a server lets few at a time be half open

    async def visit(k: int) -> None:
        address = url.replace("http", "ws", 1) + f"/live/decode?model={model}"
        place = (f"127.0.0.{1 + k // EACH}", 0)
        async with arrivals:
            channel = await connect(address, compression=None, local_addr=place)
        async with channel:
            hello = json.loads(await channel.recv())
            await asyncio.sleep(k / clients / rate)
            due = time.perf_counter()
            end = due + seconds
            ticket = 0
            while (start := time.perf_counter()) < end:
                ticket += 1
                if engine:
                    await channel.send(HEADER.pack(ticket, TAG, 0, 1))
                else:
                    z = [math.sin(k + start + j) for j in range(hello["latent_dim"])]
                    frame = HEADER.pack(ticket, DECODE, 0, 1) + struct.pack(f"<{len(z)}f", *z)
                    await channel.send(frame)
                await channel.recv()
                latencies.append(1000 * (time.perf_counter() - start))
                frames[k] += 1
                due = max(due + 1 / rate, time.perf_counter())
                await asyncio.sleep(due - time.perf_counter())

    await asyncio.gather(*(visit(k) for k in range(clients)))
    each = [count / seconds for count in frames]
    return {
        "frames_per_second": statistics.mean(each),
        "slowest_client": min(each),
        **quantiles(latencies),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default="mnist-2d")
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 30, 60, 200])
    parser.add_argument("--engines", type=int, nargs="*", default=[1000], help="who decode")
    parser.add_argument("--rate", type=float, default=30.0, help="images a client wants a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--delay", type=float, default=75.0, help="ms each way, beside none")
    parser.add_argument("--page", type=Path, help="measure this saved page alone")
    parser.add_argument("--no-browser", action="store_true", help="measure the load alone")
    parser.add_argument("--json", type=Path, help="write the figures there")
    # How this program starts its load in a process of its own:
    parser.add_argument("--load", nargs=2, metavar=("URL", "CLIENTS"), help=argparse.SUPPRESS)
    parser.add_argument("--load-engines", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        url, clients = args.load[0], int(args.load[1])
        rate = 1 / FRESH_SECONDS if args.load_engines else args.rate
        figures = load(url, args.model, clients, rate, args.seconds, engine=args.load_engines)
        print(json.dumps(asyncio.run(figures)))
        return

    rows: list[dict[str, Any]] = []
    if args.page:
        rows.append({"what": "saved page", **drag(args.page.absolute().as_uri(), args.seconds)})
        show(rows, "frames_per_second", args.json, page=args.page.name)
        return
    options = ["--model", args.model, "--rate", str(args.rate), "--seconds", str(args.seconds)]
    with server() as (url, pid):
        if not args.no_browser:
            for delay in (0.0, args.delay):
                with far_away(url, delay / 1000) if delay else nullcontext(url) as address:
                    for engine in (True, False):
                        what = f"{'engine' if engine else 'socket'}, {delay:g} ms each way"
                        home = f"{address}/?model={args.model}"
                        seen = drag(home, args.seconds, engine=engine)
                        rows.append({"what": what, **seen})
        for clients in args.clients:
            loaded = under_load("benchmarks.pointer", url, pid, clients, *options)
            rows.append({"what": f"{clients} clients", **loaded})
    for clients in args.engines:
        with server() as (url, pid):  # all its sockets are free
            asked = [*options, "--load-engines"]
            loaded = under_load("benchmarks.pointer", url, pid, clients, *asked)
            rows.append({"what": f"{clients} decoding", **loaded})
    show(rows, "frames_per_second", args.json, model=args.model, rate=args.rate)


if __name__ == "__main__":
    main()
