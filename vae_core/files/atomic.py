"""Files that are written whole or not at all, and read only up to a limit."""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from vae_core.errors import ZscapeError

MAX_JSON_BYTES = 1 << 20


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically: a crash leaves the old file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
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
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` when the block ends without an error.

    A crash leaves the old folder or none, never a mixture.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=path.parent, prefix=f".{path.name}-", ignore_cleanup_errors=True
    ) as staging:
        new, old = Path(staging) / "new" / path.name, Path(staging) / "old"
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
    """Remove a folder: out of its place at one stroke, then file by file."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as going:
        os.rename(path, Path(going) / path.name)
