"""The app in a process of its own, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.proxies import free_port
from benchmarks.served import CHROMIUM
from live.visitors import visitor_of
from ui.frame.navigation import SECTIONS
from vae_core.runs.jobs import new_run_path
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Locator,
        Page,
        ViewportSize,
    )

    Settle = Callable[[Page], None]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # The address bar's popups: renderers of their own, a second of a core for each page.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    # Each page is loaded anew: to optimise its scripts takes longer than they then save.
    "--js-flags=--no-maglev --no-opt",
    # No other host has an address; who asks for one gets an error on the console.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
START_SECONDS = 120  # a cold server on a busy machine
PATIENCE_MS = 60_000  # for whatever is waited for
VIEWPORT: ViewportSize = {"width": 1400, "height": 900}
# By protobuf's encoding: number of a field -> its value, or its bytes.
FIELDS_OF = """
const fieldsOf = (bytes) => {
    const fields = {};
    let at = 0;
    const varint = () => {
        let value = 0;
        for (let unit = 1; ; unit *= 128) {
            value += (bytes[at] & 127) * unit;
            if (bytes[at++] < 128) return value;
        }
    };
    while (at < bytes.length) {
        const tag = varint();
        const value = varint();
        fields[tag >> 3] = (tag & 7) === 2 ? bytes.subarray(at, (at += value)) : value;
    }
    return fields;
};
"""
# What is yet to come stands still: to draw it pulsing is half the work of showing a page. `unheard`
# is whether the page has told its script something and no run that began after it has ended; what a
# part says that is gone Streamlit answers with silence.
LISTEN = """
window.decodes = [];
addEventListener("zscape:decoded", (event) => decodes.push(event.detail));
{
    FIELDS_OF
    const known = new WeakSet();
    let begun = false, silence = 0;
    const heard = () => (window.unheard = false);
    const wait = () => {
        window.unheard = true;
        clearTimeout(silence);
    };
    const hear = ({ data }) => {
        const said = fieldsOf(new Uint8Array(data));
        if (NEW_SESSION in said) begun = true;
        if (said[SCRIPT_FINISHED] === FINISHED_EARLY_FOR_RERUN) {
            begun = false;
            wait();
        } else if (begun && SCRIPT_FINISHED in said) heard();
    };
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (...message) {
        if (this.url.includes("/_stcore/stream")) {
            if (!known.has(this)) {
                this.addEventListener("message", hear);
                this.addEventListener("close", heard);
            }
            known.add(this);
            const { RERUN_SCRIPT: asked } = fieldsOf(message[0]);
            const { FRAGMENT_ID: part, IS_AUTO_RERUN: byItself } = fieldsOf(asked ?? []);
            if (asked && !byItself) {
                begun = false;
                wait();
                if (part) silence = setTimeout(heard, 15_000);
            }
        }
        return send.apply(this, message);
    };
}
{
    const still = new CSSStyleSheet();
    still.replaceSync("[data-testid=stSkeleton] { animation: none !important; }");
    document.adoptedStyleSheets.push(still);
}
"""
LISTEN = LISTEN.replace("FIELDS_OF", FIELDS_OF)
for name, number in (
    ("NEW_SESSION", ForwardMsg.NEW_SESSION_FIELD_NUMBER),
    ("SCRIPT_FINISHED", ForwardMsg.SCRIPT_FINISHED_FIELD_NUMBER),
    ("FINISHED_EARLY_FOR_RERUN", ForwardMsg.FINISHED_EARLY_FOR_RERUN),
    ("FRAGMENT_ID", ClientState.FRAGMENT_ID_FIELD_NUMBER),
    ("IS_AUTO_RERUN", ClientState.IS_AUTO_RERUN_FIELD_NUMBER),
    ("RERUN_SCRIPT", BackMsg.RERUN_SCRIPT_FIELD_NUMBER),
):
    LISTEN = LISTEN.replace(name, str(number))
# Whether the script rests, and what it has said is drawn; no promise, which would be asked once.
RESTS = """() => {
    const coming = "[data-testid=stSkeleton], [data-testid=stAppSkeleton]";
    const app = document.querySelector("[data-testid=stApp]");
    if (!app || window.unheard || document.querySelector(coming)) {
        delete window.still;
        return false;
    }
    const draw = async (still) => {
        await Promise.allSettled([...(window.zscapeModules?.values() ?? [])]);
        for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
        await new Promise((go) => requestIdleCallback(go, { timeout: 200 }));
        still.drawn = true;
    };
    if (app.dataset.testScriptState !== "notRunning") return false;
    if (!window.still) draw((window.still = {}));
    return window.still.drawn && delete window.still;
}"""
FORGETFUL = """
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.web.cli import main
MemorySessionStorage.get = lambda self, session: None
main()
"""
TITLES = [title for pages in SECTIONS.values() for _, title, _, _ in pages]
FAILED = pytest.StashKey[bool]()
PAGE_FAILED = "Something went wrong on this page"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder and put it in the middle, where the second of two workers begins.

    A browser and its server keep two cores busy; two of them at once get in each other's way. After
    it come the library's tests alone: they bear the event loop that Playwright leaves running.
    """
    browser = [item for item in items if HERE in item.path.parents]
    for item in browser:
        item.add_marker("browser")
    browser = [*one_walk(browser), *(item for item in browser if not walks(item))]
    library = HERE.parent / "vae_core"
    others = [item for item in items if HERE not in item.path.parents]
    others.sort(key=lambda item: library in item.path.parents)
    middle = len(items) // 2
    items[:] = others[:middle] + browser + others[middle:]


