"""A teacher's view on a student's screen: two browsers, a room between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from vae_core.runs.run import Run

    Settle = Callable[[Page], None]

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

DECODED = """() => decodes.at(-1)?.z.map((x) => Math.round(1000 * x))"""

NEAR = f"""(z) => {{
    const last = ({DECODED})();
    return last && last.every((x, i) => Math.abs(x - z[i]) <= 2);
}}"""


@pytest.fixture
def student(visitor: Callable[..., Any]) -> Iterator[Page]:
    with visitor() as context:
        yield context.new_page()


def led_room(teacher: Page, url: str, settle: Settle) -> str:
    """Open a room at this address; gives its link."""
    teacher.goto(url)
    settle(teacher)
    teacher.get_by_test_id("stSidebar").get_by_role("button", name="Lead a class").click()
    link = teacher.get_by_role("dialog").locator(".link").inner_text()
    teacher.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(bar(teacher)).to_contain_text("Leading room")
    return str(link)


def bar(page: Page) -> Any:
    return page.get_by_test_id("room")


def choose(student: Page, lesson: str, step: int, choice: str) -> None:
    """As the lesson's column tells it."""
    answer = json.dumps({"lesson": lesson, "step": step, "choice": choice})
    student.evaluate(
        f"window.zscapeAnswer = {answer}; dispatchEvent(new CustomEvent('zscape:answer'))"
    )


def shows(student: Page, settle: Settle, address: str) -> None:
    expect(student).to_have_url(re.compile(address))
    settle(student)


def test_a_student_sees_what_the_teacher_shows(
    page: Page,
    student: Page,
    app_url: str,
    settle: Settle,
    turn_to: Callable[[Page, str], None],
) -> None:
    link = led_room(page, f"{app_url}/?model=digits-2d&z=0.5,-0.25&seed=7", settle)
    assert re.fullmatch(rf"{app_url}/\?room=[A-Z0-9]{{6}}", link)
    student.goto(link)
    shows(student, settle, r"/\?.*z=0\.500,-0\.250")
    expect(student).to_have_url(re.compile("model=digits-2d"))
    expect(student).to_have_url(re.compile("seed=7"))
    expect(bar(student)).to_contain_text("Following room")
    expect(bar(page)).to_contain_text("1 follows")
    expect(
        student.get_by_test_id("stSidebar").get_by_role("button", name="Lead a class")
    ).to_have_count(0)

    # The pointer, and the image that the student's own browser decodes there.
    plane = page.get_by_test_id("latent-plane")
    page.wait_for_function("decodes.length > 0")
    at_rest = page.evaluate(DECODED)
    plane.hover(position={"x": 120, "y": 150})
    page.wait_for_function(f"z => String(({DECODED})()) !== String(z)", arg=at_rest)
    student.wait_for_function(NEAR, arg=page.evaluate(DECODED))

    # Layers, legend, and a z that is let go.
    page.get_by_role("group", name="Layers").get_by_role("button", name="Manifold").click()
    page.get_by_role("group", name="Legend").get_by_role("button", name="3").click()
    expect(student).to_have_url(re.compile("off=3"))
    for name, group, pressed in (("Manifold", "Layers", "true"), ("3", "Legend", "false")):
        chip = student.get_by_role("group", name=group).get_by_role("button", name=name)
        expect(chip).to_have_attribute("aria-pressed", pressed)
    plane.press("0")
    plane.press("ArrowRight")
    plane.blur()
    expect(page).to_have_url(re.compile(r"z=0\.550"))
    shows(student, settle, r"z=0\.550,-0\.250")

    turn_to(page, "Decode z")
    shows(student, settle, r"/decode\?.*z=0\.550")
    page.get_by_role("button", name="Reset").click()
    shows(student, settle, r"z=0\.000,0\.000")
    first = student.get_by_role("slider").first
    expect(first).to_have_attribute("aria-valuetext", re.compile(r"^0(\.0+)?$"))

    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="sprites-6d").click()
    shows(student, settle, "model=sprites-6d")
    expect(student.get_by_role("slider")).to_have_count(page.get_by_role("slider").count())


