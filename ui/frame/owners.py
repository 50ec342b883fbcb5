"""Whose a run or a model is: who started it is marked in its folder, by a hash of their cookie.

Served to its own machine alone ($ZSCAPE_ALONE), the app has one visitor, to whom all of them
belong: also those that the command line made. So they do to a class's teacher.
"""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from live.models import secret_of
from live.places import runs_root
from live.visitors import is_alone
from ui.frame.classroom import is_teacher
from vae_core.files.folders import folders
from vae_core.runs.run import Run


def alone() -> bool:
    """Whether the app is served to whoever sits at this machine, and to nobody else."""
    return is_alone(st.context.headers)


def belongs(run: Run, visitor: str) -> bool:
    """Whether the run, or the model in a folder as a run's, is this visitor's."""
    return alone() or is_teacher() or run.owner == visitor


def came_from(run: Run) -> str:
    """The mark of the address from which the run was started; empty where there is none."""
    try:
        return (run.path / "from").read_text("utf-8", errors="replace")
    except OSError:
        return ""


def owned_by(visitor: str, root: Path) -> list[str]:
    """Tokens of this visitor's runs and models below `root`, newest last."""
    found = [each.path for each in folders(root) if not each.error]
    every = [path for path in found if any((path / name).exists() for name in _MARKS)]
    mine = [folder for folder in every if belongs(Run(folder), visitor)]
    return [folder.name for folder in sorted(mine, key=_made)]


def called(token: str) -> tuple[str, str]:
    """The name of a run or a model, and what tells it from others of that name.

    The latter is the end of the secret that the app puts behind a name of its own; one that the
    command line made is called as its folder is.
    """
    secret = secret_of(token)
    return (token.removesuffix(f"-{secret}"), secret[-4:]) if secret else (token, "")


def may_look(token: str, visitor: str) -> bool:
    """Whether the visitor may see a run or a model that a link names.

    Who has the link has the secret in its name; one without is for whoever owns it, and on a
    server that is not known to be among strangers.
    """
    if secret_of(token):
        return True
    known = os.environ.get("ZSCAPE_ALONE") is not None
    return not known or belongs(Run(runs_root() / token), visitor)


_MARKS = ("owner", "status.json")  # of a model, of a run


def _made(folder: Path) -> tuple[float, str]:
    for name in _MARKS:
        try:
            return (folder / name).stat().st_mtime, folder.name
        except OSError:  # there is none, or someone deletes it meanwhile
            continue
    return 0.0, folder.name
