"""The wheel holds the whole app, and nothing of the checkout besides."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zscape
from vae_core import load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 15_000_000
CHECKPOINTS = ("digits-2d", "mnist-2d", "mnist-16d")


@pytest.fixture
def wheel(built: Any) -> zipfile.ZipFile:
    return zipfile.ZipFile(built.wheel)


def files(*folders: str) -> set[str]:
    """What the checkout has in these folders."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_adds_two_names_to_site_packages(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert top == {"vae_core", "zscape", f"zscape-{zscape.__version__}.dist-info"}


def test_it_holds_the_app_and_nothing_besides(wheel: zipfile.ZipFile) -> None:
    app = files("lessons", "pages", "ui", "live") | {"app.py", ".streamlit/config.toml"}
    app |= files(*(f"checkpoints/{name}" for name in CHECKPOINTS))
    packages = files("vae_core", "zscape")
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == packages | {f"zscape/app/{name}" for name in app}
    assert {"vae_core/py.typed", "zscape/py.typed"} <= held


def test_it_is_small(built: Any) -> None:
    assert built.wheel.stat().st_size < MOST_BYTES


def test_what_it_says_of_itself(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    assert f"\nVersion: {zscape.__version__}\n" in text
    assert "\nRequires-Python: >=3.11\n" in text
    assert "\nProvides-Extra: cluster\n" in text


def test_the_checkout_and_the_sdist_give_the_same_wheel(
    build: Callable[..., None], built: Any, tmp_path: Path
) -> None:
    build(tmp_path, "--wheel")
    (direct,) = tmp_path.iterdir()
    assert direct.name == built.wheel.name
    assert direct.read_bytes() == built.wheel.read_bytes()


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_its_models_decode_as_those_of_the_checkout(
    wheel: zipfile.ZipFile, tmp_path: Path, name: str
) -> None:
    prefix = f"zscape/app/checkpoints/{name}/"
    for member in wheel.namelist():
        if member.startswith(prefix):
            (tmp_path / Path(member).name).write_bytes(wheel.read(member))
    ours, theirs = load_checkpoint(ROOT / "checkpoints" / name), load_checkpoint(tmp_path)
    z = 2 * torch.randn(200, ours.latent_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        difference = (ours.decode(z) - theirs.decode(z)).abs().max()
    assert 0 < float(difference) < 1 / 255


def test_rounded_weights_are_the_nearest_that_end_in_zeros() -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    from safetensors.numpy import load, save

    from hatch_build import rounded

    numbers = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    numbers[:4] = 0, 1, -1, 1 - 2**-24  # the last carries into its exponent
    labels = np.arange(5)
    result = load(rounded(save({"weight": numbers, "labels": labels})))
    bits = result["weight"].view(np.uint32)
    assert not (bits & 0xFF).any()
    assert np.abs(result["weight"] / np.where(numbers, numbers, 1) - (numbers != 0)).max() <= 2**-16
    assert (result["labels"] == labels).all()
