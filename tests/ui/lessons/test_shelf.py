"""The shelf: ours and a teacher's, and a broken file is named while the rest are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ui.frame.navigation import addresses
from ui.lessons.shelf import SHIPPED, VARIABLE, called, shelf
from vae_core.files.atomic import write_bytes

LESSON = "---\ntitle: {}\nminutes: 5\n---\n## One\nText.\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


def test_ours_are_whole() -> None:
    found = shelf(addresses())
    assert found.faults == ()
    assert list(found.lessons) == sorted(file.stem for file in SHIPPED.glob("*.md"))
    names = {called(name) for name in found.lessons}
    assert {need for lesson in found.lessons.values() for need in lesson.needs} <= names


def test_a_teachers_own_come_after_ours_and_in_their_place(own: Path) -> None:
    (own / "00-tour.md").write_text(LESSON.format("Mine"))
    (own / "00-first.md").write_text(LESSON.format("First"))
    found = shelf(addresses())
    assert found.faults == ()
    assert next(iter(found.lessons)) == "00-tour"
    assert found.lessons["00-tour"].title == "Mine"
    assert list(found.lessons)[-1] == "00-first"


def test_a_lesson_written_anew_within_a_tick_of_the_clock_is_the_new_one(own: Path) -> None:
    for title in ("One", "Two"):
        write_bytes(own / "mine.md", LESSON.format(title).encode())
        os.utime(own / "mine.md", (1e9, 1e9))
        assert shelf(addresses()).lessons["mine"].title == title


def test_what_cannot_be_read_is_named_and_the_rest_are_there(own: Path, tmp_path: Path) -> None:
    (own / "good.md").write_text(LESSON.format("Good"))
    (own / "broken.md").write_text("# Nothing")
    (own / "large.md").write_text(LESSON.format("Large") + "x" * (10 << 20))
    (own / "latin.md").write_bytes(LESSON.format("Latin").encode() + b"caf\xe9")
    (own / "nul.md").write_bytes(LESSON.format("Nul").encode() + b"\0")
    (own / "Two Words.md").write_text(LESSON.format("Words"))
    (own / "folder.md").mkdir()
    os.mkfifo(own / "pipe.md")
    (tmp_path / "secret.md").write_text(LESSON.format("Secret"))
    (own / "out.md").symlink_to(tmp_path / "secret.md")
    (own / "gone.md").symlink_to(own / "nowhere")
    (own / "round.md").symlink_to(own / "round.md")
    (own / "notes.txt").write_text("no lesson")
    (own / "README.md").write_text("no lesson")
    found = shelf(addresses())
    assert "good" in found.lessons
    assert "00-tour" in found.lessons
    for name, why in {
        "broken.md": "line 1",
        "large.md": "larger than 256 KB",
        "latin.md": "line 7: it is not written in UTF-8",
        "nul.md": "control character",
        "Two Words.md": "a name of",
        "folder.md": "it is no file",
        "pipe.md": "it is no file",
        "out.md": "leads out of the folder",
        "gone.md": "No such file",
        "round.md": "symbolic links",
    }.items():
        (fault,) = (each for each in found.faults if each.startswith(name))
        assert why in fault
    assert len(found.faults) == 10
    assert str(tmp_path) not in "".join(found.faults)


def test_a_file_that_was_mended_is_there(own: Path) -> None:
    (own / "mine.md").write_text("---\n")
    assert len(shelf(addresses()).faults) == 1
    (own / "mine.md").write_text(LESSON.format("Mended"))
    assert shelf(addresses()).lessons["mine"].title == "Mended"


def test_a_folder_that_is_not_there_is_named(own: Path) -> None:
    own.rmdir()
    (fault,) = shelf(addresses()).faults
    assert "own" in fault
    assert "00-tour" in shelf(addresses()).lessons


def test_no_more_than_200_are_read(own: Path) -> None:
    for k in range(203):
        (own / f"l{k:03}.md").write_text(LESSON.format(k))
    found = shelf(addresses())
    assert "l199" in found.lessons
    assert "l200" not in found.lessons
    assert "203 lessons" in found.faults[0]
