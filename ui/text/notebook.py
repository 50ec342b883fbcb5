"""A program as a Jupyter notebook, of format 4.5.

It is plain JSON, so nbformat, with a schema validator and more, is needed by the tests alone, which
hold it against that and run it.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

TEXT = Path(__file__).parent / "notebook.md"


def notebook(about: str, program: str) -> bytes:
    """The .ipynb file: what it is and needs, the imports and settings, the rest of the program.

    about: "Title: a sentence.", as the programs of snippets/ begin.
    """
    title, _, sentence = about.partition(": ")
    text = TEXT.read_text("utf-8").format(title=title, about=sentence[:1].upper() + sentence[1:])
    lines = program.splitlines(keepends=True)
    start = _first_step(program)
    cells = [
        _cell("about", "markdown", text),
        _cell("settings", "code", "".join(lines[:start])),
        _cell("program", "code", "".join(lines[start:])),
    ]
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": [cell for cell in cells if cell["source"]],
        "metadata": {"kernelspec": python, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1).encode()


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": source.strip()}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _first_step(program: str) -> int:
    """The index of the line at which the imports and the constants in capitals have ended."""
    for statement in ast.parse(program).body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                continue
            case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
                continue
        return statement.lineno - 1
    return len(program.splitlines())
