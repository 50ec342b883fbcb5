"""Names that a visitor gives to latent dimensions.

Those of a run of the visitor's own stay in its folder, for all who look at it; those of any other
model, which all share, stay in a file of the visitor's own beside the runs.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import streamlit as st

from live.models import OpenModel
from live.places import runs_root
from ui.frame.session import is_mine
from ui.kept import visitor
from vae_core.errors import CheckpointError
from vae_core.files.atomic import read_json, write_json
from vae_core.runs.run import Run

FILE = "dimension_names.json"
FOLDER = ".names"  # among the runs: {model id: {dimension: name}} of each visitor
LONGEST = 40  # characters
MOST_NAMES = 128  # of a model
MOST_MODELS = 32  # of a visitor: those named last

log = logging.getLogger("zscape.names")


def dimension_names(opened: OpenModel) -> dict[int, str]:
    """Names by dimension, counted from 0; those without one are left out."""
    session: dict[str, dict[int, str]] = st.session_state.setdefault("dimension_names", {})
    if opened.id not in session:
        session[opened.id] = _read(opened)
    return session[opened.id]


def name_dimension(opened: OpenModel, dim: int, name: str) -> None:
    """Give dimension `dim` a name; an empty one takes it away."""
    names = dimension_names(opened)
    names.pop(dim, None)
    if name.strip() and len(names) < MOST_NAMES:
        names[dim] = name.strip()[:LONGEST]
    kept = {str(j): names[j] for j in sorted(names)}
    try:
        if _is_own(opened):
            write_json(opened.path.parent / FILE, kept)
        else:
            others = _of_visitor()
            others.pop(opened.id, None)
            models = [*others.items(), (opened.id, kept)]
            write_json(_visitors_file(), dict(models[-MOST_MODELS:]))
    except OSError as error:
        log.warning("A dimension's name was not kept: %s", error)
        st.toast(f"The name lasts until you reload the page: {error.strerror}.")


def _is_own(opened: OpenModel) -> bool:
    return opened.id.startswith("run:") and is_mine(Run(opened.path.parent))


def _visitors_file() -> Path:
    return runs_root() / FOLDER / f"{visitor()}.json"


def _of_visitor() -> dict[str, Any]:
    """What the visitor's file holds."""
    return _held(_visitors_file())


def _held(file: Path) -> dict[str, Any]:
    """What a file of names holds; nothing where there is none or it is broken."""
    if not file.exists():
        return {}
    try:
        return read_json(file, CheckpointError)
    except CheckpointError as error:  # it has names alone: no reason to show no page
        log.warning("%s", error)
        return {}


def _read(opened: OpenModel) -> dict[int, str]:
    found = None if _is_own(opened) else _of_visitor().get(opened.id)
    if found is None and opened.id.startswith("run:"):
        found = _held(opened.path.parent / FILE)
    return _checked(found, opened.model.latent_dim)


def _checked(found: object, latent_dim: int) -> dict[int, str]:
    """Of what a file holds, the names of dimensions that there are."""
    if not isinstance(found, dict):
        return {}
    known = set(map(str, range(latent_dim)))
    return {
        int(dim): name[:LONGEST]
        for dim, name in found.items()
        if dim in known and isinstance(name, str)
    }
