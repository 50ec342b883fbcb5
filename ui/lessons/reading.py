"""A lesson's file, read: the README says how one is written.

Whatever a file holds, it becomes text, or a sentence that names the line. It is first cut into its
steps line by line, so that a long file costs no more than its steps do.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from ui.lessons.fields import Fields, LessonError
from ui.lessons.prose import Prose, line_of, prose
from ui.lessons.tasks import Task, task_of

MAX_BYTES = 256 << 10  # of a file
MOST_STEPS = 60
MOST_HEADING, MOST_ADDRESS, MOST_HEAD = 160, 2_000, 8_000  # characters
NAME = re.compile(r"[a-z0-9-]{1,60}")
ANCHOR = re.compile(r"[a-z0-9-]{0,80}")
OWN = ("lesson", "step", "hide", "open", "room")  # of an address: not a view's to say

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r"(#{1,3})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class View:
    """What a step is about: an address of this app.

    path: of a page, as "elbo", "" the first; anchor: of a heading there, "" the page's beginning.
    """

    label: str  # text, no Markdown
    path: str
    query: tuple[tuple[str, str], ...]
    anchor: str = ""


@dataclass(frozen=True)
class Step:
    """All texts are Markdown that is safe to show."""

    heading: str
    text: str
    view: View | None
    task: Task | None
    answer: str


@dataclass(frozen=True)
class Lesson:
    """name: its file's, without the ending; about and steps are Markdown that is safe to show."""

    name: str
    title: str
    minutes: int
    topics: tuple[str, ...]
    needs: tuple[str, ...]
    about: str
    steps: tuple[Step, ...]


@dataclass
class _Part:
    """Lines of a file that belong together. line: the first one's number."""

    line: int
    heading: str
    lines: list[str]


def read_lesson(name: str, text: str, pages: Collection[str]) -> Lesson:
    """The lesson that a file's text is; LessonError, with the file and its line, where it is none.

    name: the file's without ".md". pages: paths that a view may lead to, "" for the first page.
    """
    try:
        return _lesson(name, text, pages)
    except LessonError as error:
        raise LessonError(f"{name}.md, {error}") from error


def _lesson(name: str, text: str, pages: Collection[str]) -> Lesson:
    lines = text.removeprefix("\ufeff").splitlines()
    for number, line in enumerate(lines, 1):
        if _CONTROL.search(line):
            raise LessonError(f"line {number} has a control character; it is to be plain text.")
    if not lines or lines[0].rstrip() != "---":
        raise LessonError("line 1: it is to begin with '---', a head and '---'.")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
    if not end or sum(map(len, lines[:end])) > MOST_HEAD:
        raise LessonError("line 1: the head has no end; '---' is to close it.")
    head = Fields.of_yaml("\n".join(lines[1:end]), "the head", 2)
    title = head.text("title", MOST_HEADING)
    minutes = int(head.number("minutes", 1, 600))
    topics, needs = (head.texts(each, 12, 80) for each in ("topics", "needs"))
    head.end()
    before, *parts = _cut(lines[end:], end + 1)
    about = _prose(before)
    if about.views:
        raise LessonError(f"line {before.line}: a link to a view belongs to a step.")
    if not 1 <= len(parts) <= MOST_STEPS:
        raise LessonError(
            f"line {end + 1}: a lesson has 1 to {MOST_STEPS} steps, each below '## …'; this has "
            f"{len(parts)}."
        )
    steps = tuple(_step(part, pages) for part in parts)
    return Lesson(name, title, minutes, topics, needs, about.text, steps)


