"""A visitor's own state: the model in the URL, and the runs that are theirs.

Nothing here is shared: `st.session_state` belongs to one visitor, and a run's name is a secret that
only its maker's session and the links they pass on know.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress

import streamlit as st

from live.images import shown_to
from live.models import OpenModel, held_ids, model_path, open_model, run_id, run_token
from live.places import brought_along, checkpoints_root, first_model, runs_root
from ui.components.address import begin_from, linked, refuse, returned
from ui.frame.classroom import is_teacher
from ui.frame.owners import alone, belongs, may_look, owned_by
from ui.kept import visitor
from ui.text.plain import printable
from vae_core.errors import CheckpointError
from vae_core.files.folders import folders
from vae_core.runs.run import Run

NO_MODEL = "there is no such model here, or it was deleted"


def own_runs() -> list[str]:
    """Tokens of the runs and models that this visitor may open, newest last."""
    if "own_runs" not in st.session_state:
        st.session_state["own_runs"] = owned()
    elif alone() or is_teacher():  # others may have made one meanwhile
        known = st.session_state["own_runs"]
        known += [token for token in owned() if token not in known]
    return st.session_state["own_runs"]  # type: ignore[no-any-return]


def owned() -> list[str]:
    """Tokens of the runs and models on disk that are this visitor's, newest last."""
    return owned_by(visitor(), runs_root())


def is_mine(run: Run) -> bool:
    """Whether the run is this visitor's."""
    return belongs(run, visitor())


def own(token: str) -> None:
    """Let this visitor open the run or model `token`."""
    if token not in own_runs():
        own_runs().append(token)


def model_ids() -> list[str]:
    """Ids of the models this visitor may choose: this process's, the shipped ones, their own."""
    found = folders(checkpoints_root())
    shipped = [
        printable(each.path.name)
        for each in found
        if each.error or (each.path / "config.json").exists()  # why it cannot be read, is told
    ]
    if (brought := brought_along()) and brought.name not in shipped:
        shipped.append(brought.name)
    if (first := first_model()) in shipped:
        shipped.insert(0, shipped.pop(shipped.index(first)))
    for asked in (linked("model"), linked("other")):
        if (token := run_token(asked)) and may_look(token, visitor()) and _exists(asked):
            own(token)  # whoever has the link may look
    _follow_link_to_open()
    return held_ids() + shipped + [run_id(t) for t in own_runs() if _exists(run_id(t))]


def return_to_model() -> None:
    """Where the browser went back to an address of another model, follow it: that was undone.

    Back on a page with the same model, the session knows better, as on every other page.
    """
    address = returned()
    asked, model = address.get("model", ""), st.session_state.get("model", "")
    if asked in ("", model):
        return
    begin_from(address)
    if asked not in model_ids():
        refuse("model", f"{NO_MODEL}; {model} stays in view")
        st.session_state["model"] = model
    else:
        st.session_state["model_said"] = asked  # no step of the visitor's


def link_to_open(token: str) -> dict[str, str]:
    """Query parameters of a link inside the app that opens the run `token`."""
    return {"open": f"{token}.{secrets.token_hex(4)}"}  # told apart, so that each is followed once


def _follow_link_to_open() -> None:
    link = st.query_params.get("open", "")
    if "followed" not in st.session_state:  # what Streamlit tells a session begun anew may be old
        st.session_state["followed"], link = link, linked("open")
    elif link == st.session_state["followed"]:
        return
    else:
        st.session_state["followed"] = link
    token = link.rpartition(".")[0]
    if link and may_look(token, visitor()) and _exists(run_id(token)):
        own(token)
        select_model(run_id(token))
        if st.session_state.get("z", ()) == st.session_state.get("first_z"):  # nobody chose it
            st.session_state["z"] = ()


def open_here(model_id: str) -> OpenModel:
    """The model, open, with the images that its owner brought where this visitor may see them."""
    return shown_to(open_model(model_id), visitor, alone=alone())


def current_model() -> OpenModel:
    """The model chosen in the sidebar, open."""
    return open_here(st.session_state["model"])


def models_beside(opened: OpenModel, objective: str) -> Iterator[OpenModel]:
    """Models of the same data by `objective`: the visitor's, newest first, then the shipped."""
    from vae_core.checkpoints.reading import read_config

    wanted = [objective, opened.config.get("dataset"), opened.config["image_shape"]]
    for model_id in reversed(model_ids()):
        with suppress(CheckpointError):  # whoever chooses it is told what is wrong
            config = read_config(model_path(model_id))
            if [config.get("objective"), config.get("dataset"), config["image_shape"]] == wanted:
                yield open_here(model_id)


def select_model(model_id: str) -> None:
    """Choose a model from code: at the next run of the script the sidebar shows it."""
    st.session_state["next_model"] = model_id


def _exists(model_id: str) -> bool:
    try:
        return (model_path(model_id) / "config.json").exists()
    except CheckpointError:
        return False
