"""Two sets of grey faces, each one MATLAB file: Frey's film and the Olivetti portraits."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError

FREY_FILE = "frey/frey_rawface.mat"
OLIVETTI_FILE = "olivetti/olivettifaces.mat"
HOME = "https://cs.nyu.edu/~roweis/data.html"


def read_frey(path: Path) -> NDArray[np.uint8]:
    """The 1,965 frames of one face, (1965, 28, 20), in the order of time (B. Frey)."""
    return _read(path, "ff", (560, 1965)).T.reshape(-1, 28, 20)


def read_olivetti(path: Path) -> NDArray[np.uint8]:
    """400 portraits, (400, 64, 64), ten of each person in a row (AT&T Laboratories Cambridge)."""
    return _read(path, "faces", (4096, 400)).T.reshape(-1, 64, 64).transpose(0, 2, 1)


def _read(path: Path, name: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The array `name` of a MATLAB file; DataError when it is not there as it was published."""
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    array: NDArray[Any] | None = None
    try:
        if (name, shape) in [(held, size) for held, size, _ in whosmat(path, appendmat=False)]:
            array = loadmat(path, variable_names=[name], appendmat=False)[name]
    # What SciPy's reader raises for bytes that are not a MATLAB file of version 5.
    except (MatReadError, TypeError, ValueError, NotImplementedError, OSError, zlib.error) as error:
        raise DataError(
            f"{path} is no MATLAB file, or a damaged one ({error}); get it from {HOME}."
        ) from error
    if array is None or array.dtype != np.uint8 or array.shape != shape:
        raise DataError(f"{path} holds no uint8 array {name} {shape}; get it from {HOME}.")
    return array
