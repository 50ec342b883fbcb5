"""The shipped lessons: their views lead to pages and models that are there; sound tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from ui.frame.navigation import SECTIONS
from ui.lessons.reading import read_lesson
from vae_core.data.datasets import dataset_names

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "lessons").glob("*.md"))
NAMES = {file.stem.partition("-")[2] for file in LESSONS}
PATHS = {url for pages in SECTIONS.values() for *_, url in pages}
MODELS = {folder.parent.name for folder in (ROOT / "checkpoints").glob("*/config.json")}
OF_MODELS = ("model", "other", "third", "fourth")
SOURCE = "\n".join(
    p.read_text("utf-8") for room in ("pages", "ui") for p in (ROOT / room).rglob("*.py")
)
HEADINGS = re.findall(r'st\.header\(\s*"([^"]+)"', SOURCE)
ANCHORS = {re.sub(r"\W+", "-", heading.lower()) for heading in HEADINGS} | {
    *re.findall(r'anchor="([^"]+)"', SOURCE),
    *re.findall(r'st\.expander\([^)]*key="([^"]+)"', SOURCE),
}
FIELDS = {
    "choose": ({"options"}, set[str]()),
    "number": ({"answer", "tolerance", "reason"}, {"unit", "wrong"}),
    "place": ({"model", "class", "reason"}, {"slant", "at_least"}),
    "reach": ({"dataset", "figure", "reason"}, {"at_least", "at_most", "latent_dim"}),
}


def views(text: str) -> list[str]:
    return re.findall(r"\]\((/[^)]*)\)", text)


def tasks(text: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"```task\n(.*?)\n```", text, re.DOTALL)]


def test_there_are_ten_in_their_order() -> None:
    numbers = [int(file.stem[:2]) for file in LESSONS]
    assert [n for n in numbers if n] == list(range(1, 11))


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_every_view_names_a_page_and_models_that_are_there(file: Path) -> None:
    found = views(file.read_text("utf-8"))
    assert found
    for view in found:
        parts = urlsplit(view)
        assert parts.path.strip("/") in PATHS, view
        assert not parts.fragment or parts.fragment in ANCHORS, view
        for name, value in parse_qsl(parts.query, strict_parsing=True):
            assert name not in OF_MODELS or value in MODELS, view
            known = rf"[\"']{re.escape(name)}[\"']|\b{re.escape(name)}="
            assert name in OF_MODELS or re.search(known, SOURCE), view


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_is_made_of_steps_with_a_view_and_sound_tasks(file: Path) -> None:
    _, head, text = file.read_text("utf-8").split("---\n", 2)
    assert set(yaml.safe_load(head).get("needs", ())) <= NAMES
    steps = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert 5 <= len(steps) <= 10
    assert all(len(views(step)) <= 1 and len(tasks(step)) <= 1 for step in steps)
    asked = [task for step in steps for task in tasks(step)]
    assert len(asked) > len(steps) / 2
    for task in asked:
        needed, allowed = FIELDS[task.pop("kind")]
        assert task.pop("question")
        assert needed <= task.keys() <= needed | allowed, task
        for option in task.get("options", ()):
            assert {"text", "reason"} <= option.keys() <= {"text", "reason", "right"}, option
        if "options" in task:
            rights = [option.get("right", False) for option in task["options"]]
            assert 2 <= len(rights) <= 8 and True in rights and False in rights, task
        if "class" in task:
            config = json.loads((ROOT / "checkpoints" / task["model"] / "config.json").read_text())
            assert task["class"] in config["class_names"]
        if "dataset" in task:
            assert task["dataset"] in dataset_names()


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_the_app_s_own_reader_takes_it(file: Path) -> None:
    text = file.read_text("utf-8")
    lesson = read_lesson(file.stem, text, PATHS)
    assert lesson.title and lesson.topics
    labels = re.findall(r"^\[([^]]*)\]\(/", text, re.MULTILINE)
    assert [step.view.label for step in lesson.steps if step.view] == labels
