"""What pages show of a model: in which order, of how many images, in which range."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from live.models import open_model
from ui.components.address import choice_from_link, number_from_link
from ui.frame import session
from ui.training.learned import look_of, shown_dims
from ui.view.dims import choose_dims, dims_by_use, measure_of_use, names_of_dims
from ui.view.planes import ERROR, plane_points
from ui.view.point import current_z, first_z, parse_z, set_z, z_text
from ui.view.reach import grid_extent, slider_reach

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(ROOT / "checkpoints"))


@pytest.mark.parametrize(
    ("name", "measure"), [("sprites-6d", "KL"), ("mnist-denoising", "variance of μ")]
)
def test_dimensions_are_ordered_by_what_is_told(name: str, measure: str) -> None:
    opened = open_model(name)
    latents = opened.latents
    assert latents is not None and measure_of_use(opened) == measure
    use = latents.kl_per_dim if measure == "KL" else latents.mu.var(0)
    used, unused = dims_by_use(opened)
    assert sorted(used + unused) == list(range(opened.model.latent_dim))
    for dims in (used, unused):
        assert use[dims].tolist() == sorted(use[dims].tolist(), reverse=True)


@pytest.mark.parametrize(
    ("name", "measure"),
    [("sprites-6d", "of largest KL."), ("mnist-denoising", "of largest variance of μ.")],
)
def test_the_caption_says_by_what_two_dimensions_were_chosen(name: str, measure: str) -> None:
    def page(name: str) -> None:
        from live.models import open_model
        from ui.training.learned import show_learned

        show_learned(open_model(name), "x")

    app = AppTest.from_function(page, args=(name,), default_timeout=60).run()
    assert not app.exception
    assert measure in app.caption[0].value


def test_sliders_and_even_grids_reach_as_far_as_the_means() -> None:
    prior_alone = replace(open_model("mnist-2d"), latents=None)
    assert (slider_reach(prior_alone), grid_extent(prior_alone)) == (4.0, 3)
    assert grid_extent(open_model("mnist-2d")) == 3  # as the prior has it
    opened = open_model("mnist-2d-ae")
    assert opened.latents is not None
    mu = opened.latents.mu.abs()
    assert mu.max() <= slider_reach(opened) < mu.max() + 1
    beyond = (mu > grid_extent(opened) + 0.5).float().mean(0)
    assert 0.001 < beyond.max() <= 0.01


def test_a_model_of_three_test_images_is_shown_with_three() -> None:
    opened = open_model("digits-2d")
    assert opened.latents is not None
    few = replace(opened, latents=opened.latents.take([0, 1, 2]))
    look = look_of(few, shown_dims(few))
    assert look.reconstructions is not None and look.reconstructions.shape[1] == 3


@pytest.mark.parametrize(
    ("name", "label"),
    [("digits-2d", "cross-entropy at μ (nats)"), ("frey-2d", "−log p(x given μ) (nats)")],
)
def test_grey_pixels_under_a_bernoulli_have_a_cross_entropy(name: str, label: str) -> None:
    opened = open_model(name)
    assert opened.latents is not None
    points = plane_points(opened, None, ERROR, embedding=opened.latents.mu.numpy())
    assert points is not None and points.label == label


def test_a_number_of_another_page_comes_into_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"side": 3, "linked": {}})
    assert number_from_link("side", 5, 40, 20) == 5 == st.session_state["side"]


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
    monkeypatch.setattr(st, "session_state", {"linked": {}, "own_runs": []})
    monkeypatch.setattr(session, "_exists", lambda model_id: True)
    opened = open_model("mnist-2d")
    first = current_z(opened)
    if chosen:
        set_z(chosen)
    monkeypatch.setattr(st, "query_params", session.link_to_open("digits-0"))
    session.model_ids()
    assert opened.latents is not None
    later = replace(opened, latents=opened.latents.take([5, 6]))  # the same model, trained on
    assert current_z(later) == (chosen or first_z(later)) != first


def test_what_nobody_chose_follows_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"linked": {}})
    options = ["KL", "class"]
    assert choice_from_link("colour", options, "KL") == "KL"
    assert choice_from_link("colour", options, "class") == "class"
    st.session_state["colour"] = "KL"
    assert choice_from_link("colour", options, "class") == "KL"
    monkeypatch.setattr(st, "session_state", {"linked": {"colour": "kl"}})
    for default in ("class", "class"):
        assert choice_from_link("colour", options, default) == "KL"


def test_the_second_dimension_stays_when_the_first_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(st, "session_state", {"linked": {}})
    opened = open_model("mnist-16d")
    first, second, third, *_ = (j for dims in dims_by_use(opened) for j in dims)
    assert choose_dims(opened, shown=False) == (first, second)
    for x, y in ((third, second), (second, first), (first, second)):
        st.session_state["x"] = names_of_dims([x])[0]
        assert choose_dims(opened, shown=False) == (x, y)
