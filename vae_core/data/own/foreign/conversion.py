"""Files of other programs made into what is read here, by a process of its own (see `reader`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NamedTuple

from vae_core.errors import DataError
from vae_core.files.atomic import scratch

READER = Path(__file__).with_name("reader.py")
UNREADABLE = 3  # the exit code with which it says why
SECONDS = 300  # by the clock, on a busy machine
# One thread, and memory that is asked for as it is used: else libraries reserve many times more.
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
ALONE |= {"ARROW_DEFAULT_MEMORY_POOL": "system"}
MAX_SOURCE_BYTES = 4 << 30
# kind: what it is called, the library that reads it, what brings that
NEEDS = {
    "hdf5": ("HDF5", "h5py", '"zscape[hdf5]"'),
    "matlab": ("a MATLAB file", "scipy", "scipy"),
    "parquet": ("parquet", "pyarrow", "pyarrow"),
}


class Converted(NamedTuple):
    """A zip or .npz in place of what was given, and what is to be said of it."""

    path: Path
    notes: list[str]


@contextmanager
def converted(
    kind: str, sources: Sequence[Path | BinaryIO], name: str, max_bytes: int
) -> Iterator[Converted]:
    """What is in files of a kind, of max_bytes at most, in a zip that is gone when the block ends.

    DataError where they cannot be read, or the library that reads them is missing.
    """
    called, library, package = NEEDS[kind]
    if find_spec(library) is None:
        raise DataError(f"{name} is {called}, which {library} reads: pip install {package}.")
    with scratch() as folder:
        paths = [
            source if isinstance(source, Path) else _on_disk(source, folder, name)
            for source in sources
        ]
        target = folder / "converted.zip"
        arguments = [kind, str(max_bytes), str(target), *(str(path.resolve()) for path in paths)]
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(READER), *arguments],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False,
                cwd=folder, env=os.environ | ALONE,
            )  # fmt: skip
        except subprocess.TimeoutExpired as slow:
            raise DataError(f"{name} takes more than {SECONDS} seconds to read.") from slow
        said = done.stdout.decode(errors="replace").strip()
        if done.returncode == UNREADABLE:
            shown = "".join(c if c.isprintable() else "?" for c in said[:300])
            raise DataError(f"{name} {shown}.")
        if done.returncode:
            raise DataError(f"{name} is {called}, but damaged or none that can be read.")
        notes = [f"Columns that are not read: {', '.join(json.loads(said))[:200]}."] if said else []
        yield Converted(target, notes)


@contextmanager
def boxed(array: Path | BinaryIO, name: str, max_bytes: int) -> Iterator[Path]:
    """A .npz of the one array in a .npy, gone when the block ends."""
    with scratch() as folder:
        path = folder / "array.npz"
        with _opened(array) as file, zipfile.ZipFile(path, "w") as bundle:
            if file.seek(0, os.SEEK_END) > max_bytes + (1 << 16):
                raise DataError(
                    f"{name} has more than {max_bytes:,} bytes, the most that are read."
                )
            file.seek(0)
            with bundle.open("images.npy", "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member)
        yield path


def _on_disk(source: BinaryIO, folder: Path, name: str) -> Path:
    size = source.seek(0, os.SEEK_END)
    if size > MAX_SOURCE_BYTES:
        raise DataError(f"{name} has {size:,} bytes; {MAX_SOURCE_BYTES:,} are read at most.")
    source.seek(0)
    path = folder / "source"
    with path.open("wb") as file:
        shutil.copyfileobj(source, file)
    return path


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        yield source