def walks(item: pytest.Item) -> bool:
    return "turned" in getattr(item, "fixturenames", ())


def one_walk(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those that ask for `turned`, page by page; axe, which opens what is folded, comes last."""

    def place(item: pytest.Item) -> tuple[int, bool]:
        title = item.callspec.params["title"]  # type: ignore[attr-defined]
        return TITLES.index(title), item.path.stem == "test_axe"

    return sorted(filter(walks, items), key=place)


@dataclass(frozen=True)
class App:
    url: str  # without a slash at the end
    log: Path
    process: subprocess.Popen[bytes]


RUNNING: list[App] = []


@contextmanager
def running_app(
    folder: Path,
    port: int | None = None,
    *,
    forgetful: bool = False,
    script: Path = Path("app.py"),
    working_folder: Path = ROOT,
    before: Sequence[str] = (),
    **variables: str,
) -> Iterator[App]:
    """The app as `make run` starts it, on a free port or `port`; its log goes to `folder`.

    forgetful: a session ends with its connection, not two minutes later; before: a program that
    runs it, with its options; variables: of its environment, beside those of this process, without
    those that are empty.
    """
    port = port or free_port()
    log_file = folder / "app.log"
    streamlit = ["-c", FORGETFUL] if forgetful else ["-m", "streamlit"]
    command = [*before, sys.executable, *streamlit, "run", str(script)]
    environment = os.environ | variables
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--server.port={port}", "--server.address=127.0.0.1",
             "--server.headless=true"],
            cwd=working_folder,
            env={name: value for name, value in environment.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    app = App(f"http://127.0.0.1:{port}", log_file, process)
    RUNNING.append(app)
    try:
        wait_for_health(app)
        yield app
    finally:
        RUNNING.remove(app)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_health(app: App) -> None:
    deadline = time.monotonic() + START_SECONDS
    while app.process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the app did not come up:\n{app.log.read_text('utf-8')}", pytrace=False)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app that all browser tests share."""
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the app logged under a test that failed."""
    report = yield
    if report.failed and "browser" in item.keywords:
        item.stash[FAILED] = True
        for app in RUNNING:
            report.sections.append((f"Log of {app.url}", app.log.read_text("utf-8")[-8000:]))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; skips where it or Playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium-headless-shell")
    with playwright.sync_playwright() as started:
        playwright.expect.set_options(timeout=PATIENCE_MS)
        browser = started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def plane_script(browser: Browser, app: App) -> str:
    """The URL of the latent plane's plane.js, which its other modules stand beside."""
    with browser.new_page() as page:
        with page.expect_response("**/plane.js", timeout=1000 * START_SECONDS) as response:
            page.goto(app.url)
        wait_until_idle(page)
    return str(response.value.url)


@pytest.fixture(scope="session")
def app_url(plane_script: str, app: App) -> str:
    """Where the app is, warm: one page was shown, so torch and a model are loaded."""
    return app.url


@pytest.fixture
def call_module(page: Page, app_url: str, plane_script: str) -> Callable[..., Any]:
    """`call_module("way.js", "(way, a, b) => way.f(a, b)", a, b)`, without the app around it."""
    page.goto(f"{app_url}/_stcore/health")

    def call(module: str, function: str, *given: Any) -> Any:
        url = plane_script.replace("plane.js", module)
        return page.evaluate(
            f"async ([url, given]) => ({function})(await import(url), ...given)", [url, list(given)]
        )

    return call


@pytest.fixture(scope="session")
def settle() -> Settle:
    """`settle(page)` waits until the script rests and all is drawn, then refuses exceptions."""

    def wait(page: Page) -> None:
        wait_until_idle(page)
        failures = page.get_by_test_id("stException").or_(page.get_by_text(PAGE_FAILED))
        assert failures.all_inner_texts() == [], page.url

    return wait


def wait_until_idle(page: Page) -> None:
    # A page is computed and drawn; and each frame that is asked for is drawn.
    page.wait_for_function(RESTS, polling=50, timeout=3 * PATIENCE_MS)


@pytest.fixture(scope="session")
def turn_to() -> Callable[[Page, str], None]:
    """`turn_to(page, "Manifold")` by the menu at the top."""

    def turn(page: Page, title: str) -> None:
        (section,) = (s for s, pages in SECTIONS.items() if title in [p[1] for p in pages])
        page.get_by_test_id("stTopNavSection").filter(has_text=section).click()
        menu = page.get_by_test_id("stTopNavPopover")
        menu.get_by_role("menuitem", name=title, exact=True).click()
        menu.wait_for(state="detached")

    return turn


@pytest.fixture(scope="session")
def look_at(settle: Settle, turn_to: Callable[[Page, str], None]) -> Callable[..., None]:
    """`look_at(page, "Manifold", …)` turns to these pages, or to all: each must be whole."""

    def look(page: Page, *titles: str) -> None:
        for title in titles or TITLES:
            turn_to(page, title)
            settle(page)
            main = page.get_by_test_id("stMain")
            assert "BidiComponent" not in main.inner_text(), title
            assert main.get_by_test_id("stAlertContentError").all_inner_texts() == [], title
            has_menus(page)

    return look


# Canvases and drawings of a figure's size whose component has no menu to save them.
UNSAVED = """() => {
  const all = (root) => [...root.querySelectorAll("*")]
    .flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const figures = all(document.querySelector("[data-testid=stMain]"))
    .filter((e) => e.matches("canvas, svg, img"))
    .filter((e) => !e.closest(".katex, .js-plotly-plot, .ink, .prepared, .stDataFrame"))
    .filter((e) => e.clientWidth > 60 && e.clientHeight > 20);
  return figures.filter((e) => !e.getRootNode().querySelector?.(".save"))
    .map((e) => `${e.localName} ${e.dataset.testid ?? e.outerHTML.slice(0, 80)}`);
}"""


def has_menus(page: Page) -> None:
    """Waits until every figure that stands on the page has a menu that saves it."""
    try:
        page.wait_for_function(f"!({UNSAVED})().length", polling=100, timeout=PATIENCE_MS)
    except Exception as error:
        raise AssertionError(f"{page.url}: {page.evaluate(UNSAVED)}") from error


def saved(page: Page, menu: Locator, item: str) -> bytes:
    """What the browser keeps when this is chosen."""
    menu.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        menu.get_by_role("menuitem", name=item).click()
    return Path(download.value.path()).read_bytes()


@contextmanager
def new_context(browser: Browser, **settings: Any) -> Iterator[BrowserContext]:
    """A visitor: own cookies, own session. Its pages keep in `decodes` what is decoded."""
    with browser.new_context(**{"viewport": VIEWPORT, **settings}) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(LISTEN)
        yield context


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor beside that of `page`, whose console nobody reads."""
    with new_context(browser) as context:
        yield context


@pytest.fixture
def visitor(browser: Browser) -> Callable[..., AbstractContextManager[BrowserContext]]:
    """`with visitor(has_touch=True, …) as context`: another such visitor."""
    return partial(new_context, browser)


@dataclass
class Tab:
    """The tab of all tests that ask for `page`: a fresh one compiles Streamlit's scripts anew."""

    context: BrowserContext
    page: Page
    spent: bool = False  # by what cannot be taken back

    def renew(self) -> None:
        self.page.close()
        self.page = self.context.new_page()
        self.spent = False

    def clear(self) -> None:
        """As a visitor finds it who was never here."""
        page = self.page
        page.evaluate("origin === 'null' || [sessionStorage, localStorage].map((s) => s.clear())")
        page.unroute_all()
        page.goto("about:blank")
        page.set_viewport_size(VIEWPORT)
        page.emulate_media(color_scheme="light")
        page.mouse.move(0, 0)


@pytest.fixture(scope="session")
def tab(browser: Browser) -> Iterator[Tab]:
    with new_context(browser) as context:
        yield Tab(context, context.new_page())


@pytest.fixture
def console_errors() -> list[str]:
    """What the browser's console complained of; a test that provokes an error clears it."""
    return []


@contextmanager
def listened(page: Page, errors: list[str]) -> Iterator[None]:
    """Keeps what `page` complains of in the meantime."""
    listeners: dict[Any, Callable[[Any], object]] = {
        "console": lambda m: note(m, errors),
        "pageerror": lambda error: errors.append(str(error)),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    yield
    for event, listener in listeners.items():
        page.remove_listener(event, listener)


@pytest.fixture
def page(
    request: pytest.FixtureRequest, tab: Tab, app_url: str, console_errors: list[str]
) -> Iterator[Page]:
    """A visitor's page, 1400 x 900, that must neither log an error nor reach for another host."""
    with listened(tab.page, console_errors):
        yield tab.page
    failed = request.node.stash.get(FAILED, False)
    if failed:
        show_text(tab.page)
    if failed or tab.spent:
        tab.renew()
    else:
        tab.clear()
    tab.context.clear_cookies()
    assert console_errors == []


@pytest.fixture(scope="session")
def walker(browser: Browser) -> Iterator[Tab]:
    """The tab of all tests that ask for `turned`: to turn a page is half the work of loading it."""
    with new_context(browser) as context:
        yield Tab(context, context.new_page())


@pytest.fixture
def turned(
    request: pytest.FixtureRequest,
    walker: Tab,
    app_url: str,
    settle: Settle,
    turn_to: Callable[[Page, str], None],
    console_errors: list[str],
    title: str,
) -> Iterator[Page]:
    """A page that shows `title` as a visitor finds it who comes from another by the menu."""
    page = walker.page
    page.set_viewport_size(VIEWPORT)
    page.emulate_media(color_scheme="light")
    with listened(page, console_errors):
        if page.url == "about:blank":
            page.goto(f"{app_url}/?model=mnist-2d")
        if not page.title().startswith(f"{title} ·"):
            turn_to(page, title)
        settle(page)
        yield page
    if request.node.stash.get(FAILED, False):
        show_text(page)
        walker.renew()
    assert console_errors == []


@pytest.fixture
def route_web_socket(tab: Tab) -> Callable[..., None]:
    """`route_web_socket(url, handler)` of `page`, for this test: such a route stays with a tab."""
    tab.spent = True
    return tab.page.route_web_socket


def show_text(page: Page) -> None:
    """Print what a test that failed had before it; nothing where the page answers no more."""
    with suppress(Exception):
        print(page.url, page.locator("body").inner_text(timeout=5000)[:4000], sep="\n")


def note(message: ConsoleMessage, errors: list[str]) -> None:
    """Keep what is an error, and print all, which pytest shows of a test that fails."""
    print(message.type, message.text)
    if is_complaint(message):
        errors.append(message.text)


def is_complaint(message: ConsoleMessage) -> bool:
    # On /encoded, Streamlit's frontend first looks for its server under /encoded/_stcore.
    return message.type == "error" and "/_stcore/" not in message.location["url"]


@pytest.fixture
def own_run(page: Page, app_url: str, runs_root: Path) -> Callable[..., Run]:
    """`own_run(epochs=2, …)` trains on digits, at once and to the end, in the visitor's name."""

    def train(**settings: Any) -> Run:
        page.request.get(app_url)
        owner = visitor_of({c["name"]: c["value"] for c in page.context.cookies()})
        config = TrainConfig(hidden=(8,), batch_size=512, **settings)
        run = create_run(config, new_run_path(config, runs_root), owner)
        work(run)
        return run

    return train


@pytest.fixture
def wait_for_z(page: Page) -> Callable[[list[float | None]], None]:
    """Waits until the address says this z, to the three digits it gives; None stands for any."""

    def wait(z: list[float | None]) -> None:
        page.wait_for_function(
            """expected => {
                const text = new URLSearchParams(location.search).get("z") ?? "";
                const z = text.split(",").map(Number);
                return z.length === expected.length && expected.every(
                    (value, i) => value === null || Math.abs(value - z[i]) < 1e-3);
            }""",
            arg=z,
        )

    return wait
