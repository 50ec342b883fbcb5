"""Every page in Debian's Firefox: it opens, its plane is dragged, and a training ends.

    python -m benchmarks.firefox

Firefox is driven by WebDriver BiDi, which it speaks itself: neither geckodriver nor Playwright's
own build is wanted. Prints a line a page and ends with 1 where one does not stand.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from websockets.sync.client import ClientConnection, connect

from benchmarks.proxies import program_of
from benchmarks.served import server
from ui.frame.navigation import SECTIONS

PATIENCE = 120.0  # seconds
WITHOUT_PLANE = {
    "lessons",
    "train",
    "runs",
    "marginal",
    "kl",
    "factors",
    "anomalies",
    "compression",
}
# What a link must say so that a drag from the middle of the plane moves something.
LINKS = {"encoded": "&pointer=cursor", "interpolate": "&a=-1,0&b=1,0"}
SETTLED = """
    document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    && !document.querySelector('[data-testid=stSkeleton], [data-testid=stAppSkeleton]')
    && document.querySelector('h1')
"""
FAULTS = """
    JSON.stringify([...document.querySelectorAll(
        '[data-testid=stException], [data-testid=stAlertContentError]')].map(e => e.innerText)
    .concat(document.body?.innerText.match('BidiComponent Error') ?? []))
"""
# Components stand in shadow trees, which querySelector does not enter.
LISTEN = """() => {
    window.decodes = 0;
    addEventListener('zscape:decoded', () => window.decodes += 1);
    window.part = (testid, root = document) => {
        const found = root.querySelector(`[data-testid="${testid}"]`);
        if (found) return found;
        for (const { shadowRoot } of root.querySelectorAll('*')) {
            const inside = shadowRoot && part(testid, shadowRoot);
            if (inside) return inside;
        }
    };
}"""


class Firefox:
    """A tab of a headless Firefox."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.number = socket, 0
        self.ask("session.new", capabilities={})
        self.tab = self.ask("browsingContext.getTree")["contexts"][0]["context"]
        self.ask(
            "browsingContext.setViewport", context=self.tab, viewport={"width": 1400, "height": 900}
        )
        self.ask("script.addPreloadScript", functionDeclaration=LISTEN)

    def ask(self, method: str, **params: Any) -> Any:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=PATIENCE))
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['message']}")
                return answer["result"]

    def go(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives: a string, a number or a truth value."""
        answer = self.ask(
            "script.evaluate",
            expression=expression,
            target={"context": self.tab},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.value(f"Boolean({expression})"):
            if time.monotonic() > end:
                raise RuntimeError(f"It never came about: {' '.join(expression.split())}")
            time.sleep(0.1)

    def drag(self, testid: str) -> None:
        """Press in the middle of a part of the page, go three quarters of a circle, let go."""
        box = json.loads(
            self.value(
                f"(() => {{ const e = part('{testid}');"
                " e.scrollIntoView({ block: 'center' }); return JSON.stringify("
                "e.getBoundingClientRect()); })()"
            )
        )
        x, y = int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2)
        turns = [2 * math.pi * k / 16 for k in range(13)]
        moves = [
            {
                "type": "pointerMove",
                "x": x + round(40 * math.sin(turn)),
                "y": y + round(40 * (1 - math.cos(turn))),
                "duration": 30,
            }
            for turn in turns
        ]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:]]
        mouse = {
            "type": "pointer",
            "id": "mouse",
            "actions": [*actions, {"type": "pointerUp", "button": 0}],
        }
        self.ask("input.performActions", context=self.tab, actions=[mouse])


@contextmanager
def firefox() -> Iterator[Firefox]:
    program = program_of("firefox-esr")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", profile,
             "--remote-debugging-port=0", "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                    break
            else:
                raise RuntimeError("Firefox did not come up.")
            with connect(f"{found[1]}/session", max_size=None) as socket:
                yield Firefox(socket)
        finally:
            process.terminate()
            process.wait()


def main() -> int:
    faulty = 0
    with (
        tempfile.TemporaryDirectory() as runs,
        server(ZSCAPE_RUNS=runs) as (url, _),
        firefox() as tab,
    ):

        def attempt(what: str, does: str, *steps: Callable[[], str]) -> None:
            nonlocal faulty
            said = next(filter(None, (step() for step in steps)), "")
            faulty += bool(said)
            print(f"{what:16} {said or does}", flush=True)

        for _, title, _, path in [page for pages in SECTIONS.values() for page in pages]:
            link = f"{url}/{path}?model=digits-2d{LINKS.get(path, '')}"
            look = partial(_look, tab, link)
            if path in WITHOUT_PLANE:
                attempt(title, "opens", look)
            else:
                attempt(title, "opens and drags", look, partial(_drag, tab))
        look = partial(_look, tab, f"{url}/encoded?model=digits-2d")
        attempt("a selection", "works", look, partial(_select, tab))
        attempt(
            "a training",
            "works",
            partial(_look, tab, f"{url}/train?epochs=2"),
            partial(_train, tab),
        )
    return 1 if faulty else 0


def _look(tab: Firefox, url: str) -> str:
    tab.go(url)
    return _whole(tab)


def _drag(tab: Firefox) -> str:
    """The image follows while the pointer moves, and the address says where it was let go."""
    if said := _comes(tab, "part('latent-plane') && decodes > 0"):
        return said
    before = tab.value("decodes")
    at_first = tab.value("location.search")
    tab.drag("latent-plane")
    moved = f"decodes > {before + 3} && location.search !== {json.dumps(at_first)}"
    return _comes(tab, moved) or _whole(tab)


def _select(tab: Firefox) -> str:
    if said := _comes(tab, "part('latent-plane') && decodes > 0"):
        return said
    tab.drag("latent-plane")
    return _comes(tab, "new URL(location.href).searchParams.get('selected')") or _whole(tab)


def _train(tab: Firefox) -> str:
    if said := _comes(tab, "part('start-training')"):
        return said
    tab.value("part('start-training').click()")
    explore = "[...document.querySelectorAll('a')].some(a => a.innerText.includes('Explore this'))"
    return _comes(tab, explore) or _whole(tab)


def _whole(tab: Firefox) -> str:
    """What the page complains of once it rests; empty where it is whole."""
    return _comes(tab, SETTLED) or "; ".join(json.loads(tab.value(FAULTS)))


def _comes(tab: Firefox, expression: str) -> str:
    """Waits until an expression is true; what is said where it never is."""
    try:
        tab.wait(expression)
    except RuntimeError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
