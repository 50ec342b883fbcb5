"""The z in view, from model to model and by a link."""

from __future__ import annotations

from dataclasses import replace

import pytest
import streamlit as st

from live.models import open_model
from ui.frame import session
from ui.frame.session import link_to_open, model_ids
from ui.view.point import current_z, first_z, parse_z, set_z, z_text


def test_every_stored_mean_of_an_autoencoder_fits_into_a_link() -> None:
    opened = open_model("mnist-2d-ae")
    assert opened.latents is not None
    for z in opened.latents.mu[opened.latents.mu.abs().argmax(0)].tolist():
        assert parse_z(z_text(z)) == pytest.approx(z, abs=1e-3)
    for text in ("", "1,", "1,nan", "1,1e9", "a,b"):
        assert parse_z(text) == ()


def test_a_z_stays_in_view_with_another_model_unless_it_lies_far_from_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vae, autoencoder = open_model("mnist-2d"), open_model("mnist-2d-ae")
    monkeypatch.setattr(st, "session_state", {"z": (20.0, 1.0), "z_of": autoencoder.id})
    assert current_z(autoencoder) == (20.0, 1.0)
    assert current_z(vae) == first_z(vae)
    st.session_state["z"] = (2.5, -3.5)
    assert current_z(autoencoder) == current_z(vae) == (2.5, -3.5)


@pytest.mark.parametrize("chosen", [None, (0.5, 0.25)])
def test_a_run_that_is_opened_begins_at_its_own_first_mean_unless_a_z_was_chosen(
    monkeypatch: pytest.MonkeyPatch, chosen: tuple[float, float] | None
) -> None:
    monkeypatch.setattr(st, "session_state", {"linked": {}, "own_runs": [], "followed": ""})
    monkeypatch.setattr(session, "_exists", lambda model_id: True)
    opened = open_model("mnist-2d")
    first = current_z(opened)
    if chosen:
        set_z(chosen)
    monkeypatch.setattr(st, "query_params", link_to_open("digits-0"))
    model_ids()
    assert opened.latents is not None
    later = replace(opened, latents=opened.latents.take([5, 6]))  # the same model, trained on
    assert current_z(later) == (chosen or first_z(later)) != first