def _cut(lines: list[str], first: int) -> list[_Part]:
    """What stands before the first step, and the steps; headings in code are none."""
    parts = [_Part(first + 1, "", [])]
    closing = ""
    for number, line in enumerate(lines[1:], first + 1):
        closing = _closing(line, closing)
        heading = None if closing else _HEADING.fullmatch(line)
        if heading and heading[1] == "#":
            raise LessonError(f"line {number}: a step begins with '## …', not with '# …'.")
        if heading and heading[1] == "##":
            if not 1 <= len(heading[2]) <= MOST_HEADING:
                raise LessonError(
                    f"line {number}: a step's heading has 1 to {MOST_HEADING} characters."
                )
            parts.append(_Part(number + 1, heading[2], []))
        else:
            parts[-1].lines.append(line)
    return parts


def _closing(line: str, closing: str) -> str:
    """What ends the code in which the next line stands: the fence that began it; "" outside."""
    fence = _FENCE.fullmatch(line)
    if fence is None:
        return closing
    if closing:
        ends = fence[1].startswith(closing) and not fence[2].strip()
        return "" if ends else closing
    return "" if fence[1][0] == "`" and "`" in fence[2] else fence[1]


def _step(part: _Part, pages: Collection[str]) -> Step:
    text, task, answer = _sorted(part)
    told, solved = _prose(text), _prose(answer)
    if solved.views:
        raise LessonError(f"line {answer.line}: a link to a view stands before '### Answer'.")
    if len(told.views) > 1:
        raise LessonError(f"line {text.line}: the step has {len(told.views)} views; one is taken.")
    view = _view(*told.views[0], part, pages) if told.views else None
    return Step(_heading(part), told.text, view, task, solved.text)


def _sorted(part: _Part) -> tuple[_Part, Task | None, _Part]:
    """A step's text, its task and its answer."""
    text = _Part(part.line, "", [])
    answer = _Part(part.line, "", [])
    into, task, closing = text, None, ""
    asked: _Part | None = None
    for number, line in enumerate(part.lines, part.line):
        before, closing = closing, _closing(line, closing)
        fence = _FENCE.fullmatch(line)
        if not before and closing and fence and fence[2].strip() == "task":
            if task is not None:
                raise LessonError(f"line {number}: the step has two tasks; one is taken.")
            asked = _Part(number + 1, "", [])
        elif asked is not None and closing:
            asked.lines.append(line)
        elif asked is not None:
            task = task_of(Fields.of_yaml("\n".join(asked.lines), "the task", asked.line))
            asked = None
        elif not closing and _is_answer(line):
            if into is answer:
                raise LessonError(f"line {number}: the step has two answers; one is taken.")
            into = answer = _Part(number + 1, "", [])
        else:
            into.lines.append(line)
    if asked is not None:
        raise LessonError(f"line {asked.line - 1}: the task has no end; ``` is to close it.")
    return text, task, answer


def _is_answer(line: str) -> bool:
    heading = _HEADING.fullmatch(line)
    return heading is not None and (heading[1], heading[2].casefold()) == ("###", "answer")


def _heading(part: _Part) -> str:
    try:
        return line_of(part.heading)
    except LessonError as error:
        raise LessonError(f"line {part.line - 1}: {error}.") from error


def _prose(part: _Part) -> Prose:
    try:
        return prose("\n".join(part.lines))
    except LessonError as error:
        raise LessonError(f"line {part.line}: {error}.") from error


def _view(label: str, href: str, part: _Part, pages: Collection[str]) -> View:
    number = next((n for n, line in enumerate(part.lines, part.line) if "](/" in line), part.line)
    parts = urlsplit(href)
    path = parts.path.strip("/")
    if parts.scheme or parts.netloc or path not in pages or len(href) > MOST_ADDRESS:
        raise LessonError(
            f"line {number}: there is no page {parts.path[:60]!r}; those of the menu are meant, as "
            "'/elbo?model=mnist-2d'."
        )
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    if own := [key for key, _ in query if key in OWN]:
        raise LessonError(f"line {number}: a view does not say {own[0]!r}.")
    if not ANCHOR.fullmatch(parts.fragment):
        raise LessonError(f"line {number}: '#' is to be followed by a heading's name in its link.")
    return View(label, path, query, parts.fragment)
