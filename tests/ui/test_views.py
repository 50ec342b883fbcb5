"""What pages show of a model: in which order, of how many images, in which range."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st

from live.models import open_model
from ui.components.address import number_from_link
from ui.learned import look_of, shown_dims
from ui.views import ERROR, dims_by_use, measure_of_use, plane_points

ROOT = Path(__file__).parents[2]


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
