"""`import_torchvision` in fresh processes: beside real and made-up torchvisions, matched or not."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

ROOT = Path(__file__).parents[3]
RunPython = Callable[..., tuple[int, str]]

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


# Torch takes seconds to import: one process does, and forks for each program that it reads.
FORKING = """
import json, os, sys, torch
for line in sys.stdin:
    source, path, output = json.loads(line)
    if not (child := os.fork()):
        with open(output, "w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.path[:0] = path
        exec("import sys\\n" + source, {})
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def run_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPython]:
    """`run_python(source, *path)` where only torch is imported: the exit code, what was printed."""
    output = tmp_path_factory.mktemp("output") / "output"
    with subprocess.Popen(
        [sys.executable, "-c", FORKING], cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True, bufsize=1
    ) as forking:
        assert forking.stdin and forking.stdout
        ask, answer = forking.stdin, forking.stdout

        def run(source: str, *path: Path) -> tuple[int, str]:
            ask.write(json.dumps([source, [str(p) for p in path], str(output)]) + "\n")
            return int(answer.readline()), output.read_text("utf-8")

        yield run
        ask.close()


def made_up_torchvision(folder: Path, extension: str) -> Path:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE, "utf-8")
    (package / "extension.py").write_text("import torch\n" + extension, "utf-8")
    (package / "datasets.py").write_text("here = True", "utf-8")
    return folder


@pytest.fixture
def declared_after_import(run_python: RunPython) -> Callable[..., bool]:
    """Whether `import_torchvision` declares operators; fails when the import does."""

    def declared(prelude: str = "", *path: Path) -> bool:
        code, printed = run_python(
            "from vae_core.data import torchvision_import as shim\n"
            f"{prelude}\n"
            "datasets = shim.import_torchvision('torchvision.datasets')\n"
            "assert datasets is sys.modules['torchvision.datasets']\n"
            "assert shim.import_torchvision() is sys.modules['torchvision']\n"
            "print(len(shim._libraries))",
            *path,
        )
        assert code == 0, printed
        return int(printed) > 0

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
    imports_alone = run_python("import torchvision")[0] == 0
    assert declared_after_import() is not imports_alone


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
    code, printed = run_python(
        "from vae_core.data.torchvision_import import import_torchvision; import_torchvision()",
        folder,
    )
    assert code == 1
    assert printed.strip().endswith("RuntimeError: no disk")


def test_importing_the_library_does_not_import_torchvision(run_python: RunPython) -> None:
    code, printed = run_python(
        "from vae_core.data.datasets import load_dataset; load_dataset('digits')\n"
        "assert 'torchvision' not in sys.modules"
    )
    assert code == 0, printed