def test_points_are_selected_on_a_student_s_plane_and_pointed_at(
    page: Page, student: Page, app_url: str, settle: Settle
) -> None:
    student.goto(led_room(page, f"{app_url}/encoded?model=digits-2d", settle))
    shows(student, settle, "/encoded")
    student.get_by_role("group", name="Legend").get_by_role("button").first.wait_for()
    plane = page.get_by_test_id("latent-plane")
    box = plane.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 0.1 * box["height"])
    page.mouse.down()
    for x, y in ((5, 5), (box["width"] - 5, 5), (box["width"] - 5, box["height"] - 5)):
        page.mouse.move(box["x"] + x, box["y"] + box["height"] - y)
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 0.1 * box["height"])
    page.mouse.up()
    chosen = page.get_by_role("heading", name="selected")
    chosen.wait_for()
    settle(page)
    count = chosen.inner_text()
    assert int(count.split()[0]) > 200  # more than an address says
    expect(student.get_by_role("heading", name="selected")).to_have_text(count)
    shows(student, settle, "selected=")

    settle(student)
    at_rest = page.evaluate(DECODED)
    plane.hover(position={"x": 120, "y": 150})
    page.wait_for_function(f"z => String(({DECODED})()) !== String(z)", arg=at_rest)
    student.wait_for_function(NEAR, arg=page.evaluate(DECODED))

    page.get_by_role("button", name="Clear selection").click()
    expect(student.get_by_role("heading", name="selected")).to_have_count(0)


@pytest.mark.parametrize("where", ["/decode", "/?model=digits-2d&seed=9"])
def test_a_view_that_a_student_s_server_misses_is_asked_for_until_it_is_shown(
    visitor: Callable[..., Any], student: Page, app_url: str, settle: Settle, where: str
) -> None:
    student.add_init_script(
        """window.missed = 2;
        addEventListener("popstate", (event) => {
            if (missed++ < 2) event.stopImmediatePropagation();
        }, { capture: true });"""
    )
    with visitor() as context:
        teacher = context.new_page()
        student.goto(led_room(teacher, f"{app_url}/?model=digits-2d&seed=7", settle))
        shows(student, settle, "seed=7")
        student.evaluate("missed = 0")
        teacher.goto(f"{app_url}{where}")
        student.wait_for_function("missed > 2")
        settle(teacher)
        settle(student)
        shown = (
            "with seed 9" if "seed" in where else "What does each number of z change in the image?"
        )
        expect(student.get_by_text(shown)).to_be_visible()
        asked = student.evaluate("missed")
        student.wait_for_timeout(2_000)
        assert student.evaluate("missed") == asked  # and then no more


def test_a_student_looks_around_and_comes_back_and_both_may_reload(
    page: Page,
    student: Page,
    app_url: str,
    settle: Settle,
    turn_to: Callable[[Page, str], None],
) -> None:
    student.goto(led_room(page, f"{app_url}/decode?model=digits-2d&z=1,0", settle))
    shows(student, settle, r"/decode\?.*z=1\.000")
    student.get_by_role("button", name="Look around").click()
    expect(bar(page)).to_contain_text("0 follow, 1 looks around")
    turn_to(student, "Manifold")
    shows(student, settle, "/manifold")
    turn_to(page, "Layers")
    settle(page)
    student.reload()
    shows(student, settle, "/manifold")
    expect(bar(student)).to_contain_text("Looking around")
    expect(bar(page)).to_contain_text("0 follow, 1 looks around")
    student.get_by_role("button", name="Follow").click()
    shows(student, settle, "/layers")

    page.reload()
    settle(page)
    expect(bar(page)).to_contain_text("Leading room")
    expect(bar(page)).to_contain_text("1 follows")
    turn_to(page, "Decode z")
    shows(student, settle, "/decode")

    page.get_by_role("button", name="End").click()
    page.get_by_role("button", name="End for all?").click()
    for each in (page, student):
        expect(bar(each)).to_contain_text("has ended")
        each.get_by_role("button", name="Close").click()
        expect(bar(each)).to_have_count(0)
    expect(student).not_to_have_url(re.compile("room="))


