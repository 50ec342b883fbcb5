"""`zscape PATH`: what lies at a path, and how the app is told to begin with it.

The app takes its models from folders that the environment names. So a folder of checkpoints becomes
ZSCAPE_CHECKPOINTS, a run is shown among its neighbours by ZSCAPE_RUNS, and a single checkpoint is
shown before the shipped ones by ZSCAPE_OPEN. A file of codes becomes a model of this process.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from vae_core.checkpoints.layout import REPOSITORY, is_checkpoint
from vae_core.errors import CheckpointError, ConfigError
from zscape.places import reach_app

WHAT = (
    "a checkpoint's folder or its zip, a run's folder, a folder of either, codes in a .npz, "
    ".parquet or .csv, or OWNER/NAME on the Hugging Face Hub"
)
CODES = (".npz", ".parquet", ".csv")
IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".webp", ".bmp", ".heic", ".avif"}
IMAGES |= {".npy", ".h5", ".hdf5", ".mat", ".tar", ".tgz", ".gz"}
# What the address can name: see `model_path` in live/models.py.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Beginning:
    """How the app begins: what the environment says, and the address that the browser opens."""

    environment: dict[str, str] = field(default_factory=dict)
    address: str = "/"


def is_repository(text: str) -> bool:
    """Whether `text` is a name on the Hub, and neither a path nor a mistyped one."""
    path = Path(text).expanduser()
    return bool(REPOSITORY.fullmatch(text)) and not os.path.lexists(path.parent)


def beginning_with(given: str | Path, scratch: Path) -> Beginning:
    """How the app begins with what lies at the path `given`, or on the Hub by that name.

    scratch: a folder that lasts as long as the app, for what has to be unpacked or fetched.
    ConfigError when there is no model, CheckpointError when it cannot be read.
    """
    if is_repository(str(given)):
        return _checkpoint(_fetched(str(given), scratch))
    path = Path(given).expanduser().absolute()
    if path.is_file() and path.suffix.lower() in CODES:
        return _codes(path)
    if path.is_file():
        return _checkpoint(_unpacked(path, scratch))
    if _is_run(path):
        return _run(path)
    if is_checkpoint(path):
        _check(path)
        return _checkpoint(path if _NAME.fullmatch(path.name) else _copied(path, scratch))
    if not path.is_dir():
        raise ConfigError(f"{path} is neither a folder nor an ordinary file; name {WHAT}.")
    inside = list(_folders(path))
    if any(map(is_checkpoint, inside)):
        return Beginning({"ZSCAPE_CHECKPOINTS": str(path)})
    if any(map(_is_run, inside)):
        return Beginning({"ZSCAPE_RUNS": str(path)}, "/runs")
    raise ConfigError(f"There is no model in {path}; {_instead(path)}.")


def _instead(path: Path) -> str:
    """What to do with what lies there: by the names of files, what another program writes."""
    names = [each.name.lower() for each in islice(path.iterdir(), 1_000)] if path.is_dir() else []
    endings = {Path(name).suffix for name in (*names, path.name.lower())}
    if ".onnx" in endings:
        return "ONNX becomes a checkpoint by `zscape import --decoder FILE.onnx`"
    if {"model_config.json", "diffusion_pytorch_model.safetensors"} & set(names):
        return "a model of Pythae or diffusers is shown from Python, by `zscape.explore`"
    if endings & IMAGES:
        return f"images are learned by `zscape train --images {shlex.quote(str(path))}`"
    return f"name {WHAT}"


def _check(folder: Path) -> None:
    """CheckpointError where the checkpoint is broken: told here, before anything is served."""
    from vae_core.checkpoints.reading import read_config, verified_shapes  # with torch

    verified_shapes(folder, read_config(folder))


def _is_run(folder: Path) -> bool:
    return (folder / "status.json").is_file()


def _folders(path: Path) -> Iterator[Path]:
    for child in path.iterdir():
        if child.name[0] != "." and child.is_dir():
            yield child


def _checkpoint(folder: Path) -> Beginning:
    return Beginning({"ZSCAPE_OPEN": str(folder)}, f"/?model={quote(folder.name)}")


def _codes(path: Path) -> Beginning:
    """Codes alone: they stay in this process, which serves the app."""
    reach_app()
    from live.models import hold  # with torch
    from vae_core.data.given.files import read_codes
    from vae_core.data.own.source import printable
    from zscape.given import opened_codes

    codes = read_codes(path)
    n, d = codes.mu.shape
    vectors = printable(codes.vectors)
    print(f"zscape: {n:,} codes of {d:,} numbers, from {vectors} of {path.name}", file=sys.stderr)
    if codes.left_out:
        print(f"zscape: not read of {path.name}: {'; '.join(codes.left_out)}.", file=sys.stderr)
    opened = opened_codes(printable(path.stem) or "codes", codes)
    hold(opened)
    return Beginning(address=f"/?model={quote(opened.id, safe=':')}")


def _run(folder: Path) -> Beginning:
    if folder.name.startswith(".") or not folder.name.isprintable():
        raise ConfigError(
            f"A link cannot name the run {folder.name!r}; rename its folder so that it begins with "
            "a letter or digit and has nothing invisible."
        )
    if not is_checkpoint(folder / "checkpoint"):
        raise ConfigError(f"The run {folder.name} has not learned anything yet that can be shown.")
    model = f"run:{quote(folder.name, safe='')}"  # as `run_id` in live/models.py has it
    return Beginning({"ZSCAPE_RUNS": str(folder.parent)}, f"/?model={quote(model, safe=':')}")


def _unpacked(file: Path, scratch: Path) -> Path:
    if not zipfile.is_zipfile(file):
        raise ConfigError(f"{file} is no zip of a checkpoint; {_instead(file)}.")
    from vae_core.checkpoints.archives import unpack_checkpoint  # with torch, which takes seconds

    folder = scratch / _usable_name(file.stem)
    with file.open("rb") as archive:
        unpack_checkpoint(archive, folder)
    return folder


def _fetched(repository: str, scratch: Path) -> Path:
    from vae_core.checkpoints.hub import pull  # with torch, which takes seconds

    folder = scratch / _usable_name(repository.rpartition("/")[2])
    try:
        pull(repository, folder, lambda text: print(f"zscape: {text}", file=sys.stderr))
    except (CheckpointError, ConfigError) as error:  # a path is more often meant, and mistyped
        raise type(error)(
            f"There is no path {repository} here, so it was taken for a name on the Hugging Face "
            f"Hub. {error}"
        ) from error
    return folder


def _copied(path: Path, scratch: Path) -> Path:
    """The checkpoint under a name that an address can hold."""
    from vae_core.checkpoints.writing import copy_checkpoint

    folder = scratch / _usable_name(path.name)
    copy_checkpoint(path, folder)
    return folder


def _usable_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:64] or "model"
