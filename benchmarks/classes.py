"""How much later a class sees what its teacher shows: pages and all else, pointer, answers.

    python -m benchmarks.classes                        # 30 followers, two of them real browsers
    python -m benchmarks.classes --followers 3 --pause 2 --acts step selection --json class.json

The leader acts in Chromium: turns a page, chooses a model, switches a layer of the plane, draws a
lasso around points, moves a training's film by a frame, turns a lesson's step. "press to heading"
is how long it takes until the leader's own screen shows it, "heading from press" until a follower's
in Chromium does. All else is measured from when the leader has it, and a follower may be before it.
Of a page that is until the follower has the heading; until the browser's tab names page and model,
which stands in the sidebar by then; and until the page is whole, its script run to the end. A model
is seen in the tab's name, a layer by its button, a selection by the heading of its images.

Of a follower in Chromium it is when that is on the screen, of a simulated one, which has a session
of its own but no screen, when it arrives; those tell of pages alone. All share this machine with
the server: a class has a machine for each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from benchmarks.followers import SEEN, simulated
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
MODELS = ("fashion-2d", "mnist-2d") * 2
TIMES = 4  # that all else is done
MOVES, MOVES_A_SECOND = 150, 30
IDLE_CORES = 0.2
PATIENCE_MS = 120_000
RECORD = """
window.seen = {};
window.decoded = window.pressed = 0;
for (const press of ["pointerup", "keydown"]) {
    addEventListener(press, () => { pressed = Date.now(); }, true);
}
addEventListener("zscape:decoded", () => decoded++, true);
function see(kind, text) {
    const before = (seen[kind] ??= []);
    if (text && text !== before.at(-1)?.[1]) before.push([Date.now(), text]);
}
const roots = [document];
function all(selector) {
    const found = roots.flatMap((root) => [...root.querySelectorAll(selector)]);
    return found.filter((each) => each.isConnected)
        .map((each) => each.textContent); // innerText lays out the page
}
const observer = new MutationObserver(() => {
    const [text] = all("h1");
    const app = document.querySelector("[data-testid=stApp]");
    const [, title, model] = document.title.match(/^(.*) · (.*) · Zscape$/) ?? [];
    see("heading", text);
    see("title", title);
    if (app?.dataset.testScriptState === "notRunning") see("whole", text);
    see("new model", model);
    see("layers", all("[aria-label=Layers] [aria-pressed=true]").join() || "none");
    see("selection", all("h2").find((heading) => heading.endsWith(" selected")));
    see("frame", all("[data-testid=epoch-scrubber] ~ output")[0]);
    see("step", all(".st-key-lesson .steps span")[0]);
});
const changes = { subtree: true, childList: true, characterData: true,
                  attributeFilter: ["data-test-script-state", "aria-pressed"] };
observer.observe(document, changes);
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (...how) {
    const root = attach.apply(this, how);
    observer.observe(root, changes);
    roots.push(root);
    return root;
};
"""
MOMENT = """([kind, text, pressed]) => seen[kind]?.find(
    ([at, seen]) => at >= pressed && (seen === text || text === null))"""
RESTS = '[data-testid="stApp"][data-test-script-state="notRunning"]'
Late = dict[str, float]  # milliseconds, by what is seen


@dataclass(frozen=True)
class Act:
    """What a leader does.

    kinds: of what is then seen, the first of which says that it is done; do: does it for the kth
    time, of `times`; address: where.
    """

    kinds: tuple[str, ...]
    do: Callable[[Page, int], object]
    times: int = TIMES
    address: str = ""


@dataclass(frozen=True)
class Done:
    """An act, done: what is seen then, when it was pressed and when the leader's screen showed it.

    late: how much later each follower's browser shows it.
    """

    act: Act
    text: str
    pressed: float
    at: float
    late: list[Late]


def screen(browser: Browser) -> Page:
    """A visitor's page that notes its headings."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(RECORD)
    return context.new_page()


def acts(run: str) -> dict[str, Act]:
    """What a leader does, by name. run: the token of a training that has ended."""
    return {
        "page": Act(tuple(SEEN), turn_page, len(TURNS)),
        "model": Act(("new model",), choose_model, len(MODELS), "/decode?model=mnist-2d"),
        "layers": Act(("layers",), switch_layer, address="/?model=mnist-2d"),
        "selection": Act(("selection",), select_points, address="/encoded?model=mnist-2d"),
        "frame": Act(("frame",), turn_frame, address=f"/train?run={run}&epoch=0"),
        "step": Act(("step",), turn_step, address=f"/decode?model=mnist-2d&lesson={LESSON}&step=1"),
    }


def turn_page(leader: Page, k: int) -> None:
    section, title = TURNS[k]
    leader.get_by_test_id("stTopNavSection").filter(has_text=section).click()
    menu = leader.get_by_test_id("stTopNavPopover")
    menu.get_by_role("menuitem", name=title, exact=True).click()


def choose_model(leader: Page, k: int) -> None:
    leader.get_by_role("combobox", name="Model").click()
    leader.get_by_role("option", name=MODELS[k], exact=True).click()


def switch_layer(leader: Page, _k: int) -> None:
    layers = leader.get_by_role("group", name="Layers")
    layers.get_by_role("button", name="Manifold").click()