def test_a_second_tab_leads_only_when_asked_to(
    visitor: Callable[..., Any], app_url: str, settle: Settle
) -> None:
    with visitor() as context:  # whose cookie is of no other server
        first, second = context.new_page(), context.new_page()
        led_room(first, f"{app_url}/?model=digits-2d", settle)
        second.goto(f"{app_url}/decode")
        expect(bar(second)).to_contain_text("not led from this tab")
        second.get_by_role("button", name="Lead from here").click()
        expect(bar(second)).to_contain_text("Leading room")
        expect(bar(first)).to_contain_text("not led from this tab")


def test_a_training_is_played_back_on_a_student_s_screen(
    page: Page, student: Page, app_url: str, settle: Settle, own_run: Callable[..., Run]
) -> None:
    run = own_run(epochs=3)
    link = led_room(page, f"{app_url}/train?run={run.token}&epoch=2", settle)
    student.goto(link)
    shows(student, settle, "epoch=2")
    student.locator("output", has_text="epoch 2 of 3").wait_for()
    page.get_by_test_id("epoch-scrubber").evaluate(  # held, as by a pointer
        "(scrubber) => { scrubber.value = 0; scrubber.dispatchEvent(new Event('input')); }"
    )
    student.locator("output", has_text="epoch 0 of 3").wait_for()
    assert "epoch=2" in page.url
    page.get_by_test_id("epoch-scrubber").press("End")
    student.locator("output", has_text="epoch 3 of 3").wait_for()
    shows(student, settle, "epoch=3")


@pytest.mark.parametrize("size", [(1024, 768), (400, 800)])
def test_a_lesson_is_stepped_through_above_the_bar_and_beside_the_answers(
    page: Page, student: Page, app_url: str, settle: Settle, size: tuple[int, int]
) -> None:
    lesson = "lesson=01-from-autoencoder"
    student.goto(led_room(page, f"{app_url}/?model=digits-2d&{lesson}&step=1", settle))
    shows(student, settle, lesson)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    choose(student, "01-from-autoencoder", 1, "A")
    expect(page.get_by_test_id("room-answers")).to_contain_text("1 answer")
    settle(student)
    student.evaluate("window.asked = 0; addEventListener('popstate', () => asked++);")
    page.get_by_role("button", name="Next", exact=True).click()
    shows(student, settle, "step=2")
    expect(student.get_by_text("Step 2 of")).to_be_visible()
    assert student.evaluate("asked") == 0  # the page was not run anew for it


def test_answers_are_counted_for_the_teacher(
    page: Page, student: Page, app_url: str, settle: Settle
) -> None:
    student.goto(led_room(page, f"{app_url}/?lesson=03-elbo-taken-apart&step=3", settle))
    expect(bar(student)).to_contain_text("Following room")
    for choice in ("AC", "BD"):  # the latest counts
        choose(student, "03-elbo-taken-apart", 3, choice)
    answers = page.get_by_test_id("room-answers")
    expect(answers).to_contain_text("Step 3: 1 answer")
    expect(answers).to_contain_text("BD")
    expect(answers).not_to_contain_text("AC")
    page.get_by_role("button", name="Hide answers").click()
    expect(answers).to_be_hidden()


@pytest.mark.parametrize("code", ["BBBBBB", "K7QX-9", "<b>"])
def test_a_link_to_no_room_is_told(page: Page, app_url: str, settle: Settle, code: str) -> None:
    page.goto(f"{app_url}/?room={code}")
    settle(page)
    if code == "BBBBBB":
        expect(bar(page)).to_contain_text("Room BBBBBB has ended")
    else:
        expect(page.get_by_text("no room has such a code")).to_be_visible()
        expect(bar(page)).to_have_count(0)


