"""Files that are written whole or not at all, and read only up to a limit."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    try:
        if path.stat().st_size > max_bytes:
            raise error(f"{path.name} is larger than {max_bytes:,} bytes; it is not one of ours.")
        value = json.loads(path.read_bytes())
    except FileNotFoundError as missing:
        raise error(f"{path.name} is missing in {path.parent.name}.") from missing
    except OSError as failure:
        raise error(f"{path.name} cannot be read: {failure.strerror}.") from failure
    except (ValueError, RecursionError) as broken:
        if isinstance(broken, ZscapeError):
            raise
        raise error(f"{path.name} is not valid JSON; it may be torn or foreign.") from broken
    if not isinstance(value, dict):
        raise error(f"{path.name} holds a {type(value).__name__}, but a JSON object is expected.")
    return value


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` when the block ends without an error.

    A crash leaves the old folder or none, never a mixture.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-new-"))
    try:
        yield new
        os.chmod(new, 0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-old-"))
            os.rename(path, old / path.name)
            os.rename(new, path)
            shutil.rmtree(old)
        else:
            os.rename(new, path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
