"""The figures that components' modules tell, worked out by Node.js."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import gaussian_kde, multivariate_normal, norm

Call = Callable[..., Any]


VALUES = "({ valueAt }, line, all, log) => all.map((at) => valueAt(line, at, log) ?? null)"


def test_between_its_points_a_line_is_told_as_it_is_drawn(call: Call) -> None:
    guess = {"x": [0, 100], "y": [0, 100]}
    told = call("curves/reading.js", VALUES, guess, [0, 30.46, 100])
    assert told == pytest.approx([0, 30.46, 100])
    rng = np.random.default_rng(0)
    x, y, at = np.sort(rng.uniform(1, 1000, 9)), rng.normal(size=9), rng.uniform(1, 1000, 50)
    at = at[(at >= x[0]) & (at <= x[-1])]
    line = {"x": x.tolist(), "y": y.tolist()}
    told = call("curves/reading.js", VALUES, line, at.tolist())
    assert told == pytest.approx(np.interp(at, x, y))
    told = call("curves/reading.js", VALUES, line, at.tolist(), True)
    assert told == pytest.approx(np.interp(np.log(at), np.log(x), y))


def test_beyond_its_ends_a_line_tells_nothing(call: Call) -> None:
    run = {"x": [1, 2], "y": [170.0, 160.0]}
    assert call("curves/reading.js", VALUES, run, [0.5, 1, 2, 3]) == [None, 170, 160, None]
    assert call("curves/reading.js", VALUES, {"x": [2], "y": [5]}, [1, 2, 3]) == [None, 5, None]
    assert call("curves/reading.js", VALUES, {"x": [], "y": []}, [1]) == [None]


STOPS = "({ stops }, lines) => stops(lines)"


def test_lines_are_read_at_the_points_of_all_of_them(call: Call) -> None:
    lines = [{"x": [1, 2], "y": [0, 0]}, {"x": [1, 2, 3], "y": [0, 0, 0]}, {"x": [], "y": []}]
    assert call("curves/reading.js", STOPS, lines) == [1, 2, 3]


def test_steps_are_read_within_each_of_them(call: Call) -> None:
    edges = np.linspace(-3, 5, 49)
    counts = np.arange(48.0) + 7
    bins = {"x": edges.repeat(2).tolist(), "y": [0, *counts.repeat(2).tolist(), 0]}
    read = call("curves/reading.js", STOPS, [bins])
    assert read == pytest.approx((edges[1:] + edges[:-1]) / 2)
    assert call("curves/reading.js", VALUES, bins, read) == counts.tolist()
    roc = {"x": [0, 0, 2, 2, 100], "y": [0, 50, 50, 100, 100]}
    read = call("curves/reading.js", STOPS, [roc])
    assert max(np.diff(read)) <= 100 / 40  # a long step is read at many places
    told = call("curves/reading.js", VALUES, roc, read)
    assert told == [50 if at < 2 else 100 for at in read]


def test_figures_on_an_axis_are_written_as_those_of_the_pages_text(call: Call) -> None:
    tell = "({ number, labels }, values) => [...values.map(number), ...labels(values)]"
    found = call("curves/scale.js", tell, [-1000, 0.5, 64_000])
    assert found == ["−1,000", "0.5", "64,000", "−1,000", "1", "64,000"]
    fine = call("curves/scale.js", tell, [0.0001, 0.0002])
    assert fine[2:] == ["0.0001", "0.0002"]


DENSITY = """async ({ Density }, given, places, half) => {
    const { Points } = await import("./latent_plane/points.js");
    const { xy, covariance, category } = given;
    const n = xy.length / 2;
    const numbers = Float32Array.from([...xy, ...Array(n).fill(0), ...(covariance ?? [])]);
    const bytes = new Uint8Array(numbers.byteLength + n);
    bytes.set(new Uint8Array(numbers.buffer));
    bytes.set(category, numbers.byteLength);
    const layout = { count: n, covariance: Boolean(covariance), value: null, names: ["a", "b"] };
    const points = new Points(bytes.buffer, layout);
    points.hidden.add(1);
    const density = new Density(points);
    const field = density.field(half);
    return {
        at: places.map((place) => density.at(...place)),
        cells: places.map((place) => field.at(...place)),
        sum: field.values.reduce((s, x) => s + x) * field.cell ** 2,
    };
}"""


@pytest.mark.parametrize("narrow", [1.0, 0.01])
def test_the_density_is_the_mean_of_the_shown_posteriors(call: Call, narrow: float) -> None:
    rng = np.random.default_rng(0)
    n = 60
    mu = rng.normal(size=(n, 2))
    factors = narrow * (0.4 * rng.normal(size=(n, 2, 2)) + 0.3 * np.eye(2))
    covariance = factors @ factors.transpose(0, 2, 1) + (0.2 * narrow) ** 2 * np.eye(2)
    places = np.concatenate([rng.uniform(-3, 3, (40, 2)), mu[:20]])
    category = np.arange(n) % 3 == 2
    given = {
        "xy": mu.ravel().tolist(),
        "covariance": covariance[:, [0, 0, 1], [0, 1, 1]].ravel().tolist(),
        "category": category.astype(int).tolist(),
    }
    found = call("latent_plane/fog.js", DENSITY, given, places.tolist(), 6)
    expected = np.mean(
        [
            multivariate_normal(m, c).pdf(places)
            for m, c, hidden in zip(mu, covariance, category, strict=True)
            if not hidden
        ],
        axis=0,
    )
    assert found["at"] == pytest.approx(expected, rel=2e-3, abs=1e-9)  # numbers come as float32
    assert found["sum"] == pytest.approx(1, abs=5e-3)
    if narrow == 1:
        assert found["cells"] == pytest.approx(expected, abs=0.02 * expected.max())


def test_points_without_posteriors_have_a_kernel_about_their_own_mean(call: Call) -> None:
    rng = np.random.default_rng(0)
    xy = np.array([2.0, 0.0]) + 0.3 * rng.normal(size=(200, 2)) @ [[1, 0.4], [0, 1]]
    category = np.arange(200) % 2
    places = xy[:20] + 0.1
    given = {"xy": xy.ravel().tolist(), "covariance": None, "category": category.tolist()}
    found = call("latent_plane/fog.js", DENSITY, given, places.tolist(), 5)
    expected = gaussian_kde(xy[category == 0].T)(places.T)
    assert found["at"] == pytest.approx(expected, rel=1e-4)
    assert found["cells"] == pytest.approx(expected, abs=0.03 * expected.max())
    assert found["sum"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("encoded", [True, False])
def test_one_latent_dimension_has_a_density_along_it(call: Call, encoded: bool) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    sigma = rng.uniform(0.2, 0.5, 50)
    given = {
        "xy": np.stack([a, 0 * a], 1).ravel().tolist(),
        "covariance": np.stack([sigma**2, 0 * a, 0 * a], 1).ravel().tolist() if encoded else None,
        "category": [0] * 50,
    }
    places = np.linspace(-2, 2, 9)
    expected = norm.pdf(places[:, None], a, sigma).mean(1) if encoded else gaussian_kde(a)(places)
    for across in (0, 1.5):
        there = [[float(at), across] for at in places]
        found = call("latent_plane/fog.js", DENSITY, given, there, 5)
        assert found["at"] == pytest.approx(expected, rel=1e-4)
        assert found["cells"] == pytest.approx(expected, abs=0.02 * expected.max())


VIEW = """({
    width: 400, height: 300, covered: 60, unit,
    toPixels: (a, b) => [200 + a * unit, 150 - b * unit],
})"""


@pytest.mark.parametrize(
    ("unit", "labels"), [(40, ["1σ", "2σ"]), (12, ["2σ"])], ids=["large", "too small for two"]
)
def test_the_rings_of_the_prior_are_named_where_their_names_have_room(
    call: Call, unit: float, labels: list[str]
) -> None:
    named = call(
        "latent_plane/scene.js",
        f"""({{ drawRings }}, unit) => {{
            const texts = [];
            const canvas = new Proxy({{ fillText: (text) => texts.push(text) }}, {{
                get: (own, name) => own[name] ?? (() => {{}}),
            }});
            const theme = {{ background: "#ffffff", text: "#000000", font: "serif" }};
            drawRings(canvas, {VIEW}, theme, [0, 0]);
            return texts;
        }}""",
        unit,
    )
    assert named == labels


@pytest.mark.parametrize(
    ("z", "arrow"),
    [
        ((0, 0), None),
        ((4.8, -3.6), None),  # just in sight
        ((2, 3.5), None),
        ((2, 5), {"x": 280, "y": 64, "angle": -np.pi / 2}),  # below the layers' chips
        ((7, 0), {"x": 396, "y": 150, "angle": 0}),
        ((-6.9, -5.65), {"x": 4, "y": 296, "angle": 0.75 * np.pi}),
    ],
)
def test_an_arrow_points_from_the_edge_to_a_z_out_of_sight(
    call: Call, z: tuple[float, float], arrow: dict[str, float] | None
) -> None:
    told = call(
        "latent_plane/scene.js",
        f"""({{ arrowTo }}, unit, z) => {{
            const view = {VIEW};
            return arrowTo(view, ...view.toPixels(...z));
        }}""",
        40,
        z,
    )
    assert told == (None if arrow is None else pytest.approx(arrow))


LAID = """({ layOut, corner, extent, tileAt }, columns, side, gap, room, most) => {
  const wanted = { rows: 2, columns, gap, minTile: null, maxTile: most, maxHeight: null };
  const layout = layOut(wanted, { width: side, height: side }, room, 0, 1);
  const last = corner(layout, 2 * columns - 1);
  const hit = tileAt(layout, 2 * columns, last.x + 1, last.y + 1);
  return { ...layout, last, hit, whole: extent(layout) };
}"""


@pytest.mark.parametrize(("columns", "side"), [(12, 8), (10, 28), (9, 20), (2, 64)])
def test_a_strip_that_fills_its_room_ends_at_its_edge(call: Call, columns: int, side: int) -> None:
    laid = call("image_grid/layout.js", LAID, columns, side, 2, 940, 1000)
    assert laid["whole"]["width"] == 940
    assert laid["last"]["x"] + laid["width"] == pytest.approx(940, abs=1)
    assert laid["hit"] == 2 * columns - 1
    assert laid["width"] % side == 0 or laid["width"] * columns + 2 * (columns - 1) > 930


def test_tiles_as_large_as_they_may_be_and_those_without_a_gap_stay_together(call: Call) -> None:
    assert call("image_grid/layout.js", LAID, 8, 28, 2, 940, 56)["gap"] == 2
    assert call("image_grid/layout.js", LAID, 20, 8, 0, 500, 1000)["gap"] == 0
