"""How much later a class sees what its teacher shows: pages, pointer, answers.

    python -m benchmarks.classes                        # 30 followers, two of them real browsers
    python -m benchmarks.classes --followers 2 --json class.json

The leader turns pages in Chromium; "press to heading" is how long it takes there. All else is
measured from when the new page's heading stands on the leader's screen, and a follower may be
before it: until the follower has the heading; until the browser's tab names page and model, which
stands in the sidebar by then; and until the page is whole, its script run to the end. Of a follower
in Chromium it is when that is on the screen, of a simulated one, which has a session of its own but
no screen, when it arrives. All share this machine with the server: a class has a machine for each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from benchmarks.served import chromium, cpu_seconds, quantiles, server, show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LESSON = "01-from-autoencoder"
# section and title, as the menu has them; each is turned to twice: a page comes quicker again
TURNS = [
    ("Explore", "Decode z"),
    ("Explore", "Manifold"),
    ("Explore", "Encoded μ"),
    ("Understand", "Density"),
] * 2
MOVES, MOVES_A_SECOND = 150, 30
PATIENCE_MS = 120_000
ARRIVALS = 2  # that come at once
OF_PLANES = {"layers", "off", "zoom", "z"}  # of an address, what a page takes up without a run
SEEN = {"heading": "heading", "title": "model", "whole": "whole page"}  # and how rows call it
RECORD = """
window.seen = { heading: [], title: [], whole: [] };
window.decoded = window.pressed = 0;
addEventListener("click", () => { pressed = Date.now(); }, true);
addEventListener("zscape:decoded", () => decoded++, true);
function see(kind, text) {
    if (text && text !== seen[kind].at(-1)?.[1]) seen[kind].push([Date.now(), text]);
}
new MutationObserver(() => {
    const text = document.querySelector("h1")?.textContent; // innerText lays out the page
    const app = document.querySelector("[data-testid=stApp]");
    see("heading", text);
    see("title", document.title.match(/^(.*) · .* · Zscape$/)?.[1]);
    if (app?.dataset.testScriptState === "notRunning") see("whole", text);
}).observe(document, { subtree: true, childList: true, characterData: true,
                       attributeFilter: ["data-test-script-state"] });
"""
MOMENT = "([kind, title, n]) => seen[kind].filter(([, text]) => text === title)[n]?.[0]"
Late = dict[str, float]  # milliseconds, by what is seen


class Follower:
    """A browser without a screen: the room's socket, and a session that is led by it."""

    def __init__(self, room: Any, session: Any, code: str) -> None:
        self.room, self.session, self.code = room, session, code
        self.seen: dict[str, list[tuple[float, str]]] = {kind: [] for kind in SEEN}
        self.points: list[float] = []
        self.pages: dict[str, str] = {}  # hashes by path
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
            if self.differs():
                await self.run(self.view, leads=True)

    def differs(self) -> bool:
        """Whether the view in the room is not what the session shows by itself by now."""
        (page, _, query), (before, _, last) = self.view.partition("?"), self.asked.partition("?")
        new, old = dict(parse_qsl(query)), dict(parse_qsl(last))
        named = old.keys() - OF_PLANES
        return page != before or any(new.get(name) != old[name] for name in named)

    async def run(self, view: str, *, leads: bool) -> None:
        """Ask for a run of the script from this view; `hear` says when it has ended."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState

        self.asked = view
        path, _, query = view.removeprefix("/").partition("?")
        asked = ClientState(
            query_string=f"{query}&room={self.code}",
            page_script_hash=self.pages.get(path, ""),
            is_history_navigation=leads,
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
    command = [sys.executable, "-m", "benchmarks.classes", "--load", url, code, str(number)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("The simulated followers did not come in.")
        yield process


def screen(browser: Browser) -> Page:
    """A visitor's page that notes its headings."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(RECORD)
    return context.new_page()


def turn_pages(
    leader: Page, followers: list[Page]
) -> tuple[list[tuple[str, float, list[Late]]], list[float]]:
    """Of each turn the heading, when the leader has it, and how much later each browser.

    And how much later than their press the leader has it: a follower may have it before.
    """
    turns: list[tuple[str, float, list[Late]]] = []
    waits: list[float] = []
    for k, (section, title) in enumerate(TURNS):
        leader.get_by_test_id("stTopNavSection").filter(has_text=section).click()
        menu = leader.get_by_test_id("stTopNavPopover")
        menu.get_by_role("menuitem", name=title, exact=True).click()
        n = [t for _, t in TURNS[:k]].count(title)
        at = moment(leader, "heading", title, n)
        waits.append(at - leader.evaluate("pressed"))
        late = [{kind: moment(page, kind, title, n) - at for kind in SEEN} for page in followers]
        turns.append((title, at, late))
        rest = '[data-testid="stApp"][data-test-script-state="notRunning"]'
        leader.locator(rest).wait_for()
        time.sleep(4)  # a teacher looks at what there is, and the class is there
    return turns, waits


