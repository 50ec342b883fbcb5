"""Very many points: counted, found and selected as if each had been looked at."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ui.components.latent_plane import packed, unpacked
from vae_core.errors import ConfigError

Call = Callable[..., Any]
Array = npt.NDArray[Any]
N = 200_000
BYTES = "const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;"
COUNT = f"""({{ count }}, xy, category, place, palette, off) => {{
    {BYTES}
    const points = {{ xy: new Float32Array(bytes(xy)), category: new Uint8Array(bytes(category)) }};
    Object.assign(points, {{ tints: points.category, count: points.category.length }});
    const hidden = Uint8Array.from({{ length: 256 }}, (_, k) => Number(k === off));
    return [...count(points, place, {{ palette: Uint32Array.from(palette), hidden, mask: null }})];
}}"""
FIND = f"""({{ Points }}, buffer, count, polygon, places, radius) => {{
    {BYTES}
    const points = new Points(bytes(buffer), {{ count, names: ["a", "b"] }});
    points.hidden.add(1);
    const found = [...points.inPolygon(polygon)];
    return {{ found, nearest: places.map(([a, b]) => points.nearest(a, b, radius)) }};
}}"""


@pytest.fixture(scope="module")
def xy() -> Array:
    """(N, 2) float32: a crowd, and a few that lie very far away."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(N, 2)) * (1, 0.3)
    points[:50] *= 1e4
    return points.astype("<f4")


def in_base64(*columns: Array) -> str:
    return base64.b64encode(b"".join(column.tobytes() for column in columns)).decode()


def test_counts_in_cells_are_a_histogram_of_the_classes_shown(call: Call, xy: Array) -> None:
    category = (np.arange(N) % 3).astype("u1")
    place = {"left": 61.25, "top": 40.5, "unit": 23.7, "width": 120, "height": 90}
    palette = [0x102030, 0xFFFFFF, 0x0080FF]
    found = call(
        "latent_plane/pixels.js", COUNT, in_base64(xy), in_base64(category), place, palette, 1
    )
    cells = np.array(found).reshape(90, 120, 4)
    shown = category != 1
    x = place["left"] + xy[shown, 0].astype(float) * place["unit"]
    y = place["top"] - xy[shown, 1].astype(float) * place["unit"]
    colour = np.array(palette)[category[shown]]
    for channel, weights in enumerate((None, colour & 255, colour >> 8 & 255, colour >> 16)):
        expected, *_ = np.histogram2d(y, x, (np.arange(91), np.arange(121)), weights=weights)
        assert (cells[..., channel] == expected).all()
    assert 0 < cells[..., 0].sum() < shown.sum()


