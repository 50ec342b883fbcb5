"""Which runs and models are a visitor's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import streamlit as st

from ui.frame.session import model_ids, open_here, owned
from vae_core.errors import CheckpointError
from vae_core.runs.run import create_run
from vae_core.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("session")

CONFIG = TrainConfig(hidden=(8,), epochs=2, batch_size=512)


def test_a_run_may_go_while_a_visitor_s_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for token in ("digits-going", "digits-staying"):
        create_run(CONFIG, tmp_path / token, "ann")
    read = Path.read_text

    def gone(path: Path, *encoding: str, **errors: str) -> str:
        if path.parent.name == "digits-going":
            path.unlink()
        return read(path, *encoding, **errors)

    monkeypatch.setattr(Path, "read_text", gone)
    assert owned() == ["digits-staying"]


def test_a_model_s_folder_that_cannot_be_named_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    models = tmp_path / "models"
    for name in (b"caf\xe9", b"two words", b"whole"):
        folder = Path(os.fsdecode(os.fsencode(models) + b"/" + name))
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(models))
    monkeypatch.setattr(st, "query_params", {})
    assert model_ids() == ["caf?", "two words", "whole"]
    for model_id in model_ids():
        model_id.encode()  # as it goes to the browser
        with pytest.raises(CheckpointError, match=r"call its folder|no model"):
            open_here(model_id)
