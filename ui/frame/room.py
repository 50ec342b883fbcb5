"""How much lies among the runs, whose it is, and what nobody needs any more."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live.places import runs_root
from ui.frame.owners import came_from
from ui.kept import FOLDER as VISITORS
from vae_core.errors import ConfigError, ZscapeError
from vae_core.files.atomic import remove_leftovers
from vae_core.runs.run import Run

UPLOAD = "upload"  # what the name of a checkpoint begins with that a visitor brought
UPLOADS_STAY_DAYS = 7
SWEPT_SECONDS = 3600.0
MAX_GB = 40  # of all runs and models, where nothing else is set
SHARE_OF_A_VISITOR, SHARE_OF_AN_ADDRESS = 1 / 10, 1 / 2
BYTES_OF_A_RUN = 256 << 20  # what one that is under way counts for, if it has not more already

log = logging.getLogger("zscape.room")


def max_bytes() -> int:
    """What all runs and models may take on the disk together: $ZSCAPE_DISK_GB."""
    text = os.environ.get("ZSCAPE_DISK_GB", "")
    if text and not (text.isdecimal() and 0 < int(text) < 1_000_000):
        raise ConfigError(
            f"ZSCAPE_DISK_GB={text[:40]!r} is not a whole number of gigabytes; it says how much "
            "runs and uploads may take on the server's disk."
        )
    return int(text or MAX_GB) << 30


@contextmanager
def kept_or_told(kind: type[ZscapeError]) -> Iterator[None]:
    """An error of this kind, a sentence, where the system lets nothing be written to the runs."""
    try:
        yield
    except OSError as error:
        raise kind(
            f"Nothing can be kept here: {error.strerror or 'the folder of runs refuses it'}. "
            "Whoever runs the server can make room, or set ZSCAPE_RUNS to a folder that it may "
            "write to."
        ) from error


def why_no_room(root: Path, visitor: str, address: str) -> str:
    """Why `visitor`, at `address`, can keep nothing more below `root`; empty when they can."""
    total = of_visitor = of_address = 0
    for folder in _folders(root):
        run, size = Run(folder), _size(folder)
        if run.status().active:
            size = max(size, BYTES_OF_A_RUN)
        total += size
        of_visitor += size if run.owner == visitor else 0
        of_address += size if came_from(run) == address else 0
    most = max_bytes()
    if of_visitor >= SHARE_OF_A_VISITOR * most:
        return (
            f"Your runs and models take {_gb(of_visitor)} of the server's disk, as much as one "
            "visitor's may; delete some on the page Runs."
        )
    if of_address >= SHARE_OF_AN_ADDRESS * most:
        return (
            f"Runs and models from your network take {_gb(of_address)} of the server's disk, as "
            "much as one network's may; delete some on the page Runs."
        )
    if total >= most:
        return (
            "Runs and models fill the server's disk; delete some of yours on the page Runs, or try "
            "again later."
        )
    return ""


def sweep() -> None:
    """Remove what dead servers and trainers left unfinished, and uploads that have had their time.

    On a server that serves its own machine alone, uploads stay.
    """
    root = runs_root()
    remove_leftovers(root)
    for folder in [*_folders(root), *_folders(root / VISITORS)]:
        remove_leftovers(folder)
        remove_leftovers(folder / "snapshots")
        remove_leftovers(folder / "checkpoint")
    if os.environ.get("ZSCAPE_ALONE") != "1":
        for folder in root.glob(f"{UPLOAD}-*"):
            if _age(folder / "owner") > UPLOADS_STAY_DAYS * 24 * 3600:
                log.info("An upload of %d days ago is removed.", UPLOADS_STAY_DAYS)
                shutil.rmtree(folder, ignore_errors=True)


def keep_swept() -> None:
    """Sweep now, and every hour from then on."""
    while True:
        sweep()
        time.sleep(SWEPT_SECONDS)


def _folders(root: Path) -> list[Path]:
    try:
        return [Path(e.path) for e in os.scandir(root) if e.is_dir() and e.name[0] != "."]
    except OSError:
        return []


def _size(folder: Path) -> int:
    size = 0
    for path, _, files in os.walk(folder):
        for file in files:
            try:
                size += os.lstat(os.path.join(path, file)).st_size
            except OSError:  # somebody deletes it just now
                continue
    return size


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _gb(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB"
