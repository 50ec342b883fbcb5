"""What each pretrained model is for, in a line, and in which group it stands: `models.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

__all__ = ["grouped", "purpose"]

OTHERS = "Others"


@cache
def _groups() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("models.toml").read_text("utf-8"))


def purpose(model_id: str) -> str:
    """What a model is for, as a line; empty of one that did not come with the app."""
    return next((group[model_id] for group in _groups().values() if model_id in group), "")


def grouped(ids: Sequence[str]) -> dict[str, list[str]]:
    """These models by the group in which they stand, in its order; others first, by "Others"."""
    known = {name for group in _groups().values() for name in group}
    found = {OTHERS: [model_id for model_id in ids if model_id not in known]}
    found |= {title: [name for name in group if name in ids] for title, group in _groups().items()}
    return {title: names for title, names in found.items() if names}
