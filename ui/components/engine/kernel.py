"""Builds assets/kernel.js, the engine's WebAssembly, from kernel.c.

    python -m ui.components.engine.kernel

The compiler is the package `ziglang` of requirements-dev.txt: the same bytes on every machine.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCE, BUILT = HERE / "kernel.c", HERE / "assets" / "kernel.js"
MODULE = """\
/** kernel.c as WebAssembly, of {size:,} bytes; built by `python -m ui.components.engine.kernel`. */
export const KERNEL =
  "{code}";
"""
COMPILE = (
    *(sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding", "-mcpu=generic"),
    *("-msimd128", "-O3", "-fno-math-errno", "-ffp-contract=off", "-fno-builtin", "-nostdlib"),
    *("-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--strip-all", "-Wl,-z,stack-size=16384"),
)


def built() -> str:
    """The text of kernel.js; CalledProcessError where the compiler refuses or is missing."""
    with tempfile.TemporaryDirectory() as folder:
        wasm = Path(folder) / "kernel.wasm"
        subprocess.run([*COMPILE, SOURCE.name, "-o", wasm], cwd=HERE, check=True)
        code = wasm.read_bytes()
    return MODULE.format(size=len(code), code=base64.b64encode(code).decode())


if __name__ == "__main__":
    BUILT.write_text(built(), "utf-8")
