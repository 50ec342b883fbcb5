"""`import_torchvision` in fresh processes: beside real and made-up torchvisions, matched or not."""

import io
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import pytest

RunPython = Callable[..., str]

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


@pytest.fixture(scope="module")
def run_python() -> Iterator[RunPython]:
    """`run_python(source, *path)` in a fresh process that has only torch: what it prints."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        yield lambda source, *path: pool.submit(printed, source, path).result()


def printed(source: str, path: tuple[Path, ...]) -> str:
    sys.path[:0] = [str(folder) for folder in path]
    output = io.StringIO()
    with redirect_stdout(output):
        exec("import sys\n" + source, {})
    return output.getvalue()


def made_up_torchvision(folder: Path, extension: str) -> Path:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE, "utf-8")
    (package / "extension.py").write_text("import torch\n" + extension, "utf-8")
    (package / "datasets.py").write_text("here = True", "utf-8")
    return folder


@pytest.fixture
def declared_after_import(run_python: RunPython) -> Callable[..., bool]:
    """Whether `import_torchvision` declares operators; raises what the import raises."""

    def declared(prelude: str = "", *path: Path) -> bool:
        count = run_python(
            "from vae_core import torchvision_import as shim\n"
            f"{prelude}\n"
            "datasets = shim.import_torchvision('torchvision.datasets')\n"
            "assert datasets is sys.modules['torchvision.datasets']\n"
            "assert shim.import_torchvision() is sys.modules['torchvision']\n"
            "print(len(shim._libraries))",
            *path,
        )
        return int(count) > 0

    return declared


def test_beside_a_matched_torchvision_nothing_is_declared(
    declared_after_import: Callable[..., bool], tmp_path: Path
) -> None:
    assert not declared_after_import("", made_up_torchvision(tmp_path, COMPILED_LIBRARY))


def test_beside_a_mismatched_torchvision_operators_are_declared(
    declared_after_import: Callable[..., bool], tmp_path: Path
) -> None:
    assert declared_after_import("", made_up_torchvision(tmp_path, ""))


def test_the_installed_torchvision_imports_and_is_helped_only_where_it_must_be(
    declared_after_import: Callable[..., bool], run_python: RunPython
) -> None:
    alone = "try: import torchvision\nexcept RuntimeError: pass\nelse: print('imports')"
    assert declared_after_import() is not bool(run_python(alone))


def test_an_import_that_failed_before_does_not_stand_in_the_way(
    declared_after_import: Callable[..., bool], tmp_path: Path
) -> None:
    folder = made_up_torchvision(tmp_path, "")
    failed_before = "try: import torchvision\nexcept RuntimeError: pass"
    assert declared_after_import(failed_before, folder)


def test_threads_that_import_at_once_all_get_it(
    declared_after_import: Callable[..., bool], tmp_path: Path
) -> None:
    folder = made_up_torchvision(tmp_path, "")
    threads = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    got = list(pool.map(shim.import_torchvision, ['torchvision.datasets'] * 8))\n"
        "assert all(module.here for module in got)"
    )
    assert declared_after_import(threads, folder)


def test_any_other_trouble_is_raised_as_it_is(run_python: RunPython, tmp_path: Path) -> None:
    folder = made_up_torchvision(tmp_path, "raise RuntimeError('no disk')")
    with pytest.raises(RuntimeError, match=r"^no disk$"):
        run_python(
            "from vae_core.torchvision_import import import_torchvision; import_torchvision()",
            folder,
        )


def test_importing_the_library_does_not_import_torchvision(run_python: RunPython) -> None:
    assert not run_python(
        "from vae_core.datasets import load_dataset; load_dataset('digits')\n"
        "if 'torchvision' in sys.modules: print('there it is')"
    )
