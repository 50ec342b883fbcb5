"""The figures that components' modules tell, worked out by Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

COMPONENTS = Path(__file__).parents[2] / "ui" / "components"
Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """`call("curves/reading.js", "({ stops }, lines) => stops(lines)", [])`; JSON both ways."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    for component in ("curves", "latent_plane"):
        shutil.copytree(COMPONENTS / component / "assets", tmp_path / component)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def run(module: str, function: str, *given: Any) -> Any:
        program = (
            f"import * as module from './{module}';"
            f"console.log(JSON.stringify(await ({function})(module, ...{json.dumps(given)})));"
        )
        done = subprocess.run(
            [node, "--input-type=module", "-"],
            input=program,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


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
