"""Sliders along the main axes of codes of many dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import streamlit as st

from ui.view.axes import MOST_DIMS, axes_of, most_axes, too_many_dims
from zscape.given import opened_here

CODES = np.random.default_rng(0).normal(size=(40, 80)) * np.linspace(3, 0.1, 80)


def test_they_move_z_along_themselves_and_leave_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"linked": {}})
    opened = opened_here(codes=CODES)
    assert too_many_dims(opened) and most_axes(opened) == 39
    axes = axes_of(opened)
    assert len(axes.names) == 16 and axes.names[0] == "PC 1"
    z = CODES[7]
    moved = np.array(axes.moved(z, 2, 1.25))
    assert axes.at(moved)[2] == pytest.approx(1.25)
    others = [k for k in range(16) if k != 2]
    assert np.allclose(np.array(axes.at(moved))[others], np.array(axes.at(z))[others], atol=1e-5)
    assert np.allclose(np.array(axes.moved(moved, 2, axes.at(z)[2])), z, atol=1e-5)
    st.session_state["axes"] = 5
    assert axes_of(opened).names == ["PC 1", "PC 2", "PC 3", "PC 4", "PC 5"]
    assert MOST_DIMS == 64
