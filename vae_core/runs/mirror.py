"""Carry a run's folder from the machine that trains it to the one where it is looked at.

What is sent are parts: (path in the folder, place, data). Files that only grow are sent by what
was appended, at its place; all others whole, with the place None. A status comes last, so that
what it tells of is there already.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from vae_core.errors import TrainingError
from vae_core.files.atomic import write_bytes

Part = tuple[str, int | None, bytes]

FOLDERS = ("checkpoint", "snapshots", "tensorboard")
FILES = ("events.jsonl", "state.safetensors", "status.json")
LAST = ("model.safetensors", "status.json")


class Outbox:
    """What has changed in a folder since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sent: dict[str, tuple[int, int]] = {}  # path: (time of change, bytes)

    def changes(self) -> list[Part]:
        parts: list[Part] = []
        for file in self._files():
            path = file.relative_to(self.folder).as_posix()
            try:
                stat, data = file.stat(), file.read_bytes()
            except FileNotFoundError:
                continue  # replaced just now: it comes with the next look
            sent_at, sent = self._sent.get(path, (0, 0))
            if (stat.st_mtime_ns, len(data)) == (sent_at, sent):
                continue
            grows = path == "events.jsonl" or "tfevents" in file.name
            place = sent if grows and path in self._sent and len(data) >= sent else None
            parts.append((path, place, data[place or 0 :]))
            self._sent[path] = (stat.st_mtime_ns, len(data))
        return parts

    def _files(self) -> list[Path]:
        inside = [f for name in FOLDERS for f in (self.folder / name).rglob("*") if f.is_file()]
        ordinary = [f for f in inside if not f.name.startswith(".")]
        top = [self.folder / name for name in FILES if (self.folder / name).is_file()]
        return sorted(ordinary + top, key=lambda f: (f.name in LAST and LAST.index(f.name) + 1, f))


def receive(folder: Path, parts: Iterable[Part]) -> None:
    """Write the parts of an `Outbox` into `folder`; each whole file at once or not at all."""
    for path, place, data in parts:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or pure.parts[0] not in FOLDERS + FILES:
            raise TrainingError(f"The cluster sent {path[:80]!r}, which is no part of a run.")
        if place is None:
            write_bytes(folder / pure, data)
        else:
            with (folder / pure).open("r+b") as file:
                file.seek(place)
                file.write(data)
