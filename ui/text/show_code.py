"""What stands behind "Show the code": a program of snippets/, filled with what the page shows.

README.md beside this file says how they are written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import streamlit as st

from live.models import here_name
from ui.text.notebook import notebook

SNIPPETS = Path(__file__).parent / "snippets"
_WHEN = re.compile(r"# when (.+):")
_END = "# end"


def show_code(name: str, program: str) -> None:
    """A program behind "Show the code" that runs as it stands and gives the page's figure.

    name: of its file in snippets/. None that opens a model of another program: there is no
    checkpoint.
    """
    of_model = "CHECKPOINT" in program  # as all that open one name its folder
    if not (of_model and here_name(st.session_state.get("model", ""))):
        _behind_a_fold(name, program)


@st.fragment
def _behind_a_fold(name: str, program: str) -> None:
    """Sent when it is opened: what colours it is a quarter of the work of loading a page."""
    fold = st.expander(
        "Show the code", icon=":material/code:", key=f"code-{name}", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        st.download_button(
            "Notebook",
            lambda: notebook(about(name), program),
            f"{name}.ipynb",
            "application/x-ipynb+json",
            key=f"notebook-{name}",
            icon=":material/download:",
            on_click="ignore",
            help="The same for Jupyter, after `pip install zscape`; it says where to run it.",
        )
        st.code(program, language="python", wrap_lines=True)


def about(name: str) -> str:
    """What snippets/<name>.py says of itself."""
    return ast.get_docstring(ast.parse((SNIPPETS / f"{name}.py").read_text("utf-8"))) or name


def program(name: str, when: Collection[str] = (), **given: object) -> str:
    """The program snippets/<name>.py with the sections named in `when` and the `given` constants.

    Values go in as literals, so no text from outside can become code. Imports and constants that
    nothing uses then are left out. ValueError where a section or constant is not there, a constant
    that is used has not been given, or a value has no literal.
    """
    text = (SNIPPETS / f"{name}.py").read_text("utf-8")
    if unknown := {*when} - set(sections(text)):
        raise ValueError(f"{name}.py has no section {', '.join(sorted(unknown))}.")
    if unknown := {*given} - constants(ast.parse(text)):
        raise ValueError(f"{name}.py has no constant {', '.join(sorted(unknown))}.")
    text = "\n".join(_lines_kept(text, when))
    tree = ast.parse(text)
    used = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    named = constants(tree)
    if missing := (named & used) - given.keys():
        raise ValueError(f"{name}.py is to be given {', '.join(sorted(missing))}.")
    lines = text.encode().splitlines()  # as ast counts columns, in bytes
    for statement in reversed(tree.body):
        place = slice(statement.lineno - 1, statement.end_lineno)
        match statement:
            case ast.Expr(value=ast.Constant()):  # the docstring is for whoever edits the file
                lines[place] = []
            case ast.Import() | ast.ImportFrom():
                lines[place] = _import_of(statement, used, lines[place])
            case ast.Assign(targets=[ast.Name(id=constant)]) if constant in named - used:
                lines[place] = []
            case ast.Assign(targets=[ast.Name(id=constant)], value=value) if constant in named:
                [line] = lines[place]
                put = literal(given[constant]).encode()
                lines[place] = [line[: value.col_offset] + put + line[value.end_col_offset :]]
    return re.sub(r"\n{4,}", "\n\n\n", b"\n".join(lines).decode()).strip() + "\n"


def sections(text: str) -> list[str]:
    """Names of a program's sections, the text below "# when …:" up to the next or to "# end"."""
    return [found[1] for line in text.splitlines() if (found := _WHEN.fullmatch(line))]


def constants(tree: ast.Module) -> set[str]:
    """What is to be given: names in capitals with a literal, each on a line of its own."""
    found = set()
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
                with suppress(ValueError):  # no literal: a matrix that mathematics calls G
                    ast.literal_eval(value)
                    found.add(name)
    return found


def literal(value: object) -> str:
    """`value` as Python writes it: numbers, strings and what is made of them."""
    text = repr(value)
    with suppress(ValueError, SyntaxError):
        if ast.literal_eval(text) == value:
            return text
    raise ValueError(f"A program can be given a number or a text, not {text}.")


def _lines_kept(text: str, when: Collection[str]) -> Iterator[str]:
    keep = True
    for line in text.splitlines():
        if section := _WHEN.fullmatch(line):
            keep = section[1] in when
        elif line == _END:
            keep = True
        elif keep:
            yield line


def _import_of(
    statement: ast.Import | ast.ImportFrom, used: set[str], lines: list[bytes]
) -> list[bytes]:
    names = [
        alias for alias in statement.names if (alias.asname or alias.name.partition(".")[0]) in used
    ]
    if not names:
        return []
    if len(names) == len(statement.names):
        return lines
    statement.names = names
    return [ast.unparse(statement).encode()]