def moment(page: Page, kind: str, title: str, n: int) -> float:
    """When this browser has seen that of the page, which is turned to for the nth time."""
    return float(page.wait_for_function(MOMENT, arg=[kind, title, n]).json_value())


def lateness(
    turns: list[tuple[str, float, list[Late]]], others: list[dict[str, Any]]
) -> dict[str, list[float]]:
    """Milliseconds after the leader's heading at which each follower had what, by their kind."""
    late: dict[str, list[float]] = {
        f"{name}, {kind}": [] for name in SEEN.values() for kind in ("Chromium", "simulated")
    }
    for title, at, behind in turns:
        for what, name in SEEN.items():
            late[f"{name}, Chromium"] += [of_browser[what] for of_browser in behind]
            for other in others:
                after = [moment - at for moment, text in other["seen"][what] if text == title]
                soonest = [ms for ms in after if ms > -3000]
                if not soonest:
                    raise SystemExit(f"{title} was not shown to all.")
                late[f"{name}, simulated"].append(min(soonest))
    return late


def point(leader: Page, followers: list[Page]) -> tuple[float, float, list[float]]:
    """Move over the plane: from when to when, and how many images a second each browser decodes."""
    plane = leader.get_by_test_id("latent-plane").first
    box = plane.bounding_box()
    assert box is not None
    before = [page.evaluate("decoded") for page in followers]
    begin = time.time()
    for k in range(MOVES):
        across = 0.25 + 0.5 * k / MOVES
        leader.mouse.move(box["x"] + across * box["width"], box["y"] + 0.6 * box["height"])
        time.sleep(max(0.0, begin + k / MOVES_A_SECOND - time.time()))
    end = time.time()
    after = [page.evaluate("decoded") for page in followers]
    rates = [(b - a) / (end - begin) for a, b in zip(before, after, strict=True)]
    return 1000 * begin, 1000 * end, rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--followers", type=int, default=30)
    parser.add_argument("--browsers", type=int, default=2, help="of them, as many in Chromium")
    parser.add_argument("--json", type=Path, help="write the figures there")
    # How this program starts its load in a process of its own:
    parser.add_argument(
        "--load", nargs=3, metavar=("URL", "CODE", "NUMBER"), help=argparse.SUPPRESS
    )
    args = parser.parse_args()
    if args.load:
        url, code, number = args.load
        asyncio.run(follow_all(url, code, int(number)))
        return
    if args.browsers >= args.followers:
        parser.error("one of the followers at least answers, and is not in Chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    alone = args.followers - args.browsers
    with server() as (url, pid), sync_playwright() as playwright, chromium(playwright) as browser:
        leader = screen(browser)
        leader.goto(f"{url}/?model=mnist-2d")
        leader.get_by_role("button", name="Lead a class").click()
        link = leader.get_by_role("dialog").locator(".link").inner_text()
        leader.get_by_role("dialog").get_by_role("button", name="Close").click()
        screens = [screen(browser) for _ in range(args.browsers)]
        for page in screens:
            page.goto(link)
            page.get_by_test_id("latent-plane").first.wait_for()
        with simulated(url, link.partition("room=")[2], alone) as process:
            bar = leader.get_by_test_id("room")
            expect(bar).to_contain_text(f"{args.followers} follow")
            for page in screens:
                page.wait_for_function("decoded > 0")
            cpu, start = cpu_seconds(pid), time.perf_counter()
            turns, waits = turn_pages(leader, screens)
            share = (cpu_seconds(pid) - cpu) / (time.perf_counter() - start)
            begin, end, rates = point(leader, screens)
            asked = time.perf_counter()
            leader.evaluate(
                """address => {
                    history.pushState(history.state, "", address);
                    dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
                }""",
                f"/decode?model=mnist-2d&lesson={LESSON}&step=1",
            )
            answers = leader.get_by_test_id("room-answers")
            expect(answers).to_contain_text(f"Step 1: {alone} answer")
            counted = time.perf_counter() - asked
            seen, _ = process.communicate()
    others = json.loads(seen)
    rows: list[dict[str, Any]] = [
        {
            "what": name,
            "pages": len(TURNS),
            "server_cores": share,
            **quantiles(ms),
        }
        for name, ms in {"press to heading": waits, **lateness(turns, others)}.items()
        if ms
    ]
    show(rows, "pages", args.json, followers=args.followers)
    points = [sum(begin <= p <= end for p in other["points"]) for other in others]
    seconds = (end - begin) / 1000
    print(f"pointer: {min(points, default=0) / seconds:.0f} places a second reach the slowest,")
    print(
        f"and {', '.join(f'{rate:.0f}' for rate in rates)} images a second are decoded in Chromium"
    )
    print(f"answers: {alone} counted {counted:.1f} s after the step was opened")


if __name__ == "__main__":
    main()
