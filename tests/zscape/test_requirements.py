"""The ranges of pyproject.toml, for a library's users, and the pins that the app is served with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
RANGES = [*map(Requirement, PROJECT["dependencies"])]
EXTRAS = [*map(Requirement, PROJECT["optional-dependencies"]["cluster"])]


def pins(file: str) -> dict[str, Requirement]:
    lines = [re.sub(r"\s*#.*", "", line) for line in (ROOT / file).read_text("utf-8").splitlines()]
    required = [Requirement(line) for line in lines if line and not line.startswith("-r ")]
    return {requirement.name: requirement for requirement in required}


def test_the_app_is_served_with_what_the_library_requires() -> None:
    assert pins("requirements.txt").keys() == {requirement.name for requirement in RANGES}


@pytest.mark.parametrize("file", [path.name for path in ROOT.glob("requirements*.txt")])
def test_a_pin_names_one_release(file: str) -> None:
    for requirement in pins(file).values():
        assert re.fullmatch(r"==[\d.]+", str(requirement.specifier)), requirement


@pytest.mark.parametrize("wide", [*RANGES, *EXTRAS], ids=str)
def test_a_range_has_no_upper_end_and_holds_the_pin(wide: Requirement) -> None:
    pinned = (pins("requirements.txt") | pins("requirements-cluster.txt"))[wide.name]
    (version,) = (specifier.version for specifier in pinned.specifier)
    assert [specifier.operator for specifier in wide.specifier] == [">="]
    assert version in wide.specifier
    assert str(pinned.marker) == str(wide.marker)