def test_an_address_is_told_below_the_app_s_root_and_leads_nowhere_else(
    page: Page, app_url: str, settle: Settle
) -> None:
    with page.expect_response("**/room.js") as script:
        page.goto(f"{app_url}/?room=BBBBBB")
    settle(page)
    told = page.evaluate(
        """async (url) => {
            const { addressOf, changed, viewOf } = await import(url);
            const root = new URL("https://school.example/zscape/");
            const at = (text) => new URL(text, root);
            const here = at("decode?room=K7TX&z=1,2&hide=upload&open=x");
            return {
                view: viewOf(here, root),
                home: viewOf(at("?room=K7TX"), root),
                there: addressOf("/manifold?side=9&room=VTDH&hide=pages", here, root).href,
                elsewhere: ["//evil.example/", "/https://evil.example/"].map(
                    (view) => addressOf(view, here, root).origin),
                changed: changed("?a=1&b=2&c=3", "?a=1&b=3&d=4"),
            };
        }""",
        script.value.url.replace("room.js", "address.js"),
    )
    assert told == {
        "view": "/decode?z=1,2",
        "home": "/",
        "there": "https://school.example/zscape/manifold?side=9&room=K7TX&hide=upload",
        "elsewhere": ["https://school.example"] * 2,
        "changed": ["b", "c", "d"],
    }


SOCKETS = """() => {
window.sockets = [];
window.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    bufferedAmount = 0;
    said = [];
    constructor() { sockets.push(this); queueMicrotask(() => this.onopen()); }
    send(text) { this.said.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
};
// What a test of one who leads needs: to turn the address, the views said, to wait for one of them.
window.turn = (address) => history.pushState(null, "", address);
window.views = () => sockets[0].said.flatMap(({ view }) => view ?? []);
window.after = (ms) => new Promise((done) => setTimeout(done, ms));
window.say = async (view) => {
    while (views().at(-1) !== view) await after(10);
};
window.newApp = (state, html = "") => {
    const app = document.createElement("div");
    Object.assign(app.dataset, { testid: "stApp", testScriptState: state });
    app.innerHTML = html;
    document.body.append(app);
    return app;
};
window.LEADS = { code: "K7TXBC", secret: "s", opened: true };
}"""


@pytest.fixture
def room_module(student: Page, app_url: str, settle: Settle) -> Callable[[str], str]:
    """`room_module("leader.js")`: its URL, on a page without the app whose sockets are kept."""
    with student.expect_response("**/room.js") as script:
        student.goto(f"{app_url}/?room=BBBBBB")
    settle(student)
    student.goto(f"{app_url}/_stcore/health")
    student.evaluate(SOCKETS)
    return lambda name: script.value.url.replace("room.js", name)


def test_a_page_that_is_turned_is_told_at_once_as_it_will_be(
    student: Page, room_module: Callable[[str], str]
) -> None:
    told = student.evaluate(
        """async (url) => {
            const { Leader } = await import(url);
            turn("/?model=digits-2d&z=1.000,0.000&layers=points");
            const app = newApp("running");
            new Leader(LEADS, new URL("/", location));
            await say("/?model=digits-2d&z=1.000,0.000&layers=points");
            turn("/decode");
            const atOnce = views().at(-1);
            turn("/decode?model=digits-2d&z=1.000,0.000"); // bit by bit; all of it when it rests
            app.dataset.testScriptState = "notRunning";
            await say("/decode?model=digits-2d&z=1.000,0.000");
            turn("/?z=2.000,0.000");
            return [atOnce, views().at(-1), views().length];
        }""",
        room_module("leader.js"),
    )
    assert told == [
        "/decode?model=digits-2d",
        "/?model=digits-2d&z=2.000,0.000&layers=points",
        4,
    ]


