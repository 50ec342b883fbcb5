"""Two servers of one folder of runs behind a real nginx, as docs/scale.md sets them up."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.proxies import Missing, free_port, nginx, program_of
from tests.browser.conftest import App, running_app
from tests.browser.places import SHIPPED
from vae_core.checkpoints.archives import zip_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    Settle = Callable[[Page], None]


# How often the script has come to rest on the page.
COUNT_RESTS = """
window.rests = 0;
new MutationObserver((changes) => changes.forEach(({ target }) => {
    if (target.dataset.testScriptState === "notRunning") window.rests += 1;
})).observe(document, { subtree: true, attributeFilter: ["data-test-script-state"] });
"""


class School:
    """The two servers, each of which can be killed and started again, and the proxy's URL."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        program_of("nginx")
        self.ports = free_port(), free_port()
        self.servers: list[tuple[App, ExitStack]] = [self.started(port) for port in self.ports]
        stack.callback(lambda: [one.close() for _, one in self.servers])
        shipped = "127.0.0.1:8501", "127.0.0.1:8502"
        changes = dict(zip(shipped, self.addresses, strict=True))
        self.url = stack.enter_context(nginx("nginx-servers.conf", folder, changes))

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self.ports]

    def started(self, port: int) -> tuple[App, ExitStack]:
        stack = ExitStack()
        (self.folder / str(port)).mkdir(exist_ok=True)
        return stack.enter_context(running_app(self.folder / str(port), port)), stack

    def kill(self, number: int) -> None:
        app, stack = self.servers[number]
        app.process.kill()
        stack.close()

    def start(self, number: int) -> None:
        self.servers[number] = self.started(self.ports[number])

    def sessions(self, number: int) -> int:
        metrics = fetched(f"http://{self.addresses[number]}/_stcore/metrics").decode()
        return int(metrics.partition("\nactive_sessions ")[2].split()[0])


@pytest.fixture(scope="module")
def school(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with ExitStack() as stack:
        try:
            school = School(tmp_path_factory.mktemp("school"), stack)
        except Missing as missing:
            pytest.skip(str(missing))
        yield school


@pytest.fixture
def visit(
    visitor: Callable[..., AbstractContextManager[BrowserContext]],
) -> Iterator[Callable[[], Page]]:
    """`visit()`: a page of another visitor's."""
    with ExitStack() as stack:

        def come() -> Page:
            context = stack.enter_context(visitor(ignore_https_errors=True))
            context.add_init_script(COUNT_RESTS)
            return context.new_page()

        yield come


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        data: bytes = answer.read()
    return data


def test_each_server_has_what_the_other_s_pages_show(
    school: School, visit: Callable[[], Page], settle: Settle, look_at: Callable[..., None]
) -> None:
    page, shown = visit(), set[str]()
    page.on("response", lambda response: shown.add(response.url))
    page.goto(f"{school.url}/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    look_at(page, "Encoded μ", "Manifold")
    paths = [url.removeprefix(school.url) for url in sorted(shown) if "/live/" in url]
    assert any("/live/blob/" in path for path in paths)
    assert any(path.endswith("/plane.js") for path in paths)
    for path in paths:
        one, other = (fetched(f"http://{address}{path}") for address in school.addresses)
        assert one == other, path


def test_a_room_is_followed_from_whichever_server(
    school: School, visit: Callable[[], Page], settle: Settle
) -> None:
    teacher = visit()
    teacher.goto(f"{school.url}/decode?model=digits-2d&z=0.500,-0.500")
    settle(teacher)
    teacher.get_by_test_id("stSidebar").get_by_role("button", name="Lead a class").click()
    link = teacher.get_by_role("dialog").locator(".link").inner_text()
    assert link.startswith(f"{school.url}/?room=")
    teacher.get_by_role("dialog").get_by_role("button", name="Close").click()
    code = link.rpartition("=")[2]
    students = [visit(), visit(), visit()]
    for student, url in zip(students, (school.url, *school.addresses), strict=True):
        student.goto(f"{url if '://' in url else 'http://' + url}/?room={code}")
        student.wait_for_url("**/decode?**z=0.500,-0.500**")
    teacher.get_by_text("3 follow").wait_for()
    step(teacher, "ArrowRight", [0.51, -0.5])
    for student in students:
        student.wait_for_url("**/decode?**z=0.510,-0.500**")


def test_a_killed_server_s_visitors_go_on_at_the_other_where_they_were(
    school: School, visit: Callable[[], Page], settle: Settle
) -> None:
    pages = [visit(), visit()]
    for k, page in enumerate(pages):
        page.goto(f"{school.url}/decode?model=digits-2d&z={k}.500,-0.500")
        settle(page)
        step(page, "ArrowRight", [k + 0.51, -0.5])
    while sum(map(school.sessions, (0, 1))) > len(pages):  # of visitors that were here before
        pages[0].wait_for_timeout(50)
    for page in pages:
        settle(page)
    killed = max((0, 1), key=school.sessions)
    lost, before = school.sessions(killed), rests(pages)
    school.kill(killed)
    while sum(map(int.__gt__, rests(pages), before)) < lost:
        pages[0].wait_for_timeout(50)
    for k, page in enumerate(pages):
        settle(page)
        step(page, "ArrowRight", [k + 0.52, -0.5])
    school.start(killed)
    for page in pages:  # the one whom the proxy asks first may not be the one that has the session
        upload(page, settle)


def rests(pages: list[Page]) -> list[int]:
    return [page.evaluate("rests") for page in pages]


def step(page: Page, key: str, z: list[float]) -> None:
    """Move the first slider and wait until the server has heard of it."""
    page.get_by_role("slider", name="z₁").press(key)
    page.wait_for_function(
        "z => new URLSearchParams(location.search).get('z') === z",
        arg=",".join(f"{value:.3f}" for value in z),
    )


def upload(page: Page, settle: Settle) -> None:
    page.get_by_role("button", name="Open a checkpoint").click()
    archive: Any = {
        "name": "model.zip",
        "mimeType": "application/zip",
        "buffer": zip_checkpoint(SHIPPED / "digits-2d"),
    }
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(archive)
    page.wait_for_url("**model=run:upload-**")
    settle(page)
