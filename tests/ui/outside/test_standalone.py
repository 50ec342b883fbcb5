"""The components' modules as one text, for pages that no server stands behind."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ui.outside.standalone import ENGINE, bundled

HERE = ENGINE.parents[3] / "outside" / "standalone"


def run(module: str, folder: Path) -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    (folder / "module.mjs").write_text(module, "utf-8")
    done = subprocess.run(
        [node, folder / "module.mjs"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("entry", "exported"), [("host.js", "showPlane"), ("engine_channel.js", "openEngine")]
)
def test_what_a_bundled_module_exports_is_there_without_its_files(
    entry: str, exported: str, tmp_path: Path
) -> None:
    bundle = bundled(HERE / entry)
    (tmp_path / "bundle.mjs").write_text(bundle, "utf-8")
    said = run(
        "globalThis.document = { createElement() {} };\nglobalThis.addEventListener = () => {};\n"
        f'const {{ {exported} }} = await import("./bundle.mjs");\nconsole.log(typeof {exported});',
        tmp_path,
    )
    assert said.strip() == "function"


def test_modules_keep_their_own_names_and_run_once_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        "/** Said\n * once. */\nconst own = 'a'; // kept: \"https://here\"\nconsole.log(own);\n"
        "export const told = own;\nexport function twice(x) {\n  return 2 * x;\n}\n"
    )
    (tmp_path / "b.js").write_text(
        'import { told as from } from "./a.js";\nconst own = "b";\n'
        "export const pair = from + own;\n"
    )
    (tmp_path / "c.js").write_text(
        'import * as a from "./a.js";\nimport { pair } from "./b.js";\n'
        "const own = a.twice(21);\nconsole.log(JSON.stringify([own, pair]));\n"
    )
    first, second = run(bundled(tmp_path / "c.js"), tmp_path).splitlines()
    assert (first, json.loads(second)) == ("a", [42, "ab"])
