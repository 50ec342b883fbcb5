"""The explanations: a file a page that a teacher can mend, and none that no page shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ui.frame.navigation import PAGES, SECTIONS
from ui.palette import SYMBOL_COLOURS
from ui.text import explain
from ui.text.explain import EXPLANATIONS, coloured, parts, question

TITLES = {file: title for pages in SECTIONS.values() for file, title, _, _ in pages}
FILES = sorted(EXPLANATIONS.glob("*"))
MATH = re.compile(r"\$\$(.*?)\$\$|\$(.*?)\$", re.DOTALL)


def asked() -> set[tuple[str, str]]:
    """The (page, part) pairs that the pages show behind "Explain"; "" for all parts."""
    found = set()
    for page in PAGES.glob("*.py"):
        for node in ast.walk(ast.parse(page.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "explain":
                name, part = [*map(ast.literal_eval, node.args), ""][:2]
                assert name == page.stem, f"{page.name} shows the explanation of {name}"
                found.add((name, part))
    return found


def test_each_part_of_each_file_is_shown_by_its_page() -> None:
    for file in FILES:
        shown = {part for page, part in asked() if page == file.stem}
        assert shown in ({""}, {*parts(file.stem)}), file.name


def test_each_page_has_a_question_of_its_own_that_fits_a_line() -> None:
    questions = [question(file.stem) for file in FILES]
    assert len(set(questions)) == len(questions)
    assert max(map(len, questions)) < 90
    assert question("no such page") == ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_bears_the_title_of_its_page_and_sound_mathematics(file: Path) -> None:
    assert file.suffix == ".md"
    text = file.read_text("utf-8")
    assert text.startswith(f"# {TITLES[file.stem]}\n")
    for displayed, inline in MATH.findall(text):
        math = displayed or inline
        assert math.strip(), "nothing between two $"
        assert math.count("{") == math.count("}"), math
        assert len(re.findall(r"\\left\b", math)) == len(re.findall(r"\\right\b", math)), math
        assert "\n\n" not in math, f"a $ is missing about here: {math}"


def test_symbols_are_coloured_in_mathematics_alone() -> None:
    red = SYMBOL_COLOURS["z"]
    assert coloured("z and $z_1+d z$") == (
        rf"z and ${{\color{{{red}}}z}}_1+d {{\color{{{red}}}z}}$"
    )
    for symbol, name in ((r"\mu", "mu"), (r"\sigma", "sigma"), (r"\varepsilon", "eps")):
        told = rf"{{\color{{{SYMBOL_COLOURS[name]}}}{symbol}}}"
        assert coloured(f"$${symbol}_j^2$$ {symbol}") == f"$${told}_j^2$$ {symbol}"
    assert coloured(r"$\zeta$, $xz$, $\log σ$") == r"$\zeta$, $xz$, $\log σ$"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a title is expected"),
        ("Training brings", "a title is expected"),
        ("# Density\n", "a question under its title"),
        ("# Density\n\nA text\n", "a question under its title"),
        ("# Density\n\nWhere?\n", "text under its question"),
        ("# Density\n\nWhere?\n\nA text\n## A part\nAnother", "text under its question"),
        ("# Density\n\nWhere?\n\n## A part\n## Another\nA text", "without text"),
        ("# Density\n\nWhere?\n\n## A\nA text\n## A\nA text", "two parts named 'A'"),
        ("# Density\n\nWhere?\n\nThe prior $p(z) is", "without another"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, sentence: str
) -> None:
    monkeypatch.setattr(explain, "EXPLANATIONS", tmp_path)
    (tmp_path / "density.md").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=sentence):
        parts("density")


def test_a_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(explain, "EXPLANATIONS", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"density\.md"):
        parts("density")
