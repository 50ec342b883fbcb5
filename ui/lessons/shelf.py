"""All lessons that there are: those of this folder's `lessons`, and a teacher's own.

$ZSCAPE_LESSONS names a folder of more; a file there stands in the place of ours of the same name. A
file that cannot be read is named, and the rest are there.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ui.lessons.fields import LessonError
from ui.lessons.reading import MAX_BYTES, NAME, Lesson, read_lesson
from ui.text.plain import printable
from vae_core.files.atomic import Version, version_of

SHIPPED = Path(__file__).resolve().parents[2] / "lessons"
VARIABLE = "ZSCAPE_LESSONS"
MOST = 200  # lessons of a folder
MOST_ENTRIES = 5_000  # of a folder that are looked through


@dataclass(frozen=True)
class Shelf:
    """lessons: by name, in order; faults: a sentence for each file that is none."""

    lessons: dict[str, Lesson]
    faults: tuple[str, ...]


def shelf(pages: Collection[str]) -> Shelf:
    """The lessons, as their files are now. pages: paths that a view may lead to."""
    lessons: dict[str, Lesson] = {}
    faults: list[str] = []
    for folder in filter(None, (str(SHIPPED), os.environ.get(VARIABLE))):
        _fill(lessons, faults, Path(folder), frozenset(pages))
    return Shelf(lessons, tuple(faults))


def called(name: str) -> str:
    """A lesson's name as other lessons' `needs` say it: without its number."""
    return re.sub(r"^\d+-", "", name)


def _fill(
    lessons: dict[str, Lesson], faults: list[str], folder: Path, pages: frozenset[str]
) -> None:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)]
    except OSError as error:
        why = error.strerror or "it cannot be read"
        faults.append(f"The folder {printable(folder.name)} of lessons: {why}.")
        return
    names = sorted(n for n in names if n.endswith(".md") and n != "README.md" and n[0] != ".")
    if len(names) > MOST:
        faults.append(f"There are {len(names)} lessons in a folder; the first {MOST} are shown.")
    for file in names[:MOST]:
        try:
            name = file.removesuffix(".md")
            if not NAME.fullmatch(name):
                raise LessonError(
                    f"{printable(file)[:80]}: a lesson's file has a name of a-z, 0-9 and -, 60 at "
                    "most."
                )
            lessons[name] = _opened(folder, name, pages)
        except LessonError as error:
            faults.append(str(error))


def _opened(folder: Path, name: str, pages: frozenset[str]) -> Lesson:
    path = folder / f"{name}.md"
    try:
        # Path.resolve raises RuntimeError where links go round in a circle, up to Python 3.12.
        real = Path(os.path.realpath(path, strict=True))
        if not real.is_relative_to(os.path.realpath(folder)):
            raise LessonError(f"{path.name}: it is a link that leads out of the folder.")
        told = real.stat()
    except OSError as error:
        raise LessonError(f"{path.name}: {error.strerror or 'it cannot be read'}.") from error
    if not stat.S_ISREG(told.st_mode):
        raise LessonError(f"{path.name}: it is no file.")
    if told.st_size > MAX_BYTES:
        raise LessonError(f"{path.name}: it is larger than {MAX_BYTES >> 10} KB.")
    read = _read(real, name, version_of(real), pages)
    if isinstance(read, LessonError):
        raise read
    return read


@lru_cache(4 * MOST)
def _read(path: Path, name: str, _version: Version, pages: frozenset[str]) -> Lesson | LessonError:
    """Read once as long as it stays the same; a fault is one that is told again."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return LessonError(f"{name}.md: it is larger than {MAX_BYTES >> 10} KB.")
        return read_lesson(name, data.decode(), pages)
    except OSError as error:
        return LessonError(f"{name}.md: {error.strerror or 'it cannot be read'}.")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return LessonError(f"{name}.md, line {line}: it is not written in UTF-8.")
    except LessonError as error:
        return error
