"""Files that are written whole or not at all, and read only up to a limit.

What is being written lies beside its place, under a name that begins with a dot and ends in .part.
A killed process leaves it there; `remove_leftovers` tells it from a living one's.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from vae_core.errors import ZscapeError

MAX_JSON_BYTES = 1 << 20
PART, LOCK = ".part", ".lock"
Version = tuple[int, int, int]  # when it changed, in nanoseconds, its number on the disk, its bytes
NO_FILE: Version = (0, 0, 0)
WRITTEN_SECONDS = 600
REPLACE_SECONDS = 5.0  # a reader has closed it long before
LOOK_SECONDS = 0.02
SCRATCH = "zscape-scratch"

_PART = re.compile(r"\..+-[a-z0-9_]{8}(\.part)?")  # earlier versions wrote no .part


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically: a crash leaves the old file or none."""
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=PART)
    try:
        with _named(path), os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def replace(source: str | Path, target: Path) -> None:
    """Put the file `source` in the place of `target` at one stroke.

    Windows refuses while somebody reads the old one: then it is tried again for a while.
    """
    patience = time.monotonic() + (REPLACE_SECONDS if sys.platform == "win32" else 0)
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if time.monotonic() >= patience:
                raise
        time.sleep(LOOK_SECONDS)


def version_of(path: Path) -> Version:
    """What tells a file from what was there before and comes after; NO_FILE where there is none.

    Its time alone does not: clocks tick, and two may be written within one. But whatever takes the
    place of another has a number of its own on the disk.
    """
    try:
        told = path.stat()
    except OSError:
        return NO_FILE
    return told.st_mtime_ns, told.st_ino, told.st_size


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An OSError names `path`, which was asked for, not what is being written beside it."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically; ValueError when it holds NaN or infinity."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(
    path: Path, error: type[ZscapeError], max_bytes: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """The JSON object in `path`; `error` when it is missing, too large or no object."""
    with open_ordinary(path, error, max_bytes) as file:
        data = file.read()
    try:
        value = json.loads(data, parse_constant=_finite, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as broken:
        raise error(
            f"{path.name} is not valid JSON, but torn or foreign; copy it again."
        ) from broken
    if not isinstance(value, dict):
        raise error(f"{path.name} holds a {type(value).__name__}, but a JSON object is expected.")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite")
    return value


@contextmanager
def open_ordinary(path: Path, error: type[ZscapeError], max_bytes: int) -> Iterator[BinaryIO]:
    """Open `path` for reading; `error` when it is missing, too large or no ordinary file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device could be read for ever
            raise error(f"{path.name} in {path.parent.name} is no ordinary file.")
        if status.st_size > max_bytes:
            raise error(
                f"{path.name} in {path.parent.name} has {status.st_size:,} bytes; more than "
                f"{max_bytes:,} are never read."
            )
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as missing:
        raise error(f"{path.name} is missing in {path.parent.name}.") from missing
    except OSError as failure:
        raise error(f"{path.name} cannot be read: {failure.strerror}.") from failure


@contextmanager
def staging(path: Path) -> Iterator[Path]:
    """A folder beside `path` for what is to be moved there, or away; gone when the block ends.

    It is locked as long as the process lives.
    """
    with ExitStack() as held:
        with _named(path):
            folder = tempfile.TemporaryDirectory(
                dir=path.parent, prefix=f".{path.name}-", suffix=PART, ignore_cleanup_errors=True
            )
            name = held.enter_context(folder)
            held.enter_context(FileLock(Path(name) / LOCK))
        yield Path(name)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder among the system's temporary ones, gone when the block ends.

    Those that killed processes of the same user have left go first.
    """
    place = Path(tempfile.gettempdir(), SCRATCH)
    remove_leftovers(place.parent, of=SCRATCH)
    with staging(place) as folder:
        yield folder


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` when the block ends without an error.

    A crash leaves the old folder or none, never a mixture.
    """
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with staging(path) as place:
        new, old = place / "new" / path.name, place / "old"
        new.mkdir(parents=True)
        yield new
        if os.path.lexists(path):
            os.rename(path, old)
        try:
            os.rename(new, path)
        except OSError:
            if os.path.lexists(old):
                os.rename(old, path)
            raise


def delete_folder(path: Path) -> None:
    """Remove a folder: out of its place at one stroke, then file by file.

    Nothing where somebody else has removed it just now.
    """
    with staging(path) as going, suppress(FileNotFoundError):
        os.rename(path, going / path.name)


def remove_leftovers(folder: Path, of: str = "") -> None:
    """Remove what processes that are dead have left unfinished in `folder`.

    of: only where that name was to be written, and by this user, in a folder that others use, too.
    A folder of theirs is not locked any more, or never was; a file is older than any takes to be
    written. What cannot be removed stays.
    """
    for entry in _entries(folder):
        if not _PART.fullmatch(entry.name) or not entry.name.startswith(f".{of}"):
            continue
        with suppress(OSError, Timeout):
            told = entry.stat(follow_symlinks=False)
            if of and hasattr(os, "geteuid") and told.st_uid != os.geteuid():
                continue
            age = time.time() - told.st_mtime
            if not entry.is_dir(follow_symlinks=False):
                if age > WRITTEN_SECONDS:
                    os.unlink(entry.path)
            elif (lock := Path(entry.path, LOCK)).exists() or age > WRITTEN_SECONDS:
                with FileLock(lock).acquire(timeout=0):
                    # With a lock alone, it was made just now by who is about to hold that.
                    if age > WRITTEN_SECONDS or os.listdir(entry.path) != [LOCK]:
                        shutil.rmtree(entry.path, ignore_errors=True)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
