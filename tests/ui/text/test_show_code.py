"""Programs are filled with values alone, and hold nothing that is not used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from live.models import open_model
from ui.figures.told import HOW
from ui.frame.navigation import PAGES
from ui.text import programs, show_code
from ui.text.show_code import SNIPPETS, constants, program, sections
from vae_core.measures.codes.clusters import METHODS

TEXT = '''"""A program for a test."""

import math
import os.path
from json import dumps, loads

NAME = "μ"  # who
UNUSED = 1
# when loud:
VOLUME = 11
print(math.sqrt(VOLUME))
# end


def told(name: str) -> str:
    return dumps(name)


# when quiet:
print(os.path.basename(NAME))
# when loud:
print(told(NAME))
# end
G = told("G")
'''


@pytest.fixture(autouse=True)
def snippet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "test.py").write_text(TEXT, "utf-8")
    monkeypatch.setattr(show_code, "SNIPPETS", tmp_path)


def test_a_program_has_its_values_its_sections_and_nothing_else() -> None:
    assert program("test", ["loud"], NAME="ä", VOLUME=[4, 9]) == (
        "import math\nfrom json import dumps\n\nNAME = 'ä'  # who\nVOLUME = [4, 9]\n"
        "print(math.sqrt(VOLUME))\n\n\ndef told(name: str) -> str:\n    return dumps(name)\n\n\n"
        'print(told(NAME))\nG = told("G")\n'
    )
    quiet = program("test", {"quiet"}, NAME="a/b")
    assert "import os.path" in quiet and "math" not in quiet and "VOLUME" not in quiet


@pytest.mark.parametrize(
    "name", ["'; import os #", '"""\nimport os\n"""', "\\", "{NAME}", "\n# end", "\u2028x", "\0"]
)
def test_a_text_from_outside_does_not_become_code(name: str) -> None:
    tree = ast.parse(program("test", ["loud"], NAME=name, VOLUME=1))
    assert [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import)] == [
        "import math"
    ]
    assert name in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


@pytest.mark.parametrize("value", [Path("x"), np.float64(1), float("nan"), print, [object()]])
def test_only_what_python_can_write_is_given(value: object) -> None:
    with pytest.raises(ValueError, match="a number or a text"):
        program("test", ["quiet"], NAME=value)


@pytest.mark.parametrize(
    ("when", "given", "sentence"),
    [
        (["proud"], {"NAME": "x"}, "no section proud"),
        (["quiet"], {"NAME": "x", "G": 1}, "no constant G"),
        (["loud"], {"NAME": "x"}, "is to be given VOLUME"),
    ],
)
def test_what_does_not_fit_the_file_is_told(
    when: list[str], given: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        program("test", when, **given)


def test_each_file_is_shown_and_each_section_and_constant_named() -> None:
    shown = [*PAGES.glob("*.py"), Path(programs.__file__)]
    source = "\n".join(path.read_text("utf-8") for path in shown)
    asked = set(re.findall(r'program\(\s*"(\w+)"', source))
    assert asked == {file.stem for file in SNIPPETS.glob("*")}
    texts = (
        {
            node.value
            for node in ast.walk(
                ast.parse(source.replace("from __future__ import annotations", ""))
            )
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        | METHODS.keys()
        | HOW.keys()
    )  # of clusters, and of choosing labels
    for file in SNIPPETS.glob("*"):
        text = file.read_text("utf-8")
        assert {*sections(text)} <= texts
        for name in constants(ast.parse(text)):
            assert re.search(rf"\b{name}=", source) or name in texts, f"{file.name}: {name}"


def test_strangers_are_shown_no_folder_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_model("digits-2d")
    assert programs.place_of(opened) == str(opened.path)
    monkeypatch.setenv("ZSCAPE_ALONE", "0")
    assert programs.place_of(opened) == "checkpoints/digits-2d"


def test_beside_a_model_of_another_program_those_alone_are_shown_that_open_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(show_code, "_behind_a_fold", lambda name, _: shown.append(name))
    files = {file.stem: file.read_text("utf-8") for file in SNIPPETS.glob("*.py")}
    reads = {name for name, text in files.items() if re.search(r"load_(checkpoint|latents)", text)}
    assert {"elbo", "labels"} <= reads
    for model, expected in (("digits-2d", files.keys()), ("here:theirs", files.keys() - reads)):
        monkeypatch.setattr(show_code.st, "session_state", {"model": model})
        shown.clear()
        for name, text in files.items():
            show_code.show_code(name, text)
        assert set(shown) == expected
