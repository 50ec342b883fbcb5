"""What the browser makes of a lesson by itself: bar, way to the view, list, and what was done.

What was done lies in the browser's own storage; Python tells it what happens and never asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from ui.lessons.reading import Lesson, View
from ui.lessons.shelf import called
from ui.widgets import said_by

_FOLDER = Path(__file__).parent
STYLE = f"<style>{(_FOLDER / 'column.css').read_text('utf-8')}</style>"
_COMPONENT = st.components.v2.component(
    "zscape.lessons",
    html="<div class='lesson-part'></div>",
    css=(_FOLDER / "parts.css").read_text("utf-8"),
    js=(_FOLDER / "parts.js").read_text("utf-8"),
    isolate_styles=False,
)


def bar(
    lesson: Lesson,
    step: int,
    right: Sequence[int],
    on_step: Callable[[int], None],
    on_close: Callable[[], None],
) -> None:
    """The lesson's title and its steps, of which those done are marked; a press leads to one.

    right: steps whose tasks were answered rightly in this session.
    """

    def turned() -> None:
        wanted = (said_by("lesson-bar").get("step") or {}).get("value")
        if isinstance(wanted, int) and 1 <= wanted <= len(lesson.steps):
            on_step(wanted)

    _show(
        "lesson-bar",
        {
            "part": "bar",
            "name": lesson.name,
            "title": lesson.title,
            "step": step,
            "tasks": _tasks(lesson),
            "right": list(right),
        },
        on_step_change=turned,
        on_closed_change=on_close,
    )


def look(view: View, lesson: str, step: int) -> None:
    """A link to what a step is about."""
    _show(
        f"lesson-look-{lesson}-{step}",
        {"part": "look", "label": view.label, "address": _address(view, lesson, step)},
    )


def lesson_list(lessons: Mapping[str, Lesson]) -> None:
    """All lessons, with what of each is done, and where it begins or goes on."""
    titles = {called(name): lesson.title for name, lesson in lessons.items()}
    rows = [
        {
            "name": name,
            "title": lesson.title,
            "minutes": lesson.minutes,
            "topics": list(lesson.topics),
            "needs": [titles.get(called(need), need) for need in lesson.needs],
            "tasks": _tasks(lesson),
            "addresses": [_address(s.view, name, n) for n, s in enumerate(lesson.steps, 1)],
        }
        for name, lesson in lessons.items()
    ]
    _show("lesson-list", {"part": "list", "lessons": rows})


def _show(key: str, data: dict[str, Any], **callbacks: Any) -> None:
    _COMPONENT(key=key, data=[data], **callbacks)  # a list: see `ui.components.modules`


def _tasks(lesson: Lesson) -> list[bool]:
    """Of each step, whether it has a task."""
    return [step.task is not None for step in lesson.steps]


def _address(view: View | None, lesson: str, step: int) -> str:
    """Below the app's root; of a step without a view that of the list."""
    path = view.path if view else "lessons"
    query: Iterable[tuple[str, object]] = view.query if view else ()
    address = f"{path}?{urlencode([*query, ('lesson', lesson), ('step', step)], safe=',:;')}"
    return f"{address}#{view.anchor}" if view and view.anchor else address
