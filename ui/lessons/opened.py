"""Which lesson is open and at which step, and what was answered: in the address, for all pages."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ui.components.address import choice_from_link, linked, number_from_link, returned
from ui.lessons.reading import Lesson
from ui.lessons.tasks import Verdict


def current_lesson() -> tuple[str, int] | None:
    """The name of the open lesson and its step, the first is 1; None where none is open."""
    name = st.session_state.get("lesson")
    return (str(name), int(st.session_state.get("step", 1))) if name else None


def lesson_is_named() -> bool:
    """Whether the session has a lesson open, or else the link names one; the way back counts."""
    if address := returned():
        for name in ("lesson", "step"):
            linked(name)
            st.session_state["linked"][name] = address.get(name, "")
            st.session_state.pop(name, None)
    return bool(st.session_state.get("lesson", linked("lesson")))


def open_from_link(lessons: Mapping[str, Lesson]) -> None:
    """Let that lesson be open which is named, at the step that is named."""
    name = choice_from_link("lesson", ["", *lessons], "", "there is no such lesson here")
    if name:
        number_from_link("step", 1, len(lessons[name].steps), default=1)


def open_lesson(name: str) -> None:
    """Let that lesson be open, at its first step."""
    st.session_state["lesson"] = name
    turn_to_step(1)


def turn_to_step(step: int) -> None:
    """Show this step of the open lesson."""
    st.session_state["step"] = step


def close_lesson() -> None:
    """Let no lesson be open."""
    st.session_state["lesson"] = ""
    st.session_state.pop("step", None)


def said_of(lesson: str, step: int, given: object) -> Verdict | None:
    """What was said of this answer in this session; None where another was given last, or none."""
    last, verdict = _said().get((lesson, step), (None, None))
    return verdict if last == given else None


def say(lesson: str, step: int, given: object, choice: str, verdict: Verdict) -> None:
    """Note an answer and what is said of it; for others, in `answered`, what was chosen."""
    _said()[lesson, step] = given, verdict
    st.session_state["answered"] = lesson, step, choice


def answered_rightly(lesson: str) -> list[int]:
    """The steps of a lesson whose tasks were last answered rightly in this session."""
    return sorted(n for (name, n), (_, said) in _said().items() if name == lesson and said.right)


def _said() -> dict[tuple[str, int], tuple[object, Verdict]]:
    """By lesson and step, the last answer and what was said of it."""
    said: dict[tuple[str, int], tuple[object, Verdict]]
    said = st.session_state.setdefault("lesson_said", {})
    return said
