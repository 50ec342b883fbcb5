"""The README's code is tested code; its commands and links, and those of docs/, are right."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ui.frame.navigation import addresses
from ui.lessons.reading import read_lesson
from vae_core.command.main import build_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = {page: page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
SNIPPETS = [
    code
    for code in re.findall(r"```python\n(.*?)```", PAGES[ROOT / "README.md"], flags=re.DOTALL)
    if "zscape.explore(" not in code  # it waits: tests/zscape/test_exploring.py runs it
]


def found(pattern: str) -> set[str]:
    return {match for text in PAGES.values() for match in re.findall(pattern, text, re.MULTILINE)}


LINES = found(r"^[^`\n]*python -m vae_core (.*)")
QUOTED = found(r"`python -m vae_core ([^`]*)`")
NAMES = {text for text in QUOTED if len(text.split()) == 1}  # a command that a sentence speaks of


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_the_snippet_runs_as_it_stands(snippet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(snippet, "README.md", "exec"), {})


def test_the_lesson_is_one() -> None:
    readme = PAGES[ROOT / "README.md"]
    (example,) = re.findall(r"^````markdown\n(.*?)^````", readme, re.MULTILINE | re.DOTALL)
    (step,) = read_lesson("example", example, addresses()).steps
    assert step.view and step.task and step.answer


@pytest.mark.parametrize("line", sorted(LINES | (QUOTED - NAMES)))
def test_the_command_has_the_arguments_that_are_shown(line: str) -> None:
    build_parser().parse_args(shlex.split(line, comments=True))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_command_spoken_of_exists(name: str) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        build_parser().parse_args([name, "--help"])


def test_every_link_leads_somewhere() -> None:
    links = [
        (page, link)
        for page, text in PAGES.items()
        for link in re.findall(r"\]\((?!\w+:|#|/)([^)#\s]+)", text)
    ]
    assert links
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []
