"""A lesson is opened, walked over pages and answered; what was done is kept in the browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from live.models import open_model
from tests.browser.conftest import VIEWPORT, App, running_app, wait_until_idle
from ui.lessons.answers import told_at

pytestmark = pytest.mark.browser

LESSON = """---
title: Three pages
minutes: 3
topics: [tests]
needs: [tour]
---
What it asks.

## First
Prose with $z$.

[Look at the plane](/?model=digits-2d)

```task
kind: choose
question: Which one?
options:
  - text: the first
    reason: It is not the first.
  - text: the second
    right: true
    reason: It is the second.
```

## Second

[Look at the sliders](/decode?model=digits-2d&z=0.500,-0.250)

```task
kind: number
question: How much is two and two?
answer: 4
tolerance: 0.1
reason: Count them.
wrong: Take your fingers.
```

## Third

[Look at the map](/manifold?model=digits-2d&side=9)

```task
kind: place
question: Find a place.
model: digits-2d
class: "{place}"
at_least: 0
reason: That is it.
```

### Answer
Behind the fold.

## Fourth
```task
kind: reach
question: Train.
dataset: digits
figure: loss
at_most: 1
reason: Well done.
```
"""
PART = """---
title: A part of a page
minutes: 1
---
## Samples
[Look at draws](/?model=digits-2d&seed=3#samples)
## The plane
[Look at the plane](/?model=digits-2d&seed=3)
## A fold
[Look at the notebooks](/train?model=digits-2d#write-it-yourself)
"""
HOSTILE = """---
title: <b id=evil>bold</b> <script>window.evil = 1</script>
minutes: 3
topics: ["<i class=evil>x</i>", ":red[x]"]
---
<style>body { display: none }</style>
<img class=evil src=x onerror="window.evil = 1">

## <u class=evil>Heading</u> ![x](https://evil.example/a.png)
<script>window.evil = 1</script> <iframe class=evil src="https://evil.example"></iframe>

[a](javascript:window.evil=1) [b](//evil.example) [c](https://evil.example) <https://evil.example>

![picture](https://evil.example/p.png) :material/home: https://evil.example

| <s class=evil>cell</s> |
| --- |
| ![x](https://evil.example/t.png) |

[<b class=evil>Look</b>](/?model=digits-2d&z=%22%3E%3Cb%20class%3Devil%3E)

```task
kind: choose
question: "<b class=evil>Which?</b>"
options:
  - text: "<b class=evil>one</b> ![x](https://evil.example/o.png)"
    right: true
    reason: "<b class=evil>because</b> [c](https://evil.example)"
  - text: "[two](https://evil.example)"
    reason: no
```

### Answer
<object class=evil data=x></object>
"""
DONE = "JSON.parse(localStorage['zscape-lessons'] ?? '{}')"  # lesson by lesson
EVIL = """() => {
  const all = (root) => [...root.querySelectorAll("*")]
    .flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const column = document.querySelector(".st-key-lesson");
  return [
    ...all(document).filter((e) => e.id === "evil" || e.classList?.contains("evil")),
    ...all(document).filter((e) => /^(https?:)?[/][/]evil/.test(e.href ?? e.src ?? "")),
    ...(column ? all(column).filter((e) => e.matches("img, iframe, object, script")) : []),
  ].map((e) => e.outerHTML.slice(0, 100)).concat(window.evil ? ["it ran"] : []);
}"""


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with a teacher's folder of lessons: one to walk, a hostile one, a broken one."""
    folder: Path = tmp_path_factory.mktemp("lessons")
    (folder / "three-pages.md").write_text(LESSON.replace("{place}", "1"))
    (folder / "part.md").write_text(PART)
    (folder / "hostile.md").write_text(HOSTILE)
    (folder / "broken.md").write_text("---\ntitle: <b class=evil>\n---\n")
    with running_app(tmp_path_factory.mktemp("school"), ZSCAPE_LESSONS=str(folder)) as app:
        yield app


def column(page: Page) -> Locator:
    return page.locator(".st-key-lesson")


def heading(page: Page, text: str) -> None:
    expect(column(page).get_by_role("heading", name=text)).to_be_visible()


def check(page: Page, words: str) -> None:
    column(page).get_by_role("button", name="Check", exact=True).click()
    expect(column(page).get_by_test_id("stAlert").filter(has_text=words)).to_be_in_viewport()


def test_a_lesson_is_walked_over_three_pages_and_goes_on_after_a_reload(
    page: Page, school: App, settle: Callable[[Page], None], turn_to: Callable[[Page, str], None]
) -> None:
    page.goto(f"{school.url}/lessons")
    settle(page)
    faults = page.get_by_test_id("stAlert").filter(has_text="Not all lessons")
    expect(faults).to_contain_text("broken.md, line 2: the head: minutes is to be a number")
    row = page.get_by_role("listitem").filter(has_text="Three pages")
    expect(row).to_contain_text("3 min · 4 steps · tests")
    expect(row).to_contain_text("After: A tour in ten minutes")
    row.get_by_role("link", name="Begin").click()
    page.wait_for_url("**/?model=digits-2d&lesson=three-pages&step=1**")
    settle(page)
    heading(page, "First")
    page.set_viewport_size({"width": 1024, "height": 460})  # whoever answers sees what is said

    column(page).get_by_text("the first").click()
    check(page, "Not yet. It is not the first.")
    column(page).get_by_text("the second").click()
    check(page, "Right. It is the second.")
    page.set_viewport_size(VIEWPORT)
    page.wait_for_function(f"String({DONE}['three-pages']?.right) === '1'")
    expect(page.get_by_test_id("latent-plane")).to_have_count(1)  # the page stands as it stood

    column(page).get_by_role("button", name="Next").click()
    heading(page, "Second")
    expect(page).to_have_url(re.compile("lesson=three-pages&step=2"))
    column(page).get_by_role("link", name="Look at the sliders").click()
    page.wait_for_url("**/decode?model=digits-2d&z=0.500,-0.250&lesson=three-pages&step=2")
    settle(page)
    field = column(page).get_by_role("spinbutton")
    field.fill("5")
    field.press("Tab")
    check(page, "Not yet. 5 is too large. Take your fingers.")
    field.fill("4")
    field.press("Tab")
    check(page, "Right. Count them.")

    turn_to(page, "Manifold")  # by the menu: the lesson stays
    settle(page)
    heading(page, "Second")
    expect(page).to_have_url(re.compile(r"/manifold\?.*lesson=three-pages&step=2"))
    page.reload()
    settle(page)
    heading(page, "Second")
    expect(column(page).get_by_role("button", name="Step 2, done")).to_be_visible()
    expect(column(page).get_by_role("button", name="Step 3", exact=True)).to_be_visible()

    column(page).get_by_role("button", name="Step 3").click()
    heading(page, "Third")
    expect(page).to_have_url(re.compile("step=3"))  # a step of the browser's history by now
    page.go_back()
    heading(page, "Second")
    expect(page).to_have_url(re.compile(r"/manifold\?.*step=2"))
    page.go_forward()
    heading(page, "Third")
    expect(column(page).get_by_text("Behind the fold.")).to_be_hidden()
    column(page).get_by_text("Answer").click()
    expect(column(page).get_by_text("Behind the fold.")).to_be_visible()

    column(page).get_by_role("button", name="Close the lesson").click()
    expect(column(page)).to_have_count(0)
    expect(page).not_to_have_url(re.compile("lesson="))
    page.goto(f"{school.url}/lessons")
    settle(page)
    expect(row).to_contain_text("2 of 4 done")
    go_on = row.get_by_role("link", name="Go on").get_attribute("href")
    assert go_on is not None and go_on.endswith("lesson=three-pages&step=3")
    page.get_by_role("button", name="Forget").click()
    expect(row).to_contain_text("0 of 4 done")
    assert page.evaluate(DONE) == {}


def test_by_keyboard_a_lesson_is_walked_without_losing_the_place(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/?model=digits-2d&lesson=three-pages&step=1")
    settle(page)
    following = column(page).get_by_role("button", name="Next", exact=True)
    following.focus()
    for n in (2, 3, 4):
        expect(following).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**step={n}**")
    expect(column(page).get_by_role("heading", name="Fourth")).to_be_focused()  # no Next any more
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('.st-key-lesson'))")
    column(page).get_by_role("button", name="Step 1", exact=True).press("Enter")
    expect(column(page).get_by_role("heading", name="First")).to_be_focused()


def test_to_answer_and_to_turn_a_leaf_does_not_run_the_page_again(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    sent: list[bytes | str] = []

    def listen(socket: WebSocket) -> None:
        if socket.url.endswith("/_stcore/stream"):
            socket.on("framesent", lambda frame: sent.append(frame))

    page.on("websocket", listen)
    page.goto(f"{school.url}/?model=digits-2d&lesson=three-pages&step=1")
    settle(page)
    sent.clear()
    column(page).get_by_text("the second").click()
    check(page, "Right. It is the second.")
    column(page).get_by_role("button", name="Next").click()
    heading(page, "Second")
    page.remove_listener("websocket", listen)
    asked = [BackMsg.FromString(frame) for frame in sent if isinstance(frame, bytes)]
    runs = [each.rerun_script for each in asked if each.WhichOneof("type") == "rerun_script"]
    assert len(runs) >= 3
    assert all(run.fragment_id for run in runs)


def test_to_look_turns_the_page_within_the_session_and_the_way_back_leads_back(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/lessons?present=true")
    settle(page)
    page.evaluate("window.here = true")
    row = page.get_by_role("listitem").filter(has_text="Three pages")
    row.get_by_role("link", name="Begin").click()
    settle(page)
    heading(page, "First")
    page.wait_for_url("**/?model=digits-2d&lesson=three-pages&step=1&**")
    plane = page.get_by_test_id("latent-plane")
    expect(plane).to_have_count(1)
    page.get_by_role("button", name="Density", exact=True).click()
    page.wait_for_url("**layers=**")
    column(page).get_by_role("button", name="Step 2").click()
    heading(page, "Second")
    page.wait_for_url("**step=2**")
    before = page.url

    column(page).get_by_role("link", name="Look at the sliders").click()
    page.wait_for_url("**/decode?model=digits-2d&z=0.500,-0.250&lesson=three-pages&step=2**")
    settle(page)
    expect(page.get_by_test_id("stMain")).to_contain_text("z = (0.50, −0.25)")
    expect(page).to_have_url(re.compile("z=0.500,-0.250.*present=true"))
    slider = page.get_by_role("slider", name="z₁")
    slider.press("ArrowRight")
    page.wait_for_url("**z=0.510,**")
    column(page).get_by_role("link", name="Look at the sliders").click()  # as it was told
    page.wait_for_url("**z=0.500,-0.250**")
    settle(page)
    expect(page.get_by_test_id("stMain")).to_contain_text("z = (0.50, −0.25)")
    page.go_back()
    page.wait_for_url("**z=0.510,**")
    settle(page)
    expect(page.get_by_test_id("stMain")).not_to_contain_text("z = (0.50, −0.25)")
    page.go_back()
    settle(page)
    page.wait_for_url(before)
    expect(page.get_by_role("button", name="Density", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert page.evaluate("window.here")
    with page.context.expect_page() as other:
        column(page).get_by_role("link", name="Look at the sliders").click(modifiers=["Control"])
    assert "step=2" in other.value.url or other.value.wait_for_url("**step=2**") is None
    other.value.close()


def test_to_look_at_a_part_of_a_page_shows_that_part(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/manifold?model=digits-2d&lesson=part&step=1")
    settle(page)
    for _ in range(2):  # from another page, and from the top of this one
        column(page).get_by_role("link", name="Look at draws").click()
        page.wait_for_url("**/?model=digits-2d&seed=3&lesson=part&step=1**#samples")
        expect(page.locator("h2#samples:not(.st-key-lesson *)")).to_be_in_viewport()
        expect(page.get_by_role("heading", level=1)).not_to_be_in_viewport()
        settle(page)
        beside = page.get_by_role("button", name="New samples").bounding_box()
        header = page.get_by_test_id("stHeader").bounding_box()
        assert beside is not None and header is not None
        assert beside["y"] >= header["y"] + header["height"]
        page.get_by_test_id("stMain").hover()
        page.mouse.wheel(0, -9999)
        expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    column(page).get_by_role("link", name="Look at draws").click()
    expect(page.get_by_role("heading", level=1)).not_to_be_in_viewport()
    column(page).get_by_role("button", name="Next").click()
    column(page).get_by_role("link", name="Look at the plane").click()
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    column(page).get_by_role("button", name="Next").click()
    column(page).get_by_role("link", name="Look at the notebooks").click()
    expect(page.get_by_test_id("stMain").get_by_text("Write it yourself")).to_be_in_viewport()


def test_a_part_of_a_page_is_in_view_again_after_a_reload(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    at_the_top = """() => {
        const { top } = document.querySelector("h2#reparameterisation").getBoundingClientRect();
        return top >= 0 && top < 120;
    }"""
    page.goto(f"{school.url}/elbo?model=digits-2d&lesson=part&step=2#reparameterisation")
    settle(page)
    page.wait_for_function(at_the_top)  # whatever height the figures above it have come to
    page.reload()
    settle(page)
    page.wait_for_function(at_the_top)


def test_the_last_step_leads_to_all_lessons(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/?model=digits-2d&lesson=three-pages&step=4")
    settle(page)
    column(page).get_by_role("button", name="All lessons").click()
    page.wait_for_url("**/lessons?**")
    settle(page)
    expect(column(page)).to_have_count(0)
    expect(page).not_to_have_url(re.compile("lesson="))


def test_a_place_is_told_by_the_classifier_and_a_figure_by_ones_own_trainings(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    opened = open_model("digits-2d")
    latents = opened.latents
    assert latents is not None and latents.labels is not None
    near = {}
    for wanted in (1, 0):
        codes = latents.mu[latents.labels == wanted].tolist()
        z = max(codes, key=lambda code: told_at(opened, code)[str(wanted)])
        near[wanted] = ",".join(f"{value:.3f}" for value in z)

    lesson = "lesson=three-pages&step=3"
    page.goto(f"{school.url}/?model=digits-2d&z={near[0]}&{lesson}")
    settle(page)
    check(page, "Not yet. This is told as a 0")
    page.goto(f"{school.url}/?model=digits-2d&z={near[1]}&{lesson}")
    settle(page)
    check(page, "Right. Told as a 1")
    page.goto(f"{school.url}/?model=mnist-2d&{lesson}")
    settle(page)
    check(page, "The model digits-2d is asked about")

    column(page).get_by_role("button", name="Next").click()
    heading(page, "Fourth")
    check(page, "You have no training of digits yet")
    column(page).get_by_role("link", name="Train live").click()
    settle(page)
    expect(page).to_have_url(re.compile(r"/train\?.*lesson=three-pages&step=4"))
    heading(page, "Fourth")


def test_a_view_of_train_live_is_not_linked_to_twice(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/train?model=digits-2d&lesson=04-kl-to-play-with&step=8")
    settle(page)
    heading(page, "Let one collapse")
    expect(column(page).get_by_role("link")).to_have_count(1)


def test_a_hostile_lesson_leaves_no_element_of_its_own(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/lessons")
    settle(page)
    expect(page.get_by_role("listitem").filter(has_text="<script>window.evil")).to_have_count(1)
    assert page.evaluate(EVIL) == []
    page.goto(f"{school.url}/?model=digits-2d&lesson=hostile&step=1")
    settle(page)
    expect(column(page)).to_contain_text("<u class=evil>Heading</u>")
    expect(column(page)).to_contain_text("javascript")
    column(page).get_by_text("<b class=evil>one</b>").click()
    check(page, "<b class=evil>because</b>")
    column(page).get_by_text("Answer").click()
    assert page.evaluate(EVIL) == []
    look = column(page).locator("a")
    assert look.count() == 1
    assert look.get_attribute("href", timeout=1000).startswith(school.url)  # type: ignore[union-attr]


def test_a_link_to_no_lesson_says_so_and_hidden_lessons_are_away(
    page: Page, school: App, settle: Callable[[Page], None]
) -> None:
    page.goto(f"{school.url}/?model=digits-2d&lesson=nowhere&step=2")
    settle(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text("there is no such lesson here")
    expect(column(page)).to_have_count(0)
    page.goto(f"{school.url}/?model=digits-2d&lesson=three-pages&step=99")
    settle(page)
    heading(page, "First")
    page.goto(f"{school.url}/?model=digits-2d&lesson=three-pages&step=2&hide=lessons")
    settle(page)
    expect(column(page)).to_have_count(0)
    expect(page.get_by_test_id("stTopNavSection").filter(has_text="Learn")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (1024, 768), (400, 800)])
def test_the_column_stands_beside_the_page_and_covers_none_of_it(
    page: Page, school: App, settle: Callable[[Page], None], width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{school.url}/?model=digits-2d&lesson=three-pages&step=1")
    settle(page)
    if width < 1200:  # the sidebar makes room
        expect(page.get_by_role("button", name="Collapse sidebar")).to_be_hidden()
    box, main = (column(page).bounding_box(), page.get_by_test_id("stMain").bounding_box())
    assert box is not None and main is not None
    ways = column(page).get_by_role("button", name="Next").bounding_box()
    assert ways is not None and ways["y"] + ways["height"] <= height
    task = page.locator(".st-key-lesson-task").bounding_box()
    assert task is not None
    assert task["x"] + task["width"] == pytest.approx(ways["x"] + ways["width"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width > 640:
        assert main["x"] + main["width"] <= box["x"] + 1
        assert box["x"] + box["width"] == pytest.approx(width, abs=1)
        return
    assert box["width"] == width
    assert box["height"] <= 0.4 * height + 1
    in_view_above_the_sheet(page)
    column(page).get_by_role("button", name="Step 3").click()
    column(page).get_by_role("link", name="Look at the map").click()
    page.wait_for_url("**/manifold?**")
    settle(page)
    in_view_above_the_sheet(page)
    fold = column(page).get_by_role("button", name="Fold the lesson")
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(column(page).get_by_role("button", name="Next")).to_be_hidden()
    folded = column(page).bounding_box()
    assert folded is not None and folded["height"] < 56
    page.go_back()
    page.wait_for_url("**/?model=digits-2d**")
    settle(page)
    expect(column(page).get_by_role("button", name="Next")).to_be_hidden()
    fold.click()
    expect(column(page).get_by_role("button", name="Next")).to_be_visible()


def in_view_above_the_sheet(page: Page) -> None:
    """The page's plane and the decoded image stand whole above an open lesson on a phone."""
    page.wait_for_function(
        """() => {
            const all = (root) => [...root.querySelectorAll("*")]
                .flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
            const sheet = document.querySelector(".st-key-lesson").getBoundingClientRect().top;
            const parts = all(document.querySelector("[data-testid=stMain]"))
                .filter((e) => ["latent-plane", "decoded-image"].includes(e.dataset?.testid));
            return parts.length === 2 && parts.every((e) => {
                const { top, bottom, width } = e.getBoundingClientRect();
                return top >= 56 && bottom <= sheet && width > 100;
            });
        }""",
        polling=100,
    )


def test_what_was_stored_by_others_breaks_nothing(
    visitor: Callable[..., AbstractContextManager[BrowserContext]], school: App
) -> None:
    for stored in ("{", '"text"', '{"three-pages": 5, "x": {"seen": "y"}}', "[]", "null"):
        with visitor() as context:
            context.add_init_script(f"localStorage['zscape-lessons'] = {json.dumps(stored)}")
            page = context.new_page()
            page.goto(f"{school.url}/lessons")
            wait_until_idle(page)
            row = page.get_by_role("listitem").filter(has_text="Three pages")
            expect(row).to_contain_text("0 of 4 done")
