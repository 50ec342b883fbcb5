"""Simulated followers of a room, as `benchmarks.classes` starts them in a process of their own.

    python -m benchmarks.followers URL CODE NUMBER

Each has the room's socket and a session that is led by it, and answers what a lesson asks. "ready"
is printed when all are there, and what they saw, as JSON, once the input ends.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

ARRIVALS = 2  # that come at once
OF_PLANES = {"layers", "off", "zoom", "z"}  # of an address, what a page takes up without a run
OF_FRAGMENTS = {"step": 0, "selected": -1}  # … by one of a fragment: which of the page's that is
SEEN = {"heading": "heading", "title": "model", "whole": "whole page"}  # and how rows call it


class Follower:
    """A browser without a screen: the room's socket, and a session that is led by it."""

    def __init__(self, room: Any, session: Any, code: str) -> None:
        self.room, self.session, self.code = room, session, code
        self.seen: dict[str, list[tuple[float, str]]] = {kind: [] for kind in SEEN}
        self.points: list[float] = []
        self.pages: dict[str, str] = {}  # hashes by path
        self.fragments: list[str] = []  # of the page, in their order
        self.asked = self.view = ""
        self.idle = asyncio.Event()
        self.told = asyncio.Event()

    async def listen(self) -> None:
        """To the room."""
        await self.room.send('{"follow":true}')
        async for text in self.room:
            said = json.loads(text)
            if "point" in said:
                self.points.append(1000 * time.time())
            elif "view" in said:
                self.view = said["view"]
                self.told.set()
                query = dict(parse_qsl(self.view.partition("?")[2]))
                if "lesson" in query:
                    answer = {"lesson": query["lesson"], "step": int(query["step"]), "choice": "A"}
                    await self.room.send(json.dumps({"answer": answer}))

    async def follow(self) -> None:
        """Ask for the newest view, once the last run has ended, as a follower's browser does."""
        while True:
            await self.told.wait()
            await self.idle.wait()
            self.told.clear()
            differs = self.differs()
            if differs <= OF_FRAGMENTS.keys():
                for name in differs:
                    part = self.fragments[OF_FRAGMENTS[name]]
                    await self.run(self.view, leads=False, part=part)
            elif differs:
                await self.run(self.view, leads=True)

    def differs(self) -> set[str]:
        """What the view in the room says and the session does not show by itself by now."""
        (page, _, query), (before, _, last) = self.view.partition("?"), self.asked.partition("?")
        new, old = dict(parse_qsl(query)), dict(parse_qsl(last))
        if page != before:
            return {"page"}
        named = (old.keys() | OF_FRAGMENTS.keys() | {"lesson"}) - OF_PLANES
        return {name for name in named if new.get(name) != old.get(name)}

    async def run(self, view: str, *, leads: bool, part: str = "") -> None:
        """Ask for a run of the script from this view; `hear` says when it has ended.

        part: of this fragment alone.
        """
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState

        self.asked = view
        if not part:
            self.fragments.clear()
        path, _, query = view.removeprefix("/").partition("?")
        asked = ClientState(
            query_string=f"{query}&room={self.code}",
            page_script_hash=self.pages.get(path, ""),
            is_history_navigation=leads,
            fragment_id=part,
        )
        self.idle.clear()
        await self.session.send(BackMsg(rerun_script=asked).SerializeToString())

    async def hear(self) -> None:
        """What the session sends."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        async for data in self.session:
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "navigation":
                pages = message.navigation.app_pages
                self.pages = {page.url_pathname: page.page_script_hash for page in pages}
                for page in pages:
                    if page.is_default:
                        self.pages[""] = page.page_script_hash
            elif kind == "delta":
                part = message.delta.fragment_id
                if part and part not in self.fragments:
                    self.fragments.append(part)
                element = message.delta.new_element
                if element.WhichOneof("type") == "heading" and element.heading.tag == "h1":
                    self.see("heading", element.heading.body)
            elif kind == "page_config_changed":
                title, *rest = message.page_config_changed.title.split(" · ")
                if rest:  # of the model, and Zscape
                    self.see("title", title)
            elif kind == "script_finished":
                if self.seen["heading"]:
                    self.see("whole", self.seen["heading"][-1][1])
                self.idle.set()

    def see(self, kind: str, text: str) -> None:
        self.seen[kind].append((1000 * time.time(), text))


async def follow_all(url: str, code: str, number: int) -> None:
    """Simulated followers; what they saw is printed once the input ends."""
    from websockets.asyncio.client import connect

    site = url.replace("http", "ws", 1)
    followers: list[Follower] = []
    tasks: list[asyncio.Task[None]] = []
    for _ in range(number):
        session = await connect(f"{site}/_stcore/stream", subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        room = await connect(f"{site}/live/room?code={code}", origin=url)  # type: ignore[arg-type]
        follower = Follower(room, session, code)
        followers.append(follower)
        tasks += [asyncio.create_task(f()) for f in (follower.hear, follower.listen)]
        await follower.run("/", leads=False)
        if len(followers) % ARRIVALS == 0:
            await follower.idle.wait()
    for follower in followers:
        await follower.idle.wait()
        tasks.append(asyncio.create_task(follower.follow()))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    failed = [e for e in await asyncio.gather(*tasks, return_exceptions=True) if e is not None]
    assert all(isinstance(e, asyncio.CancelledError) for e in failed), failed
    print(json.dumps([{"seen": f.seen, "points": f.points} for f in followers]))


@contextmanager
def simulated(url: str, code: str, number: int) -> Iterator[subprocess.Popen[str]]:
    """Followers in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.followers", url, code, str(number)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("The simulated followers did not come in.")
        yield process


if __name__ == "__main__":
    asyncio.run(follow_all(sys.argv[1], sys.argv[2], int(sys.argv[3])))