def test_a_lasso_and_the_pointer_find_what_a_look_at_every_point_finds(
    call: Call, xy: Array
) -> None:
    category = (np.arange(N) % 5 == 0).astype("u1")
    shown = np.flatnonzero(category == 0)
    turns = np.linspace(0, 4 * np.pi, 81)[:-1]  # twice around: it crosses itself
    r = 1.1 + 0.5 * np.cos(1.5 * turns)
    polygon = np.stack([1.2 * r * np.cos(turns), 0.4 * r * np.sin(turns)], 1)
    polygon[10:12] = (3e4, 4e3), (3e4, -4e3)  # and reaches far out
    a, b = xy[shown].astype(float).T
    inside = np.zeros(len(shown), bool)
    for (a0, b0), (a1, b1) in zip(polygon, np.roll(polygon, 1, axis=0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= ((b0 > b) != (b1 > b)) & (a < (a1 - a0) * (b - b0) / (b1 - b0) + a0)
    places = np.random.default_rng(1).normal(size=(40, 2)) * (1.5, 0.6)
    buffer = in_base64(xy, np.arange(N, dtype="<u4"), category)
    found = call("latent_plane/points.js", FIND, buffer, N, polygon.tolist(), places.tolist(), 0.1)
    assert found["found"] == shown[inside].tolist()
    assert 1000 < inside.sum() < len(shown) / 2
    assert xy[found["found"], 0].max() > 100
    distance = np.hypot(a - places[:, :1], b - places[:, 1:])  # (40, shown)
    nearest = np.where(distance.min(1) <= 0.1, shown[distance.argmin(1)], -1)
    assert found["nearest"] == nearest.tolist()
    assert -1 in nearest


def test_counts_are_the_same_before_and_after_the_points_are_sorted(call: Call, xy: Array) -> None:
    drawn = f"""async ({{ Raster }}, buffer, layout) => {{
        {BYTES}
        let hear;
        const raster = new Raster((answer) => hear(answer));
        const told = (message, kind) => new Promise((resolve) => {{
            hear = (answer) => answer.kind === kind && resolve(answer.words && [...answer.words]);
            raster.hear(message);
        }});
        const mask = Uint8Array.from({{ length: layout.count }}, (_, i) => Number(i % 3 === 0));
        await told({{ buffer: bytes(buffer), layout, mask }}, undefined);
        const [palette, hidden] = [new Uint32Array(256).map((_, k) => 9 ** k), new Uint8Array(256)];
        const view = {{ x: 0, y: 0, unit: 40, width: 200, height: 100 }};
        const passes = [0, 1].map((wanted) => ({{ stamps: [], wanted, opacity: 0.5, area: 9 }}));
        for (const pass of passes) pass.stamps.push({{ reach: 0, dx: [], dy: [], over: [] }});
        const wish = {{ view, ratio: 1, look: {{ palette, hidden }}, passes }};
        const before = await told({{ wish: {{ ...wish, key: "a", moves: true }} }}, "counts");
        await told({{ wish: {{ ...wish, key: "a", moves: false }} }}, "glyphs");
        while (!raster.near) await new Promise((resolve) => setTimeout(resolve));
        const after = await told({{ wish: {{ ...wish, key: "b", moves: true }} }}, "counts");
        raster.turns.port1.close();
        return [before, after];
    }}"""
    category = (np.arange(N) % 5).astype("u1")
    buffer = in_base64(xy, np.arange(N, dtype="<u4"), category)
    before, after = call("latent_plane/raster.js", drawn, buffer, {"count": N, "names": ["a"] * 5})
    assert before == after
    assert len(set(before)) > 100


@pytest.mark.parametrize("posteriors", [True, False])
def test_a_crowds_density_is_that_of_its_points_one_by_one(call: Call, posteriors: bool) -> None:
    both = """({ crowdDensity, Density, thinnest }, posteriors) => {
        const count = 12_000;
        const some = (n, of) => new Float32Array(n * count).map((_, i) => of(i));
        const xy = some(2, (i) => 2 * Math.sin(i * i));
        const covariance = posteriors ? some(3, (i) => (i % 3 === 1 ? 0.001 : 0.01)) : null;
        const points = { xy, covariance, count, shown: (i) => i % 4 > 0 };
        const field = new Density(points).field(3);
        let step;
        for (const steps = crowdDensity(points, 3); !step?.done; ) step = steps.next();
        const { values, thin } = step.value;
        return [[...field.values], thinnest(field, points), [...values], thin];
    }"""
    values, thin, of_crowd, thin_of_crowd = call("latent_plane/fog.js", both, posteriors)
    assert of_crowd == values
    assert thin_of_crowd == thin > 0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5])
def test_browser_and_python_tell_the_same_selection_in_the_same_words(
    call: Call, share: float
) -> None:
    rows = np.flatnonzero(np.random.default_rng(0).random(N) < share).tolist()
    words = packed(rows[::-1])
    assert len(words) < N / 5
    assert list(unpacked(words, N)) == rows
    again = (
        "({ Selection }, words) => { const s = Selection.of(words); return [s.packed, [...s]]; }"
    )
    told, points = call("latent_plane/selection.js", again, words)
    assert (told, points) == (words if isinstance(words, str) else list(words), rows)


def test_of_bits_that_the_browser_tells_only_those_of_points_count() -> None:
    assert unpacked(packed(range(3000)), 5) == (0, 1, 2, 3, 4)
    for broken in ("no base64!", ["one"]):
        with pytest.raises(ConfigError, match="select again"):
            unpacked(broken, 5)