def select_points(leader: Page, k: int) -> None:
    box = leader.get_by_test_id("latent-plane").bounding_box()
    assert box is not None
    left, right = 0.4, 0.42 + 0.01 * k  # no more points than an address names
    for n, (x, y) in enumerate([(left, 0.6), (right, 0.6), (right, 0.65), (left, 0.65)]):
        leader.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if n == 0:
            leader.mouse.down()
    leader.mouse.up()


def turn_frame(leader: Page, _k: int) -> None:
    leader.get_by_test_id("epoch-scrubber").press("ArrowRight")


def turn_step(leader: Page, _k: int) -> None:
    leader.get_by_role("button", name="Next", exact=True).click()


def perform(act: Act, leader: Page, followers: list[Page], pause: float) -> list[Done]:
    """Have the leader do it; for `pause` seconds before, a teacher looks at what there is."""
    if act.address:
        leader.goto(urljoin(leader.url, act.address))
    done = []
    for k in range(act.times):
        time.sleep(pause)  # the class is there
        for page in (leader, *followers):
            page.locator(RESTS).wait_for()
        act.do(leader, k)
        pressed = leader.evaluate("pressed")
        first, *_ = act.kinds
        at, text = moment(leader, first, None, pressed)
        late = [
            {kind: moment(page, kind, text, pressed)[0] - at for kind in act.kinds}
            for page in followers
        ]
        done.append(Done(act, text, pressed, at, late))
    return done


def go(leader: Page, address: str) -> None:
    """Turn to an address as the browser's way back does."""
    leader.evaluate(
        """address => {
            history.pushState(history.state, "", address);
            dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
        }""",
        address,
    )


def moment(page: Page, kind: str, text: str | None, pressed: float) -> tuple[float, str]:
    """When this browser has seen that, or whatever is new of this kind, and what it was."""
    at, seen = page.wait_for_function(MOMENT, arg=[kind, text, pressed]).json_value()
    return float(at), str(seen)


def lateness(done: list[Done], others: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds by what they are of: the leader's wait, how much later each follower had it."""
    late: dict[str, list[float]] = defaultdict(list)
    for each in done:
        first, *_ = each.act.kinds
        name = SEEN.get(first, first)
        late[f"press to {name}"].append(each.at - each.pressed)
        late[f"{name} from press"] += [each.at - each.pressed + of[first] for of in each.late]
        for kind in each.act.kinds:
            name = SEEN.get(kind, kind)
            late[f"{name}, Chromium"] += [of[kind] for of in each.late]
            for other in others if kind in SEEN else ():
                after = [at - each.at for at, text in other["seen"][kind] if text == each.text]
                soonest = [ms for ms in after if ms > -3000]
                if not soonest:
                    raise SystemExit(f"{each.text} was not shown to all.")
                late[f"{name}, simulated"].append(min(soonest))
    return late


def train(root: Path) -> str:
    """A short training of digits below `root`; gives its token."""
    from vae_core.runs.jobs import new_run_path
    from vae_core.runs.run import create_run
    from vae_core.runs.trainer import work
    from vae_core.training.config import TrainConfig

    config = TrainConfig(hidden=(8,), batch_size=512, epochs=TIMES)
    run = create_run(config, new_run_path(config, root))
    work(run)
    return run.token


def until_idle(pid: int) -> None:
    """Wait until the server does little: by then the pages of all followers are whole."""
    used = 1.0
    while used > IDLE_CORES:
        before = cpu_seconds(pid)
        time.sleep(1)
        used = cpu_seconds(pid) - before


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
    parser.add_argument("--acts", nargs="+", choices=acts(""), default=list(acts("")))
    parser.add_argument("--pause", type=float, default=4.0, help="seconds before each act")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    if args.browsers >= args.followers:
        parser.error("one of the followers at least answers, and is not in Chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    alone = args.followers - args.browsers
    with (
        tempfile.TemporaryDirectory() as runs,
        server(ZSCAPE_RUNS=runs) as (url, pid),
        sync_playwright() as playwright,
        chromium(playwright) as browser,
    ):
        known = acts(train(Path(runs)) if "frame" in args.acts else "")
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
            done = [
                each
                for name in args.acts
                for each in perform(known[name], leader, screens, args.pause)
            ]
            share = (cpu_seconds(pid) - cpu) / (time.perf_counter() - start)
            go(leader, "/density?model=mnist-2d")
            time.sleep(args.pause)
            until_idle(pid)
            begin, end, rates = point(leader, screens)
            asked = time.perf_counter()
            go(leader, f"/decode?model=mnist-2d&lesson={LESSON}&step=1")
            answers = leader.get_by_test_id("room-answers")
            expect(answers).to_contain_text(f"Step 1: {alone} answer")
            counted = time.perf_counter() - asked
            seen, _ = process.communicate()
    others = json.loads(seen)
    rows: list[dict[str, Any]] = [
        {"what": name, "times": len(ms), "server_cores": share, **quantiles(ms)}
        for name, ms in lateness(done, others).items()
        if ms
    ]
    show(rows, "times", args.json, per="times", followers=args.followers)
    points = [sum(begin <= p <= end for p in other["points"]) for other in others]
    seconds = (end - begin) / 1000
    print(f"pointer: {min(points, default=0) / seconds:.0f} places a second reach the slowest,")
    print(
        f"and {', '.join(f'{rate:.0f}' for rate in rates)} images a second are decoded in Chromium"
    )
    print(f"answers: {alone} counted {counted:.1f} s after the step was opened")


if __name__ == "__main__":
    main()
