"""Models of a visitor: what a run learned, kept under a name, and checkpoints that they brought."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from live.places import runs_root
from ui.frame import limits
from ui.frame.owners import alone, called
from ui.frame.room import UPLOAD, kept_or_told, why_no_room
from ui.frame.session import is_mine, own, owned
from ui.kept import address, visitor
from vae_core.checkpoints.archives import unpack_checkpoint
from vae_core.checkpoints.layout import LATENTS
from vae_core.checkpoints.reading import without_sources
from vae_core.errors import CheckpointError
from vae_core.files.atomic import folder_written_whole, write_bytes
from vae_core.runs.jobs import keep
from vae_core.runs.run import Run

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def kept_models() -> list[str]:
    """Tokens of this visitor's models, kept and brought, oldest first."""
    return [token for token in owned() if not (runs_root() / token / "status.json").exists()]


def keep_model(run: Run, name: str) -> None:
    """Copy what `run` has learned to a model of this visitor's, told by `name` in their list.

    CheckpointError when the name is odd or theirs already, or they have as many as they may.
    """
    if not MODEL_NAME.fullmatch(name):
        raise CheckpointError(
            f"{name[:40]!r} cannot be a model's name; take letters, digits, '_' and '-', 32 at "
            "most, the first a letter or digit."
        )
    with _new_model(name) as folder:
        keep(run, "checkpoint", folder)
        latents = folder / "checkpoint" / LATENTS
        if not is_mine(run):  # another's images stay where they are, and so do their files' names
            if latents.exists():
                write_bytes(latents, without_sources(latents.parent))
        elif run.images_file.exists():
            shutil.copyfile(run.images_file, Run(folder).images_file)


def bring_model(archive: BinaryIO) -> str:
    """Unpack an uploaded zip of a checkpoint to a model of this visitor's; returns its token.

    CheckpointError when it is not sound, or they have as many as they may.
    """
    with _new_model(UPLOAD) as folder:
        unpack_checkpoint(archive, folder / "checkpoint")
    return folder.name


@contextmanager
def _new_model(name: str) -> Iterator[Path]:
    """An empty folder for a model of this visitor's: there whole, with its owner, or not at all."""
    _check_room(name)
    root = runs_root()
    path = root / f"{name}-{secrets.token_hex(12)}"
    refused = kept_or_told(CheckpointError)
    with refused, ExitStack() as after, folder_written_whole(path) as folder:
        yield folder
        write_bytes(folder / "owner", visitor().encode())
        write_bytes(folder / "from", address().encode())
        after.enter_context(FileLock(root / ".keeping"))  # two tabs' are counted one by one
        _check_room(name)
    own(path.name)


def _check_room(name: str) -> None:
    mine = visitor()
    kept = [t for t in kept_models() if alone() or Run(runs_root() / t).owner == mine]
    alike = [token for token in kept if called(token)[0] == name]
    if name == UPLOAD:
        if len(alike) >= limits.MAX_UPLOADS_OF_A_VISITOR and not alone():
            raise CheckpointError(
                f"You have opened {len(alike)} checkpoints, as many as one visitor may; delete one "
                "on the page Runs."
            )
    elif alike:
        raise CheckpointError(f"You have a model {name!r} already; choose another name.")
    if not alone() and (refusal := why_no_room(runs_root(), visitor(), address())):
        raise CheckpointError(refusal)
    if len(kept) >= limits.MAX_MODELS_OF_A_VISITOR and not alone():
        raise CheckpointError(
            f"You have kept {len(kept)} models, as many as one visitor may; delete one on the page "
            "Runs."
        )
