"""The components' modules parse, and import only what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UI = Path(__file__).parents[3] / "ui"
MODULES = sorted(UI.rglob("*.js"))
IMPORT = re.compile(r'^import (?:\* as \w+|\{([^}]*)\}) from "(\.{1,2}/[\w./-]+)";', re.MULTILINE)
EXPORT = re.compile(
    r"^export (?:default )?(?:async )?(?:function\*?|class|const) (\w+)", re.MULTILINE
)


def name_of(module: Path) -> str:
    return str(module.relative_to(UI))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_parses(module: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    done = subprocess.run(
        [node, "--check", "--input-type=module", "-"],
        input=module.read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_what_others_export_and_uses_it(module: Path) -> None:
    text = module.read_text()
    for names, path in IMPORT.findall(text):
        exported = set(EXPORT.findall((module.parent / path).read_text()))
        imported = [name.split(" as ") for each in names.split(",") if (name := each.strip())]
        unknown = {name for name, *_ in imported} - exported
        assert not unknown, f"{path} exports no {unknown}"
        for *_, used in imported:
            assert len(re.findall(rf"\b{used}\b", text)) > 1, f"{used} is imported and not used"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_what_a_module_exports_is_imported_somewhere(module: Path) -> None:
    others = "".join(m.read_text() for m in MODULES if m != module)
    others += "".join(test.read_text() for test in Path(__file__).parents[2].rglob("*.py"))
    unused = {n for n in EXPORT.findall(module.read_text()) if not re.search(rf"\b{n}\b", others)}
    assert not unused
