"""What a page shows in the place of a model of which it has nothing to show."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from live.models import OpenModel, model_path
from ui.frame.hidden import hidden
from ui.frame.session import model_ids, select_model
from ui.frame.sidebar import model_label
from ui.widgets import clicked
from vae_core.errors import CheckpointError

USUAL = {"kind": "vae"}  # of whose models every page has something to show


def refuse_model(opened: OpenModel, why: str, **needs: Any) -> None:
    """Say why, and offer a model that the page can show: of the same data, if there is one.

    needs: what its config says, beside a VAE's kind, two dimensions at least and classes.
    """
    st.info(why)
    if hidden("models") or not (other := _fitting(opened, USUAL | needs)):
        return
    if clicked(f"Show {model_label(other)} instead", icon=":material/arrow_forward:"):
        select_model(other)
        st.rerun()


def _fitting(opened: OpenModel, needs: dict[str, Any]) -> str:
    """Id of the first model that fits; empty where none does."""
    from vae_core.checkpoints.reading import read_config

    found: dict[bool, str] = {}  # whether of the same data
    for model_id in model_ids():
        with suppress(CheckpointError):  # whoever chooses it is told what is wrong
            config = read_config(model_path(model_id))
            if (
                all(config.get(name) == value for name, value in needs.items())
                and config["latent_dim"] > 1
                and config.get("class_names")
                and model_id != opened.id
            ):
                found.setdefault(config.get("dataset") == opened.config.get("dataset"), model_id)
    return found.get(True) or found.get(False, "")
