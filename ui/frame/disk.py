"""What a visitor is told where the server cannot write: why, and nothing of its folders' names."""

from __future__ import annotations

import errno

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def unwritable(error: OSError) -> str | None:
    """The sentence for a full or a closed disk; None for another failure."""
    if error.errno in FULL:
        return (
            "The server's disk is full, so nothing was kept; delete runs or models that you no "
            "longer need, or have whoever runs the server free some space."
        )
    if error.errno in CLOSED:
        return (
            "The server cannot write to its folder of runs and models, so nothing was changed; "
            "whoever runs it can open that folder to it, or set ZSCAPE_RUNS to another."
        )
    return None
