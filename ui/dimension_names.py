"""Names that a visitor gives to latent dimensions.

Those of a run of the visitor's own stay in its folder; those of any other model, which all share,
stay in the session.
"""

from __future__ import annotations

import streamlit as st

from live.models import OpenModel
from ui.session import visitor
from vae_core.errors import CheckpointError
from vae_core.files import read_json, write_json

FILE = "dimension_names.json"
LONGEST = 40  # characters


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
    if name.strip():
        names[dim] = name.strip()[:LONGEST]
    if _is_own(opened):
        write_json(opened.path.parent / FILE, {str(j): names[j] for j in sorted(names)})


def _is_own(opened: OpenModel) -> bool:
    owner = opened.path.parent / "owner"
    return opened.id.startswith("run:") and owner.is_file() and owner.read_text() == visitor()


def _read(opened: OpenModel) -> dict[int, str]:
    file = opened.path.parent / FILE
    if not (opened.id.startswith("run:") and file.is_file()):
        return {}
    found = read_json(file, CheckpointError)
    return {
        int(dim): name[:LONGEST]
        for dim, name in found.items()
        if dim.isdecimal() and int(dim) < opened.model.latent_dim and isinstance(name, str)
    }
