"""What Python tells the plane, and whose value counts when both have spoken."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from live.blobs import _store
from ui.components import latent_plane as module
from ui.components.latent_plane import Plane, PlanePoints
from ui.palette import CLASS_COLOURS, CLASS_GLYPHS
from vae_core.errors import ConfigError


def test_a_plane_of_two_dimensions_reads_them_off() -> None:
    z = np.arange(12.0).reshape(3, 4)
    plane = Plane.of_dims(4, (2, 0))
    assert (plane.project(z) == z[:, [2, 0]]).all()
    assert plane.labels == ("z₃", "z₁")


def test_one_latent_dimension_makes_a_line() -> None:
    plane = Plane.of_dims(1)
    assert plane.project(np.array([[1.5]])).tolist() == [[1.5, 0.0]]


@given(st.integers(0, 2**32 - 1))
def test_a_projected_covariance_is_that_of_projected_draws_in_closed_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(5, 2)))[0].T
    sigma = rng.uniform(0.1, 2, 5)
    full = axes @ np.diag(sigma**2) @ axes.T  # (2, 2)
    plane = Plane.of_axes(axes, rng.normal(size=5))
    projected = plane.project_covariance(sigma[None])[0]
    assert projected == pytest.approx([full[0, 0], full[0, 1], full[1, 1]])


@given(st.integers(0, 2**32 - 1))
def test_a_place_on_the_plane_comes_back_from_its_coordinates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(5, 2)))[0].T
    origin, place = rng.normal(size=5), rng.normal(size=2)
    z = origin + place @ axes
    assert Plane.of_axes(axes, origin).project(z[None])[0] == pytest.approx(place)


@pytest.mark.parametrize("dims", [(0, 0), (0, 3), (-1, 1)])
def test_dimensions_that_make_no_plane_are_refused(dims: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="not two different dimensions of 3"):
        Plane.of_dims(3, dims)


def test_axes_that_are_not_orthonormal_are_refused() -> None:
    with pytest.raises(ConfigError, match="orthonormal"):
        Plane.of_axes(np.array([[1.0, 0.0], [1.0, 1.0]]), np.zeros(2))


def test_points_are_packed_column_by_column() -> None:
    points = PlanePoints(
        xy=np.array([[1.0, 2.0], [3.0, 4.0]]),
        covariance=np.array([[1, 0, 1], [2, 0, 2]]),
        category=np.array([7, 8]),
        names=tuple("0123456789"),
        rows=np.array([5, 6]),
    )
    layout = points.payload()
    found = _store.get(layout["url"].rpartition("/")[2])
    assert found is not None
    data = found[0]
    assert np.frombuffer(data, "<f4", 4).tolist() == [1, 2, 3, 4]
    assert np.frombuffer(data, "<u4", 2, offset=16).tolist() == [5, 6]
    assert np.frombuffer(data, "<f4", 6, offset=24).tolist() == [1, 0, 1, 2, 0, 2]
    assert data[48:] == bytes([7, 8])
    assert layout["url"] == points.payload()["url"]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="there are 3 points"):
        PlanePoints(np.zeros((3, 2)), category=np.zeros(2))


def script() -> None:
    import numpy as np
    import streamlit as st

    from ui.components.latent_plane import Way, latent_plane

    z = [st.session_state.get("slider", 0.0), 0.0]
    shown = latent_plane("small", key="plane", z=z, mode="stops", way=Way(np.eye(2)))
    st.session_state["shown"] = shown


def test_what_a_plane_that_is_gone_says_late_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(streamlit, "session_state", {})
    monkeypatch.setattr(module, "_COMPONENT", lambda **given: told.update(given) or {})
    changed: list[Any] = []
    module.latent_plane("small", key="plane", z=(0.0, 1.0), on_change=changed.append)
    for name in ("on_z_change", "on_selected_change", "on_stops_change", "on_drawn_change"):
        told[name]()
    assert changed == []


def test_the_plane_shows_what_the_page_says_until_the_visitor_speaks() -> None:
    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    shown = app.session_state["shown"]
    assert shown.z == (0.0, 0.0)
    assert shown.selected == ()
    assert shown.stops.tolist() == [[1, 0], [0, 1]]
    app.session_state["slider"] = 1.5
    app.run()
    assert app.session_state["shown"].z == (1.5, 0.0)


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("page", 1), ("visitor", 2)], 2),
        ([("visitor", 2), ("page", 3)], 3),
        ([("visitor", 2), ("page", 3), ("visitor", 4)], 4),
        ([("visitor", 2), ("page", 3), ("nobody", 0), ("nobody", 0)], 3),
        ([("page", 3), ("visitor", 2), ("nobody", 0)], 2),
        ([("visitor", 2), ("page", 3), ("visitor", 2)], 2),
    ],
)
def test_whoever_spoke_last_is_followed(
    monkeypatch: pytest.MonkeyPatch, turns: list[tuple[str, int]], expected: int
) -> None:
    import streamlit as st

    from ui.components.latent_plane import _current

    monkeypatch.setattr(st, "session_state", {})
    page, visitor = {"z": (0,)}, {}
    _current("plane", page, visitor)
    for at, (who, value) in enumerate(turns):
        if who == "page":
            page = {"z": (value,)}
        if who == "visitor":
            visitor = {"z": {"value": [value], "at": at}}
        current = _current("plane", page, visitor)
    assert list(current["z"]) == [expected]


def test_what_a_browser_brings_into_a_session_begun_anew_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import streamlit as st

    from ui.components.latent_plane import _current

    monkeypatch.setattr(st, "session_state", {})
    brought = {"z": {"value": [5], "at": 1}}
    assert _current("plane", {"z": (0,)}, brought)["z"] == (0,)
    assert _current("plane", {"z": (0,)}, {"z": {"value": [6], "at": 2}})["z"] == [6]


# Machado, Oliveira & Fernandes (2009), severity 1; on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    srgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(vision @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_any_two_classes_differ_in_colour_to_every_eye(vision: str) -> None:
    seen = [lab(colour, VISION[vision]) for colour in CLASS_COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 12


def test_there_is_a_glyph_for_each_colour() -> None:
    assert len(set(CLASS_GLYPHS)) == len(CLASS_GLYPHS) == len(CLASS_COLOURS) == 10
