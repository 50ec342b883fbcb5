import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.latent.paths import (
    interpolate,
    interpolate_through,
    path_methods,
    register_path_method,
    step_lengths,
)

finite = st.floats(-1e6, 1e6, width=32)


@st.composite
def several_points(draw: st.DrawFn, least: int = 2, most: int = 5) -> Tensor:
    shape = (draw(st.integers(least, most)), draw(st.integers(1, 8)))
    return torch.from_numpy(draw(hnp.arrays(np.float32, shape, elements=finite)))


two_points = several_points(2, 2)


@pytest.mark.parametrize("method", path_methods())
@given(stops=several_points(), steps=st.integers(2, 9))
def test_every_stop_is_met_bit_for_bit_and_every_point_is_finite(
    method: str, stops: Tensor, steps: int
) -> None:
    path = interpolate_through(stops, steps, method)
    assert path.shape == ((len(stops) - 1) * (steps - 1) + 1, stops.shape[1])
    assert path.dtype == stops.dtype
    assert path[:: steps - 1].numpy().tobytes() == stops.numpy().tobytes()
    assert torch.isfinite(path).all()


@pytest.mark.parametrize("method", path_methods())
@given(points=two_points, steps=st.integers(2, 9))
def test_interpolate_is_the_way_through_two_stops(method: str, points: Tensor, steps: int) -> None:
    path = interpolate(points[0], points[1], steps, method)
    assert torch.equal(path, interpolate_through(points, steps, method))


@pytest.mark.parametrize("method", path_methods())
@given(points=two_points)
def test_a_way_to_where_one_stands_stands_still(method: str, points: Tensor) -> None:
    a = points[0]
    path = interpolate(a, a, 5, method)
    torch.testing.assert_close(path, a.expand(5, -1))


@given(points=two_points, steps=st.integers(2, 9))
def test_linear_steps_are_all_as_long(points: Tensor, steps: int) -> None:
    path = interpolate(points[0].double(), points[1].double(), steps)
    whole = torch.dist(points[0].double(), points[1].double())
    torch.testing.assert_close(
        step_lengths(path), (whole / (steps - 1)).expand(steps - 1), rtol=1e-6, atol=1e-7
    )


def test_step_lengths_of_a_three_four_five_triangle() -> None:
    path = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert step_lengths(path).tolist() == [3.0, 4.0, 5.0]


def test_spherical_between_orthogonal_unit_vectors_is_the_quarter_circle() -> None:
    path = interpolate(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 10, "spherical")
    angle = torch.linspace(0, math.pi / 2, 10)
    torch.testing.assert_close(path, torch.stack([angle.cos(), angle.sin()], dim=1))


@given(seed=st.integers(0, 2**32 - 1), d=st.integers(2, 64))
def test_spherical_is_the_slerp_of_shoemake_for_equal_norms(seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, d))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    omega = np.arccos(a @ b / (a @ a))
    t = np.linspace(0, 1, 7)[:, None]
    slerp = (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
    path = interpolate(torch.from_numpy(a), torch.from_numpy(b), 7, "spherical")
    np.testing.assert_allclose(path.numpy(), slerp, rtol=1e-6, atol=1e-6)


def is_a_shell_walk(a: Tensor, b: Tensor, steps: int) -> None:
    """Norms go linearly from |a| to |b|; the direction turns by equal angles."""
    path = interpolate(a, b, steps, "spherical")
    norms = path.norm(dim=1)
    torch.testing.assert_close(norms, torch.linspace(norms[0], norms[-1], steps, dtype=a.dtype))
    chords = step_lengths(path / norms[:, None])
    torch.testing.assert_close(chords, chords[:1].expand(steps - 1), rtol=1e-5, atol=1e-7)


@given(seed=st.integers(0, 2**32 - 1), d=st.integers(2, 64), ratio=st.floats(0.01, 100))
def test_spherical_turns_evenly_while_the_norm_goes_linearly(
    seed: int, d: int, ratio: float
) -> None:
    a, b = torch.randn(2, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    is_a_shell_walk(a, b * ratio, 9)


@pytest.mark.parametrize("tilt", [0.0, 1e-15, 1e-9, 1e-6, 1e-3])
def test_spherical_goes_half_round_between_antiparallel_ends(tilt: float) -> None:
    a = torch.tensor([0.6, 0.0, -0.8], dtype=torch.float64)
    b = -2 * a + torch.tensor([0.0, tilt, 0.0], dtype=torch.float64)
    is_a_shell_walk(a, b, 9)
    middle = interpolate(a, b, 9, "spherical")[4]
    assert abs(float(middle @ a)) < 1e-3
    assert float(middle.norm()) == pytest.approx(1.5, rel=1e-3)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param([1.0, 2.0], [3.0, 6.0], id="parallel"),
        pytest.param([0.0, 0.0], [3.0, -1.0], id="from the origin"),
        pytest.param([3.0, -1.0], [0.0, 0.0], id="to the origin"),
        pytest.param([0.0, 0.0], [0.0, 0.0], id="both at the origin"),
        pytest.param([-2.0], [1.0], id="one dimension"),
    ],
)
def test_spherical_is_straight_where_there_is_nothing_to_turn(
    a: list[float], b: list[float]
) -> None:
    ends = torch.tensor(a), torch.tensor(b)
    torch.testing.assert_close(interpolate(*ends, 6, "spherical"), interpolate(*ends, 6, "linear"))


@pytest.mark.parametrize(
    ("a", "b", "steps", "method", "said"),
    [
        (torch.zeros(3), torch.zeros(2), 4, "linear", r"\(3,\).*\(2,\)"),
        (torch.zeros(1, 2), torch.zeros(1, 2), 4, "linear", r"\(1, 2\)"),
        (torch.zeros(()), torch.zeros(()), 4, "linear", r"\(\)"),
        (torch.zeros(0), torch.zeros(0), 4, "linear", r"\(2, 0\)"),
        (torch.zeros(2), torch.ones(2), 1, "linear", "steps=1"),
        (torch.zeros(2), torch.ones(2), 2.5, "linear", r"steps=2\.5"),
        (torch.zeros(2), torch.ones(2), 4, "scenic", "'scenic'.*linear, spherical"),
        (torch.zeros(2), torch.tensor([0.0, math.nan]), 4, "linear", "finite"),
        (torch.tensor([math.inf, 0.0]), torch.zeros(2), 4, "spherical", "finite"),
        (
            torch.zeros(2, dtype=torch.cfloat),
            torch.ones(2, dtype=torch.cfloat),
            4,
            "linear",
            "real",
        ),
    ],
)
def test_what_is_no_way_is_refused(
    a: Tensor, b: Tensor, steps: int, method: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        interpolate(a, b, steps, method)


def test_one_stop_is_no_way() -> None:
    with pytest.raises(ConfigError, match=r"\(1, 2\)"):
        interpolate_through(torch.zeros(1, 2), 4)


def test_a_registered_method_is_taken_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_core.latent.paths._METHODS", {})
    register_path_method("late")(lambda a, b, t: torch.lerp(a, b, t**2))
    assert path_methods() == ("late",)
    path = interpolate(torch.tensor([0.0]), torch.tensor([4.0]), 3, "late")
    assert path.tolist() == [[0.0], [1.0], [4.0]]


def test_lists_and_arrays_are_vectors_too() -> None:
    way = interpolate([0, 1], np.array([2.0, 3.0]), 3)
    np.testing.assert_array_equal(way, [[0, 1], [1, 2], [2, 3]])
