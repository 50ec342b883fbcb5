"""Where the app lies, and where a user's runs and data go."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# A wheel brings the app along in here, so that it adds no other name to site-packages; in a
# checkout it stands beside this package.
_BROUGHT = _PACKAGE / "app"
APP = (_BROUGHT if _BROUGHT.is_dir() else _PACKAGE.parent) / "app.py"


def reach_app() -> None:
    """Let this process import the app's own rooms, `ui` and `live`."""
    if str(APP.parent) not in sys.path:
        sys.path.append(str(APP.parent))


def set_defaults() -> None:
    """Name the folders that the environment leaves open, for this process and those it starts.

    None depends on the working folder: what `zscape train` makes in one folder, `zscape` shows in
    every other.
    """
    from platformdirs import user_data_path

    own = user_data_path("zscape", appauthor=False)
    for name, folder in {
        "ZSCAPE_CHECKPOINTS": APP.parent / "checkpoints",
        "ZSCAPE_RUNS": own / "runs",
        "ZSCAPE_DATA": own / "data",
    }.items():
        if not os.environ.get(name):
            os.environ[name] = str(folder)


def why_not_writable(folder: Path) -> str:
    """What keeps files from being written to `folder`, which is made; empty when nothing does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # what else than a try knows of quotas and mounts?
            return ""
    except OSError as error:
        return error.strerror or str(error)
