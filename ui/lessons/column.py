"""The open lesson beside the page: its step, the view, the task, the answer, back and next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import streamlit as st

from live.models import open_model
from ui.components.address import step_in_address
from ui.components.amended import decimals
from ui.lessons.answers import slant_at, told_at, trained
from ui.lessons.opened import (
    answered_rightly,
    close_lesson,
    current_lesson,
    lesson_is_named,
    open_from_link,
    open_lesson,
    said_of,
    say,
    turn_to_step,
)
from ui.lessons.parts import STYLE, bar, look
from ui.lessons.reading import Lesson
from ui.lessons.shelf import shelf
from ui.lessons.tasks import Choose, Number, Place, Reach, Task, Verdict
from ui.text.plain import plain
from ui.widgets import clicked
from vae_core.errors import ZscapeError

LETTERS = "ABCDEFGH"  # of the options
Given = list[int] | float | tuple[()] | None
Tokens = Callable[[], Iterable[str]]  # of the visitor's own runs


def show_lesson(
    page: str, pages: Mapping[str, str], runs: Tokens, tell: Callable[[], None]
) -> None:
    """Show the lesson that the address names, on every page alike; nothing where it names none.

    page: the one in view, by its path; pages: the file of each page, by its path; runs: gives the
    tokens of the visitor's own; tell: says to others what was answered.
    """
    if lesson_is_named():  # else no file is read
        open_from_link(shelf(pages.keys()).lessons)
        _lesson(page, pages, runs, tell)


@st.fragment
def _lesson(page: str, pages: Mapping[str, str], runs: Tokens, tell: Callable[[], None]) -> None:
    """A fragment: to turn a leaf or to answer does not run the page again."""
    lessons = shelf(pages.keys()).lessons
    name, n = current_lesson() or ("", 0)
    lesson = lessons.get(name)
    with st.container(gap=None):  # the column stands beside the page and takes no room in it
        step_in_address(f"lesson-{page}", lesson=name, step=n or None)
        if lesson is not None:
            after = [*lessons.values(), None][[*lessons].index(name) + 1]
            _column(lesson, min(n, len(lesson.steps)), after, pages, runs)
            tell()


def _column(
    lesson: Lesson, n: int, after: Lesson | None, pages: Mapping[str, str], runs: Tokens
) -> None:
    """The lesson at its step n. after: the next of the lessons."""
    name = lesson.name
    step = lesson.steps[n - 1]
    with st.container(key="lesson"):
        st.html(STYLE)
        bar(lesson, n, answered_rightly(name), turn_to_step, close_lesson)
        with st.container(key="lesson-step"):
            if n == 1 and lesson.about:
                st.markdown(lesson.about, anchors=False)
            st.markdown(f"## {step.heading}", anchors=False)
            st.markdown(step.text, anchors=False)
            if step.view:
                look(step.view, name, n)
            if step.task:
                looked = {step.view.path} if step.view else set()
                _task(name, n, step.task, {k: pages[k] for k in pages.keys() - looked}, runs)
            if step.answer:
                with st.expander("Answer", key=f"answer-{name}-{n}"):
                    st.markdown(step.answer, anchors=False)
            if after is not None and n == len(lesson.steps):
                st.button(
                    f"Next lesson: {plain(after.title)}",
                    icon=":material/arrow_forward:",
                    type="primary",
                    on_click=open_lesson,
                    args=(after.name,),
                    key="lesson-after",
                )
        with st.container(horizontal=True, key="lesson-ways"):
            st.button(
                "Back",
                icon=":material/arrow_back:",
                disabled=n == 1,
                on_click=turn_to_step,
                args=(n - 1,),
                key="lesson-back",
            )
            if n < len(lesson.steps):
                st.button(
                    "Next",
                    icon=":material/arrow_forward:",
                    type="primary",
                    on_click=turn_to_step,
                    args=(n + 1,),
                    key="lesson-next",
                )
            elif clicked("All lessons", icon=":material/menu_book:", key="lesson-end"):
                close_lesson()
                st.switch_page(pages["lessons"])


def _task(name: str, n: int, task: Task, pages: Mapping[str, str], runs: Tokens) -> None:
    """pages: those that the step's view does not lead to."""
    key = f"task-{name}-{n}"
    with st.container(key="lesson-task"):
        st.markdown(task.question, anchors=False)
        if isinstance(task, Choose):
            _choose(task, key)
        elif isinstance(task, Number):
            label = f"Answer in {task.unit}" if task.unit else "Answer"
            with decimals(key):
                st.number_input(label, value=None, format="%g", key=key, persist_state="session")
        elif isinstance(task, Reach) and "train" in pages:
            st.page_link(pages["train"], label="Train live", icon=":material/model_training:")
        st.button(
            "Check",
            icon=":material/check:",
            disabled=_given(task, key) is None,
            key=f"check-{name}-{n}",
            on_click=_check,
            args=(name, n, task, key, runs),
        )
        if verdict := said_of(name, n, _given(task, key)):
            show = st.success if verdict.right else st.warning
            show(f"**{'Right' if verdict.right else 'Not yet'}.** {verdict.why}")


def _choose(task: Choose, key: str) -> None:
    labels = [f"**{LETTERS[i]}** {option.text}" for i, option in enumerate(task.options)]
    if task.several:
        st.caption("All that are right.")
        for i, label in enumerate(labels):
            st.checkbox(label, key=f"{key}-{i}", persist_state="session")
    else:
        st.radio(
            "Choose one",
            range(len(labels)),
            index=None,
            format_func=labels.__getitem__,
            label_visibility="collapsed",
            key=key,
            persist_state="session",
        )


def _given(task: Task, key: str) -> Given:
    """What is set: positions of options, a number, or () where nothing is; None before it is."""
    state = st.session_state
    if isinstance(task, Choose) and task.several:
        chosen = [i for i in range(len(task.options)) if state.get(f"{key}-{i}")]
        return chosen or None
    if isinstance(task, Choose):
        return None if state.get(key) is None else [state[key]]
    if isinstance(task, Number):
        number: float | None = state.get(key)
        return number
    return ()  # z and runs are looked at when it is asked


def _check(name: str, n: int, task: Task, key: str, runs: Tokens) -> None:
    given = _given(task, key)
    try:
        choice, verdict = _judged(task, given, runs)
    except ZscapeError as error:
        choice, verdict = "", Verdict(False, plain(str(error)))
    say(name, n, given, choice or ("right" if verdict.right else "not yet"), verdict)


def _judged(task: Task, given: Given, runs: Tokens) -> tuple[str, Verdict]:
    """What was chosen, in a word, and what is to be said of it."""
    if isinstance(task, Choose):
        chosen = given if isinstance(given, list) else []
        return "".join(LETTERS[i] for i in chosen), task.judge(chosen)
    if isinstance(task, Number):
        number = given if isinstance(given, float | int) else 0.0
        return f"{number:g}", task.judge(number)
    return "", _placed(task) if isinstance(task, Place) else task.judge(trained(runs()))


def _placed(task: Place) -> Verdict:
    """What is said of the z in view."""
    model, z = st.session_state["model"], st.session_state.get("z", ())
    if model != task.model:
        asked, shown = plain(task.model), plain(model)
        return Verdict(False, f"The model **{asked}** is asked about, and {shown} is in view.")
    opened = open_model(model)
    if len(z) != opened.model.latent_dim:
        return Verdict(False, "Move z first, on a plane or by a slider.")
    return task.judge(told_at(opened, z), slant_at(opened, z) if task.slant else 0.0)
