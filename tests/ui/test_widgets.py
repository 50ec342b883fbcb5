"""What the script writes into widgets, and what it hears of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vae_core.data.datasets import load_dataset

ROOT = Path(__file__).parents[2]
# In a process of its own: a page leaves what it opened behind.
PROGRAM = """
import json, sys
from pathlib import Path
import streamlit as st
from streamlit.testing.v1 import AppTest
from ui.frame.navigation import PAGES, SECTIONS

st.page_link = lambda *_, **__: None  # it asks for the menu that stands around the pages
written = {}
for file in sys.argv[2:] or [entry[0] for pages in SECTIONS.values() for entry in pages]:
    app = AppTest.from_file(str(Path(PAGES) / f"{file}.py"), default_timeout=600)
    app.session_state["model"] = sys.argv[1]
    app.session_state["visitor"] = "ann"
    app.run()
    assert not app.exception, (file, app.exception)
    app.run()  # nothing was touched
    protos = [element.proto for element in app if hasattr(element, "proto")]
    sent = [proto for proto in protos if getattr(proto, "set_value", False)]
    written[file] = [proto.label for proto in sent if not proto.disabled]  # which nobody can move
print(json.dumps(written))
"""


@pytest.mark.parametrize(
    ("model", "pages"), [("digits-2d", ()), ("sprites-6d", ("decode", "factors", "manifold"))]
)
def test_a_run_in_which_nothing_changes_writes_no_widget(
    model: str, pages: tuple[str, ...], tmp_path: Path
) -> None:
    """What is written is sent to the browser, and overwrites what is moved there meanwhile."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, model, *pages],
        cwd=ROOT,
        env=os.environ | {"ZSCAPE_RUNS": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    written = json.loads(done.stdout.splitlines()[-1])
    assert {page: labels for page, labels in written.items() if labels} == {}


def cut_short() -> None:
    """Counts the clicks on Go; a click on it is followed by a run that comes in between."""
    import streamlit as st

    from ui.widgets import clicked

    if st.session_state.pop("cut", False):
        st.rerun()
    if clicked("Go"):
        st.session_state["heard"] = st.session_state.get("heard", 0) + 1
    clicked("Stay")


def test_a_click_counts_once_even_where_its_run_is_cut_short() -> None:
    app = AppTest.from_function(cut_short, default_timeout=60).run()
    app.session_state["cut"] = True
    app.button[0].click().run()
    assert app.session_state["heard"] == 1
    app.run()
    assert app.session_state["heard"] == 1
    app.button[1].click().run()
    assert app.session_state["heard"] == 1
    app.button[0].click().run()
    assert app.session_state["heard"] == 2


OLD = """
import json
from pathlib import Path
import streamlit as st
from streamlit.testing.v1 import AppTest
from ui.frame.navigation import PAGES

st.page_link = lambda *_, **__: None
app = AppTest.from_file(str(Path(PAGES) / "interpolate.py"), default_timeout=600)
app.session_state["model"], app.session_state["visitor"] = "digits-2d", "ann"
app.run().run()
shown = app.text_input(key="typed-a").value
ends = []
app.number_input(key="index-a").set_value(1).run()
ends.append(app.session_state["way-a"])
app.text_input(key="typed-a").set_value(shown).run()  # what it has not heard of yet
ends.append(app.session_state["way-a"])
app.run()
app.selectbox(key="class-a").set_value("4").run()
app.number_input(key="index-a").set_value(1).run()  # as before, but it has heard
ends.append(app.session_state["way-a"])
app.run()
app.text_input(key="typed-a").set_value("1, 2").run()
ends.append(app.session_state["way-a"])
assert not app.exception
print(json.dumps(ends))
"""


def test_what_the_browser_has_not_heard_of_yet_moves_no_end(tmp_path: Path) -> None:
    """Whoever chooses an index just after a class loses neither."""
    done = subprocess.run(
        [sys.executable, "-c", OLD],
        cwd=ROOT,
        env=os.environ | {"ZSCAPE_RUNS": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    labels = load_dataset("digits", "test").labels.tolist()
    zeros, fours = ([i for i, label in enumerate(labels) if label == k] for k in (labels[0], 4))
    expected = [f"test:{zeros[1]}"] * 2 + [f"test:{fours[1]}", "1.000,2.000"]
    assert json.loads(done.stdout.splitlines()[-1]) == expected
