"""What figures are saved as, worked out by Node.js, and how Plotly comes to the browser."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from live.assets import asset_route
from ui.components.modules import PLOTLY, needed

COMPONENTS = Path(__file__).parents[3] / "ui" / "components"


def test_a_csv_reads_back_and_holds_no_formula() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    texts = ["=1+1", "+1", "-1", "@a", 'say "no", twice', "two\nlines", "μ", "plain"]
    table = {"columns": ["name", "value"], "rows": [[text, -0.1] for text in texts] + [["", None]]}
    program = f"console.log(JSON.stringify(csvOf({json.dumps(table)})))"
    source = (COMPONENTS / "figure" / "assets" / "table.js").read_text("utf-8")
    done = subprocess.run(
        [node, "--input-type=module", "-"],
        input=source + program, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(json.loads(done.stdout), newline="")))
    assert rows[0] == ["name", "value"]
    assert [row[0] for row in rows[1:-1]] == [f"'{text}" for text in texts[:4]] + texts[4:]
    assert all(float(row[1]) == -0.1 for row in rows[1:-1])
    assert rows[-1] == ["", ""]


def test_plotly_comes_from_its_package_and_compressed() -> None:
    spec = importlib.util.find_spec("plotly")
    assert spec is not None and spec.submodule_search_locations
    script = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    client = TestClient(Starlette(routes=[asset_route]))
    with client.stream("GET", f"/{PLOTLY}") as answer:
        sent = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent) == script.read_bytes()
    assert len(sent) < script.stat().st_size / 2


@pytest.mark.parametrize(
    ("component", "entry"),
    [("latent_plane", "plane.js"), ("curves", "curves.js"), ("image_grid", "grid.js")],
)
def test_what_saves_a_figure_does_not_come_with_it(component: str, entry: str) -> None:
    files = needed(COMPONENTS / component / "assets", entry)
    assert entry in files
    assert not files & {"saved.js", "plotted.js", "pen.js"}
