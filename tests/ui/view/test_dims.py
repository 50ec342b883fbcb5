"""In which order dimensions are shown, and which two."""

from __future__ import annotations

import pytest
import streamlit as st

from live.models import open_model
from ui.view.dims import choose_dims, dims_by_use, measure_of_use, names_of_dims


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
