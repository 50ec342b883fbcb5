"""Whether a process holds a lock: looked at, and not taken even for a moment.

Who took it to see whether it is free would be taken for its holder by the next who looks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

if sys.platform != "win32":
    import fcntl


def is_locked(file: Path) -> bool:
    """Whether somebody holds the `FileLock` of this file; True where nobody may ask.

    Any number may ask at once, and no file is made where there is none.
    """
    if not file.exists():
        return False
    if sys.platform != "win32":
        try:
            opened = os.open(file, os.O_RDONLY)
            try:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            finally:
                os.close(opened)
            return False
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError:  # a file system without such locks, where FileLock has another way
            pass
    try:
        with FileLock(file).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True
