"""Import torchvision where its compiled operators cannot be loaded.

A CPU wheel of torch may stand beside a torchvision compiled for CUDA. Its operator library then
stays unloaded, and `import torchvision` stops with "operator torchvision::nms does not exist",
although data sets, image grids and transforms need no compiled operator. Declaring the operators
that the import asks for is enough. Where the library loads, nothing is declared.
"""

import importlib
import sys
import threading
from types import ModuleType

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPERATORS = ("nms", "qnms")

_lock = threading.Lock()
# A torch.library.Library that is collected takes its definitions with it: keep those made here.
_libraries: list[torch.library.Library] = []


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """Return `torchvision`, or the submodule named in full, e.g. "torchvision.datasets"."""
    with _lock:
        try:
            return importlib.import_module(module)
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
        _forget_failed_import()
        _declare_missing_operators()
        return importlib.import_module(module)


def _forget_failed_import() -> None:
    """Drop the submodules that the failed import left behind: their package is gone."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "torchvision":
            del sys.modules[name]


def _declare_missing_operators() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in _OPERATORS:
        if not hasattr(torch.ops.torchvision, operator):
            library.define(operator + _SCHEMA)
    _libraries.append(library)
