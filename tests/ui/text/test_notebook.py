"""A program is a notebook that Jupyter takes as it stands."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from streamlit.testing.v1 import AppTest

from live.models import open_model
from ui.text.notebook import notebook
from ui.text.programs import compare_program, elbo_program
from ui.text.show_code import SNIPPETS, about, program

ROOT = Path(__file__).parents[3]
DIGITS = str(ROOT / "checkpoints" / "digits-2d")


def read(name: str, text: str) -> nbformat.NotebookNode:
    read = nbformat.reads(notebook(about(name), text).decode(), as_version=nbformat.NO_CONVERT)
    nbformat.validate(read)
    return read


def test_a_notebook_says_what_it_is_and_where_to_run_it_then_has_the_program() -> None:
    opened = open_model("digits-2d")
    for name, text in (
        ("elbo", elbo_program(opened, 3, 100)),
        ("compare", compare_program([opened, opened], 5)),
        ("clusters", program("clusters", ["k-means"], CHECKPOINT='a "b"\n\u2028{c}', K=2)),
    ):
        first, *code = read(name, text).cells
        assert first.cell_type == "markdown" and first.source.startswith("# ")
        assert "pip install zscape" in first.source and "`checkpoints/…`" in first.source
        assert "{" not in first.source
        assert all(cell.cell_type == "code" and not cell.outputs for cell in code)
        together = "\n".join(cell.source for cell in code)
        assert ast.dump(ast.parse(together)) == ast.dump(ast.parse(text))


@pytest.mark.parametrize("name", [file.stem for file in SNIPPETS.glob("*.py")])
def test_each_program_says_what_it_is(name: str) -> None:
    title, _, sentence = about(name).partition(": ")
    assert title[0].isupper() and sentence.endswith(".") and "\n" not in sentence


def test_a_notebook_runs_in_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    made = read("clusters", program("clusters", ["k-means"], CHECKPOINT=DIGITS, K=10))
    client = NotebookClient(
        made, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    printed = "".join(out.text for cell in made.cells[1:] for out in cell.outputs)
    assert "adjusted Rand index" in printed
    assert (tmp_path / "clusters.png").is_file()


def test_the_button_stands_beside_the_code() -> None:
    app = AppTest.from_string(
        "from ui.text.show_code import show_code\n"
        "show_code('layers', 'print(1)')\n"
        "show_code('transposed_convolution', 'print(1)')",
        default_timeout=60,
    )
    app.run()
    assert not app.exception
    assert not app.get("download_button") and not app.code  # folded
    for name in ("layers", "transposed_convolution"):
        app.session_state[f"code-{name}"] = True
    app.run()
    assert not app.exception
    assert [each.label for each in app.get("download_button")] == ["Notebook"] * 2
    assert [each.value for each in app.code] == ["print(1)"] * 2
