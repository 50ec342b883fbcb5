"""What every test stands on: one torch thread, no writing into the checkout, the real data."""

import os
from collections.abc import Iterator
from pathlib import Path

# Two torch threads on two busy cores can be ten times slower than one. The variable reaches the
# processes that tests start, too, and counts only when it is set before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

# No law depends on how fast a shared machine is, and each run tries the same examples.
settings.register_profile("zscape", deadline=None, derandomize=True)
settings.load_profile("zscape")


@pytest.fixture(scope="session", autouse=True)
def runs_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of this session's own where runs and uploads go."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZSCAPE_RUNS", str(root))
        yield root


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets; skips where MNIST is not in it."""
    root = Path(os.environ.get("ZSCAPE_DATA", "data"))
    if not (root / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"real MNIST is not in {root}; set ZSCAPE_DATA to a folder that has MNIST/raw")
    return root
