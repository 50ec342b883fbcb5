"""What docs/architecture.md says can be added: added, then looked for in commands and pages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs.rooms import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)[2:]
# What stands in this program is done in a process of its own, where nothing stays registered.
PROGRAM = """
import json, sys
from pathlib import Path
import tests.added
from streamlit.testing.v1 import AppTest
from ui.frame import navigation
from vae_core.command.main import main

home, found = Path(sys.argv[1]), {}
run = home / "runs" / "mine"
settings = ["--dataset", "stripes", "--network", "straight", "--likelihood", "laplace",
            "--objective", "squared-kl", "--set", "weight=0.2", "--epochs", "1",
            "--batch-size", "16", "--output", str(run)]
found["trained"] = main(["train", *settings])
found["measured"] = main(["evaluate", str(run / "checkpoint"), "--measure", "spread", "--write"])

def page(file, **state):
    app = AppTest.from_file(str(file), default_timeout=120)
    for name, value in {"visitor": "ann", **state}.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception, app.exception
    return app

(home / "mine.py").write_text("import streamlit as st; st.write('It is my page.')")
navigation.SECTIONS["Use"].append((str(home / "mine"), "Mine", ":material/star:", "mine"))
pages = Path(navigation.PAGES)
found["train"] = {box.label: list(box.options) for box in page(pages / "train.py").selectbox}
app = page(pages / "interpolate.py", model="digits-2d")
boxes = [*app.selectbox, *app.segmented_control]
found["interpolate"] = {box.label: list(box.options) for box in boxes}
from ui.frame.card import figures_of
from live.models import open_model, run_id
found["figures"] = dict(figures_of(open_model(run_id("mine"))))
menu = AppTest.from_string(
    "import streamlit as st\\n"
    "from ui.frame.navigation import sections\\n"
    "for pages in sections().values():\\n"
    "    for page in pages: st.text(page.title)",
    default_timeout=120,
)
found["titles"] = [text.value for text in menu.run().text]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("added")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ZSCAPE_RUNS": str(home / "runs")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(home)],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    return {"printed": done.stdout, **json.loads(done.stdout.splitlines()[-1])}


def test_a_model_of_all_that_was_added_is_trained_and_measured(found: dict[str, Any]) -> None:
    assert found["trained"] == found["measured"] == 0
    assert re.search(r"spread distance +\d", found["printed"])


@pytest.mark.parametrize(
    ("control", "name"),
    [
        ("Data set", "stripes"),
        ("Network", "straight"),
        ("Likelihood", "laplace"),
        ("Objective", "squared-kl"),
    ],
)
def test_what_was_added_can_be_chosen_for_a_training(
    found: dict[str, Any], control: str, name: str
) -> None:
    assert name in found["train"][control]


def test_a_way_that_was_added_can_be_chosen(found: dict[str, Any]) -> None:
    assert any("late" in options for options in found["interpolate"].values())


def test_a_measure_that_was_added_stands_among_the_models_figures(found: dict[str, Any]) -> None:
    assert float(found["figures"]["spread, distance"]) >= 0


def test_a_page_that_was_added_is_in_the_menu(found: dict[str, Any]) -> None:
    assert found["titles"][-1] == "Mine"


@pytest.mark.parametrize(("what", "where", "how"), ROWS)
def test_each_row_names_what_there_is(what: str, where: str, how: str) -> None:
    for path in re.findall(r"`([\w./]+/[\w./]+)`", where + how):
        assert (ROOT / path).exists(), path
    places = [ROOT / path for path in re.findall(r"`([\w./]+/[\w./]+)`", where + how)]
    sources = [f for p in places for f in (p.rglob("*.py") if p.is_dir() else [p])]
    for name in re.findall(r"`@?(register_\w+|SECTIONS)`", how):
        assert any(name in file.read_text("utf-8") for file in sources), name
    added = (Path(__file__).parent / "added.py").read_text("utf-8")
    for name in re.findall(r"`@?(register_\w+)`", how):
        assert f"{name}(" in added, f"nothing is added by {name}"
