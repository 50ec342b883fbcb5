"""Components' modules in Node.js, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMPONENTS = Path(__file__).parents[3] / "ui" / "components"


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Any]:
    """`call("curves/reading.js", "({ stops }, lines) => stops(lines)", [])`; JSON both ways."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    for component in ("curves", "image_grid", "latent_plane", "two_gaussians"):
        shutil.copytree(COMPONENTS / component / "assets", tmp_path / component)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def run(module: str, function: str, *given: Any) -> Any:
        program = (
            f"import * as module from './{module}';"
            f"console.log(JSON.stringify(await ({function})(module, ...{json.dumps(given)})));"
        )
        done = subprocess.run(
            [node, "--input-type=module", "-"],
            input=program,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
