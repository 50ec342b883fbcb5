"""The folders in which models and runs lie: one that cannot be read is told, and hides no other."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from vae_core.errors import ConfigError


@dataclass(frozen=True)
class Folder:
    """A folder; error: why nobody can look into it, as the end of a sentence."""

    path: Path
    error: str = ""


def folders(root: Path) -> list[Folder]:
    """The folders in `root` by name, without hidden ones; OSError where `root` cannot be read."""
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:
        found = [Path(e.path) for e in entries if e.name[0] != "." and os.path.isdir(e.path)]
    return [Folder(path, _unreadable(path)) for path in sorted(found)]


def check_can_hold(place: Path) -> None:
    """ConfigError where the folder that `place` is to lie in is missing, or is a file."""
    if (parent := place.absolute().parent).is_dir():
        return
    if file := next((path for path in (parent, *parent.parents) if path.is_file()), None):
        raise ConfigError(f"{place.name} cannot be put in {file}, a file; name another place.")
    raise ConfigError(f"There is no folder {place.parent} to put {place.name} in; make it.")


def would_be_lost(path: Path, files: Collection[str]) -> str:
    """What a new folder of `files` in the place of `path` would destroy, by name; empty if nothing.

    Such files there are meant to be replaced. A link to a folder would be lost itself.
    """
    if path.is_dir() and not path.is_symlink():
        names = (n for n in sorted(os.listdir(path)) if n not in (*files, ".DS_Store"))
        return next(names, "")
    return path.name if os.path.lexists(path) else ""


def _unreadable(path: Path) -> str:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return "its name is not in UTF-8; rename it"
    if not os.access(path, os.R_OK | os.X_OK):
        return "the server may not read it; open it to the server"
    return ""
