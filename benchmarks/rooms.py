"""How late a leader's pointer is on the screens of a room, and what that costs the server.

    python -m benchmarks.rooms                                  # 200 followers, 30 moves a second
    python -m benchmarks.rooms --followers 30 200 --json rooms.json

Milliseconds from the leader's sending to each follower's receiving; both are in one process beside
the server's. `bare` is a server that copies each line to all and does nothing else: what this
machine needs at the least.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.proxies import free_port
from benchmarks.served import quantiles, server, show, under_load

RATE = 30.0  # moves a second
WARM_SECONDS = 2.0
SENT = re.compile(rb'"z":\[([\d.]+),')


class Follower(asyncio.Protocol):
    """Notes how old each message is; a browser's work, without the browser."""

    def __init__(self, ages: list[float]) -> None:
        self.ages = ages

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.ages.extend(1000 * (now - float(sent)) for sent in SENT.findall(data))


def message(z: float) -> str:
    """What a leader's browser says of a pointer; z[0] is the moment."""
    point = {"plane": "plane", "z": [round(z, 6), -0.25], "there": True}
    return json.dumps({"point": point}, separators=(",", ":"))


def frame(text: str) -> bytes:
    """A client's WebSocket frame, with a mask of zeros."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    return b"\x81" + size + bytes(4) + data


def place(url: str) -> tuple[str, int]:
    """Its host and port."""
    site = urlsplit(url)
    assert site.hostname and site.port
    return site.hostname, site.port


async def upgraded(url: str, code: str, protocol: asyncio.Protocol) -> asyncio.StreamWriter:
    """A WebSocket without more than the followers need."""
    reader, writer = await asyncio.open_connection(*place(url))
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /live/room?code={code} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        .encode()
    )  # fmt: skip
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.set_protocol(protocol)
    return writer


async def load(url: str, followers: int, seconds: float, room: str) -> dict[str, Any]:
    """`followers` follow `room`, "code secret", or the bare server where it is empty."""
    ages: list[float] = []
    loop = asyncio.get_running_loop()
    host, port = place(url)
    code, _, secret = room.partition(" ")
    lines: list[Any] = []
    for _ in range(followers):
        if code:
            lines.append(await upgraded(url, code, Follower(ages)))
            lines[-1].write(frame('{"follow":true}'))
        else:
            transport, _ = await loop.create_connection(partial(Follower, ages), host, port)
            lines.append(transport)
    leader: Any
    if code:
        leader = await upgraded(url, code, asyncio.Protocol())
        leader.write(frame(json.dumps({"lead": secret})))
    else:
        leader, _ = await loop.create_connection(asyncio.Protocol, host, port)
    begin = time.perf_counter()
    due, warm = begin, False
    while due < begin + WARM_SECONDS + seconds:
        await asyncio.sleep(due - time.perf_counter())
        text = message(time.perf_counter())
        leader.write(frame(text) if code else text.encode() + b"\n")
        due += 1 / RATE
        if not warm and due > begin + WARM_SECONDS:
            ages.clear()
            warm = True
    await asyncio.sleep(1)
    return {"messages_per_second": len(ages) / seconds, **quantiles(ages)}


async def copy_lines(port: int) -> None:
    """The bare server."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while line := await reader.readline():
                for each in writers - {writer}:
                    each.write(line)
        finally:
            writers.discard(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", port) as listening:
        await listening.serve_forever()


@contextmanager
def bare() -> Iterator[tuple[str, int]]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.rooms", "--bare", str(port)])
    time.sleep(3)
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def opened(url: str) -> str:
    """Open a room as a visitor does, in Chromium: its code and its secret."""
    from playwright.sync_api import sync_playwright

    from benchmarks.served import chromium

    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_page()
        with page.expect_websocket(lambda socket: "/live/room" in socket.url) as found:
            page.goto(url)
            page.get_by_role("button", name="Lead a class").click()
        with found.value.expect_event("framesent") as sent:
            pass
        code = urlsplit(found.value.url).query.partition("=")[2]
        return f"{code} {json.loads(sent.value)['lead']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--followers", type=int, nargs="*", default=[200])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path, help="write the figures there")
    # How this program starts its parts in processes of their own:
    parser.add_argument("--load", nargs=2, metavar=("URL", "FOLLOWERS"), help=argparse.SUPPRESS)
    parser.add_argument("--room", default="", help=argparse.SUPPRESS)
    parser.add_argument("--bare", type=int, metavar="PORT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        uvloop.run(copy_lines(args.bare))
        return
    if args.load:
        url, followers = args.load
        print(json.dumps(uvloop.run(load(url, int(followers), args.seconds, args.room))))
        return

    rows: list[dict[str, Any]] = []
    seconds = ["--seconds", str(args.seconds)]
    with server() as (url, pid):
        room = opened(url)
        for followers in args.followers:
            loaded = under_load("benchmarks.rooms", url, pid, followers, *seconds, "--room", room)
            rows.append({"what": f"{followers} followers", **loaded})
    with bare() as (url, pid):
        for followers in args.followers:
            loaded = under_load("benchmarks.rooms", url, pid, followers, *seconds)
            rows.append({"what": f"{followers} bare", **loaded})
    show(rows, "messages_per_second", args.json)


if __name__ == "__main__":
    main()
