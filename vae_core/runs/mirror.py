"""Carry a run's folder from the machine that trains it to the one where it is looked at.

What is sent are parts: (path in the folder, place, data). Files that only grow are sent by what
was appended, at its place; all others whole, with the place None. A status comes last, so that
what it tells of is there already.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from vae_core.errors import TrainingError
from vae_core.files.atomic import NO_FILE, Version, version_of, write_bytes

Part = tuple[str, int | None, bytes]

FOLDERS = ("checkpoint", "snapshots", "tensorboard")
FILES = ("events.jsonl", "state.safetensors", "status.json")
LAST = ("model.safetensors", "status.json")


class Outbox:
    """What has changed in a folder since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sent: dict[str, tuple[Version, int]] = {}  # by path, with how many bytes

    def changes(self) -> list[Part]:
        parts: list[Part] = []
        for file in self._files():
            path = file.relative_to(self.folder).as_posix()
            try:
                version, data = version_of(file), file.read_bytes()
            except FileNotFoundError:
                continue  # replaced just now: it comes with the next look
            before, sent = self._sent.get(path, (NO_FILE, 0))
            if (version, len(data)) == (before, sent):
                continue
            grows = path == "events.jsonl" or "tfevents" in file.name
            is_same = version[1] == before[1] and len(data) >= sent  # and was not written anew
            place = sent if grows and is_same else None
            parts.append((path, place, data[place or 0 :]))
            self._sent[path] = version, len(data)
        return parts

    def _files(self) -> list[Path]:
        folders = [walked for name in FOLDERS for walked in os.walk(self.folder / name)]
        inside = [Path(folder) / name for folder, _, names in folders for name in names]
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
