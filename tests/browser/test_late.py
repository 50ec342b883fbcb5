"""What comes late to a component: by what Streamlit calls for it, without the app around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import ui.components.image_grid

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

BOOTSTRAP = Path(ui.components.__file__).with_name("bootstrap.js")
CONSTANTS = 'const ENTRY = "marks.js"; const FILES = []; const SAVE = ""; const PLOTLY = "";\n'
MARKS = """export function mount({ parentElement, data }) {
    parentElement.textContent = `${data.own} at ${data.marker}`;
    return () => {};
}"""
# A place in the page, and a call for it as Streamlit makes one.
BEGIN = """async () => {
    window.component = (await import("/film/bootstrap.js")).default;
    window.zscapeFilms.set("run", 1);
    window.place = document.body.appendChild(document.createElement("div"));
    window.shown = (own) => component({
        parentElement: place,
        data: [{ own, assets: "film", film: { name: "run", url: `film/${own}.json` } }],
    });
}"""

# A grid of two tiles is asked for, and once more with the other one chosen.
GRID = """async () => {
    const { Grid } = await import("/grid/grid.js");
    const picture = Object.assign(document.createElement("canvas"), { width: 2, height: 1 });
    const url = picture.toDataURL();
    const grid = new Grid(document.body);
    const update = (selected) => grid.update({
        data: { url, rows: 1, columns: 2, minTile: 56, maxTile: 112, gap: 4, alt: "", selected },
    }, location.href);
    await Promise.all([update(0), update(1)]);
    return grid.selected;
}"""


def serve(page: Page, app_url: str, first: Callable[[Route], object]) -> None:
    """Serve the script and what it asks for; `first` answers who asks for frames at first."""
    answers = [first]

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name == "bootstrap.js":
            script = CONSTANTS + BOOTSTRAP.read_text("utf-8")
            route.fulfill(body=script, content_type="text/javascript")
        elif name == "marks.js":
            route.fulfill(body=MARKS, content_type="text/javascript")
        elif answers:
            answers.pop()(route)
        else:
            route.fulfill(body='[{"marker": 0}, {"marker": 1}]')

    page.route("**/film/*", answer)
    page.goto(f"{app_url}/_stcore/health")
    page.evaluate(BEGIN)


def test_frames_that_come_late_do_not_take_the_place_of_newer_ones(
    page: Page, app_url: str
) -> None:
    held: list[Route] = []
    serve(page, app_url, held.append)
    page.evaluate("() => { window.late = shown('late'); }")
    page.evaluate("shown('new')")
    assert page.evaluate("place.textContent") == "new at 1"
    held[0].fulfill(body='[{"marker": "nothing"}, {"marker": "late"}]')
    page.evaluate("late")
    assert page.evaluate("place.textContent") == "new at 1"


def test_frames_that_did_not_come_are_asked_for_again(page: Page, app_url: str) -> None:
    serve(page, app_url, lambda route: route.fulfill(body="no JSON"))
    assert page.evaluate("shown('own').catch((failure) => failure.name)") == "SyntaxError"
    page.evaluate(
        """() => {
            zscapeFilms.set("run", 0);
            dispatchEvent(new CustomEvent("zscape:film", { detail: "run" }));
        }"""
    )
    page.wait_for_function("place.textContent === 'own at 0'")


def test_a_grid_whose_picture_comes_late_is_as_it_was_asked_for_last(
    page: Page, app_url: str
) -> None:
    folder = Path(ui.components.image_grid.__file__).with_name("assets")
    page.route(
        "**/grid/*", lambda route: route.fulfill(path=folder / route.request.url.rpartition("/")[2])
    )
    page.goto(f"{app_url}/_stcore/health")
    assert page.evaluate(GRID) == 1
