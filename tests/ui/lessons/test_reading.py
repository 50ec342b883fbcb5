"""A lesson's file becomes text, or a sentence that names its line, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.lessons.fields import LessonError
from ui.lessons.reading import Lesson, View, read_lesson
from ui.lessons.tasks import Choose, Number, Place, Reach

PAGES = ("", "elbo", "decode")
HEAD = "---\ntitle: A lesson\nminutes: 5\n---\n"
STEP = "## One\nText.\n"
WHOLE = """---
title: The ELBO, taken apart
minutes: 20
topics: [ELBO, KL divergence]
needs: [why-p-of-x]
---
What it asks.

## The *terms*
Text with $\\mu$ and `code`.

[Look here](/elbo?model=mnist-2d&image=6)

```task
kind: choose
question: Which term?
options:
  - text: the KL
    right: true
    reason: because
  - text: no
    reason: "no: not so"
```

### Answer
Behind a fold.

## A number
```task
kind: number
question: How many?
answer: 3.14
tolerance: 0.05
unit: nats
reason: so it is
```

## A place
```task
kind: place
question: Find a 4.
model: mnist-2d
class: 4
slant: left
reason: so it is
```

## A figure
```task
kind: reach
question: Train.
dataset: digits
figure: elbo
at_least: -20
latent_dim: 2
reason: so it is
```
"""


def read(text: str) -> Lesson:
    return read_lesson("x", text, PAGES)


def task(text: str) -> str:
    return f"{HEAD}{STEP}```task\n{text}\n```\n"


def test_a_whole_lesson_is_read() -> None:
    lesson = read(WHOLE)
    assert (lesson.title, lesson.minutes) == ("The ELBO, taken apart", 20)
    assert lesson.topics == ("ELBO", "KL divergence")
    assert lesson.needs == ("why-p-of-x",)
    first, number, place, reach = lesson.steps
    assert first.heading == "The *terms*"
    assert first.view == View("Look here", "elbo", (("model", "mnist-2d"), ("image", "6")))
    assert "Look here" not in first.text
    assert "Behind a fold" in first.answer
    assert "Behind" not in first.text
    assert isinstance(first.task, Choose)
    assert [option.right for option in first.task.options] == [True, False]
    assert isinstance(number.task, Number)
    assert (number.task.answer, number.task.unit) == (3.14, "nats")
    assert isinstance(place.task, Place)
    assert (place.task.wanted, place.task.slant, place.task.at_least) == ("4", "left", 0.5)
    assert isinstance(reach.task, Reach)
    assert (reach.task.at_least, reach.task.at_most, reach.task.latent_dim) == (-20, None, 2)


def test_a_view_may_be_a_part_of_a_page() -> None:
    view = read_lesson("l", HEAD + STEP + "[a](/elbo?image=6#gap)\n", PAGES).steps[0].view
    assert view == View("a", "elbo", (("image", "6"),), "gap")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "begin with '---'"),
        ("title: x\n", 1, "begin with '---'"),
        ("---\ntitle: x\nminutes: 1\n", 1, "no end"),
        ("---\ntitle: x\nminutes: [\n---\n## a\n", 3, "the head"),
        ("---\ntitle: x\nminutes: soon\n---\n## a\n", 2, "minutes is to be a number"),
        ("---\ntitle: x\nminutes: .nan\n---\n## a\n", 2, "minutes is to be a number"),
        ("---\ntitle: x\nminutes: 5\ncolour: red\n---\n## a\n", 2, "'colour'"),
        ("---\ntitle: x\ntitle: y\nminutes: 5\n---\n## a\n", 3, "twice"),
        ("---\n- title\n---\n## a\n", 2, "fields"),
        ("---\ntitle: &a [b]\nminutes: 5\n---\n## a\n", 2, "& and \\*"),
        ("---\ntitle: !!python/object/apply:os.system [id]\nminutes: 5\n---\n## a\n", 2, "title"),
        ("---\ntitle: " + "[" * 7000 + "\nminutes: 5\n---\n## a\n", 2, "the head"),
        (HEAD, 4, "1 to 60 steps"),
        (HEAD + STEP * 61, 4, "1 to 60 steps"),
        (HEAD + "# Big\n" + STEP, 5, "not with '# …'"),
        (HEAD + "## " + "x" * 200 + "\n", 5, "heading"),
        (HEAD + "[a](/elbo)\n" + STEP, 5, "belongs to a step"),
        (HEAD + STEP + "\n[a](/walls)\n", 8, "no page '/walls'"),
        (HEAD + STEP + "\n[a](/elbo/../live)\n", 8, "no page"),
        (HEAD + STEP + "\n[a](/elbo?step=4)\n", 8, "does not say 'step'"),
        (HEAD + STEP + "\n[a](/elbo#<b>)\n", 8, "a heading's name"),
        (HEAD + STEP + "\n[a](/elbo)\n\n[b](/decode)\n", 6, "2 views"),
        (HEAD + STEP + "### Answer\n[a](/elbo)\n", 8, "before '### Answer'"),
        (HEAD + STEP + "### Answer\nx\n### Answer\n", 9, "two answers"),
        (HEAD + STEP + "```task\nkind: choose\n", 7, "the task has no end"),
        (HEAD + STEP + "x" * 13_000, 6, "longer than 12,000"),
        (HEAD + STEP + "*" * 4000 + "a" + "*" * 4000, 6, "more than 30 deep"),
        (HEAD + "## " + "*" * 70 + "a" + "*" * 70 + "\n", 5, "more than 30 deep"),
        (task("kind: number\nquestion: a" + "*" * 200 + "a" + "*" * 200), 8, "question: there are"),
        (task("kind: number\nquestion: $\\rule$"), 8, "question: the command"),
        (HEAD + STEP + "$\\href{javascript:alert(1)}{x}$", 6, "is not taken in a formula"),
        (HEAD + STEP + "a\x00b\n", 7, "control character"),
        (task("kind: dance"), 8, "kind is to be one of"),
        (task("kind: choose\nquestion: a"), 8, "options is to be a list of 2 to 8"),
        (
            task("kind: choose\nquestion: a\noptions:\n- {text: a, reason: b}\n- {text: c}"),
            8,
            "task, option 2: the field reason is missing",
        ),
        (
            task("kind: choose\nquestion: a\noptions: [{text: a, reason: b},{text: c, reason: d}]"),
            8,
            "no option has 'right: true'",
        ),
        (task("kind: number\nquestion: a\nanswer: nan\ntolerance: 0\nreason: b"), 8, "answer"),
        (task("kind: number\nquestion: a\nanswer: 1e999\ntolerance: 0\nreason: b"), 8, "answer"),
        (
            task("kind: reach\nquestion: a\ndataset: d\nfigure: elbo\nreason: b"),
            8,
            "either at_least",
        ),
        (task("kind: place\nquestion: a\nmodel: m\nclass: 4\nslant: up\nreason: b"), 8, "slant"),
        (task("a: &x [1]\nb: *x"), 8, "& and \\*"),
        (task("- 1"), 8, "fields"),
        (task("kind: choose\nx: y: z"), 9, "the task"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(LessonError, match=rf"^x\.md, line {line}\b.*{words}"):
        read(text)


def test_code_may_hold_what_would_be_structure() -> None:
    step = "## One\n````markdown\n## Two\n```task\nkind: dance\n```\n### Answer\n````\nEnd.\n"
    (only,) = read(HEAD + step).steps
    assert only.task is None
    assert only.answer == ""
    assert "## Two" in only.text
    assert "End" in only.text


@given(st.text(max_size=400))
def test_whatever_stands_in_a_file_is_a_lesson_or_a_sentence(text: str) -> None:
    for whole in (text, f"{HEAD}{STEP}{text}", task(text), f"---\n{text}\n---\n{STEP}"):
        try:
            assert read(whole).steps
        except LessonError as error:
            assert str(error).startswith("x.md, line ")


@pytest.mark.parametrize(
    "piece", ["[", "![", "*", "a*b_", "`a``", "[](", "* a\n ", "<", "$a", "> "]
)
def test_signs_without_an_end_are_text(piece: str) -> None:
    (step,) = read(f"{HEAD}## One\n{(piece * 12_000)[:11_900]}\n\n## Two\nEnd.").steps[:1]
    assert step.text


def test_the_largest_table_is_read() -> None:
    (step,) = read(f"{HEAD}## One\n|a|b|\n|-|-|\n" + "|1|2|\n" * 1_900).steps
    assert step.text.count("\n") == 1_901