def test_a_page_whose_link_is_pressed_is_told_before_it_comes(
    student: Page, room_module: Callable[[str], str]
) -> None:
    told = student.evaluate(
        """async (url) => {
            const { Leader } = await import(url);
            const link = `<a data-testid="stTopNavDropdownLink" href="/decode">Decode z</a>`;
            const app = newApp("notRunning", link);
            app.onclick = (event) => event.preventDefault();
            turn("/?model=digits-2d&z=1.000,0.000");
            new Leader(LEADS, new URL("/", location));
            await say("/?model=digits-2d&z=1.000,0.000");
            app.querySelector("a").click();
            const pressed = views().at(-1);
            await after(300); // the old page is still in view
            turn("/decode"); // its address is written bit by bit
            await after(300);
            turn("/decode?model=digits-2d");
            await after(300);
            const before = views().length;
            turn("/decode?model=digits-2d&z=2.000,0.000");
            await say("/decode?model=digits-2d&z=2.000,0.000");
            return [pressed, before];
        }""",
        room_module("leader.js"),
    )
    assert told == ["/decode?model=digits-2d", 2]


def test_a_model_and_a_lesson_s_step_are_told_when_they_are_pressed(
    student: Page, room_module: Callable[[str], str]
) -> None:
    told = student.evaluate(
        """async (url) => {
            const { Leader } = await import(url);
            const app = newApp("notRunning", `<div class="st-key-model">
                <input aria-expanded="true"></div>
                <ul><li role="option">frey-2d</li><li role="option">digits (yours)</li></ul>`);
            turn("/decode?model=digits-2d&step=1&z=1.000,0.000");
            const leader = new Leader(LEADS, new URL("/", location));
            leader.models = ["digits-2d", "frey-2d"];
            await say("/decode?model=digits-2d&step=1&z=1.000,0.000");
            const [one, own] = app.querySelectorAll("li");
            own.click(); // is known by another name
            one.click();
            await after(300); // the old one is still in view
            app.dataset.testScriptState = "running";
            turn("/decode?model=frey-2d&step=1&z=1.000,0.000"); // is z of the new one?
            await after(300);
            turn("/decode?model=frey-2d&step=1&z=0.000,0.000");
            app.dataset.testScriptState = "notRunning";
            await say("/decode?model=frey-2d&step=1&z=0.000,0.000");
            dispatchEvent(new CustomEvent("zscape:turned", { detail: 2 }));
            await after(300);
            return views().slice(1);
        }""",
        room_module("leader.js"),
    )
    assert told == [
        "/decode?model=frey-2d&step=1",
        "/decode?model=frey-2d&step=1&z=0.000,0.000",
        "/decode?model=frey-2d&step=2&z=0.000,0.000",
    ]


def test_a_bar_that_comes_before_the_last_one_goes_keeps_the_room(
    student: Page, room_module: Callable[[str], str]
) -> None:
    student.clock.install()
    open_sockets = student.evaluate(
        """async (url) => {
            const { mount } = await import(url);
            const show = () => {
                const host = document.createElement("div");
                document.body.append(host);
                const parentElement = host.attachShadow({ mode: "open" });
                parentElement.innerHTML = '<div class="root"></div>';
                const data = { code: "K7TXBC", secret: "s", opened: true };
                const component = { data, parentElement, setTriggerValue() {} };
                const end = mount(component, new URL("/", location));
                return () => { host.remove(); end(); };
            };
            window.first = show();
            window.second = show();
            first();
            return sockets.length;
        }""",
        room_module("room.js"),
    )
    assert open_sockets == 1
    student.clock.run_for(4_000)
    assert student.evaluate("sockets.map((socket) => socket.readyState)") == [1]
    student.evaluate("second()")
    student.clock.run_for(4_000)
    assert student.evaluate("sockets.map((socket) => socket.readyState)") == [3]
