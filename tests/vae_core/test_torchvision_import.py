"""`import_torchvision` in fresh processes: beside real and made-up torchvisions, matched or not."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# What torchvision's own package does when it is imported: its compiled library, where it loads,
# declares the operators; then the package attaches shape functions to them.
COMPILED_LIBRARY = """
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
PACKAGE = """
import torch
from . import extension
import torchvision.extension
assert torchvision.extension is extension
for name in ("nms", "qnms"):
    torch.library.register_fake("torchvision::" + name)(lambda dets, scores, threshold: dets)
from . import datasets
"""


def run_python(source: str, *path: Path) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.path[:0] = {[str(folder) for folder in path]!r}\n"
    return subprocess.run(
        [sys.executable, "-c", start + source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def made_up_torchvision(folder: Path, extension: str) -> Path:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE, "utf-8")
    (package / "extension.py").write_text("import torch\n" + extension, "utf-8")
    (package / "datasets.py").write_text("here = True", "utf-8")
    return folder


def declared_after_import(prelude: str = "", *path: Path) -> bool:
    """Whether `import_torchvision` declared operators; fails when the import does."""
    result = run_python(
        "from vae_core import torchvision_import as shim\n"
        f"{prelude}\n"
        "datasets = shim.import_torchvision('torchvision.datasets')\n"
        "assert datasets is sys.modules['torchvision.datasets']\n"
        "assert shim.import_torchvision() is sys.modules['torchvision']\n"
        "print(len(shim._libraries))",
        *path,
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout) > 0


def test_beside_a_matched_torchvision_nothing_is_declared(tmp_path: Path) -> None:
    assert not declared_after_import("", made_up_torchvision(tmp_path, COMPILED_LIBRARY))


def test_beside_a_mismatched_torchvision_operators_are_declared(tmp_path: Path) -> None:
    assert declared_after_import("", made_up_torchvision(tmp_path, ""))


def test_the_installed_torchvision_imports_and_is_helped_only_where_it_must_be() -> None:
    imports_alone = run_python("import torchvision").returncode == 0
    assert declared_after_import() is not imports_alone


def test_an_import_that_failed_before_does_not_stand_in_the_way(tmp_path: Path) -> None:
    folder = made_up_torchvision(tmp_path, "")
    failed_before = "try: import torchvision\nexcept RuntimeError: pass"
    assert declared_after_import(failed_before, folder)


def test_threads_that_import_at_once_all_get_it(tmp_path: Path) -> None:
    folder = made_up_torchvision(tmp_path, "")
    threads = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    got = list(pool.map(shim.import_torchvision, ['torchvision.datasets'] * 8))\n"
        "assert all(module.here for module in got)"
    )
    assert declared_after_import(threads, folder)


def test_any_other_trouble_is_raised_as_it_is(tmp_path: Path) -> None:
    folder = made_up_torchvision(tmp_path, "raise RuntimeError('no disk')")
    result = run_python(
        "from vae_core.torchvision_import import import_torchvision; import_torchvision()", folder
    )
    assert result.returncode == 1
    assert result.stderr.strip().endswith("RuntimeError: no disk")


def test_importing_the_library_does_not_import_torchvision() -> None:
    result = run_python(
        "from vae_core.datasets import load_dataset; load_dataset('digits')\n"
        "assert 'torchvision' not in sys.modules"
    )
    assert result.returncode == 0, result.stderr
