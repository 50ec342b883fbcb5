"""The README's code is tested code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_the_snippet_runs_as_it_stands(snippet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(snippet, "README.md", "exec"), {})


def test_every_command_named_exists() -> None:
    from vae_core.__main__ import build_parser

    commands = re.findall(r"python -m vae_core (\w+)", README)
    help_text = build_parser().format_help()
    assert commands
    assert [c for c in commands if not re.search(rf"^\s+{c}\b", help_text, re.MULTILINE)] == []


def test_the_picture_is_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert pictures
    assert [p for p in pictures if not (ROOT / p).is_file()] == []
