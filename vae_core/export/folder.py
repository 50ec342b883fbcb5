"""The folder that an export goes to."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from vae_core.errors import ConfigError
from vae_core.files.atomic import folder_written_whole
from vae_core.files.folders import check_can_hold, would_be_lost


@contextmanager
def export_folder(path: str | Path, files: Collection[str]) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` when the block ends without an error.

    files: what it may hold; an earlier export of such files is replaced. ConfigError where `path`
    is a file or holds anything else, the folder that it is to lie in is missing, or it cannot be
    written.
    """
    if not str(path):
        raise ConfigError("'' is no place for a folder; name one.")
    place = Path(os.path.abspath(path))
    check_can_hold(place)
    if os.path.isfile(place):
        raise ConfigError(f"{place} is a file, and an export is a folder; name one that is new.")
    try:
        if lost := would_be_lost(place, files):
            raise ConfigError(
                f"{lost!r} in {place.name} would be lost, as an export takes the whole folder; "
                "name a folder that is new."
            )
        with folder_written_whole(place) as folder:
            yield folder
    except OSError as error:
        raise ConfigError(f"{place} cannot be written: {error.strerror or error}.") from error
