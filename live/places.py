"""Where models and runs lie, as the environment says, and which model is in view first."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT_MODEL = "mnist-2d"


def checkpoints_root() -> Path:
    """The folder of the models that all visitors may open: $ZSCAPE_CHECKPOINTS."""
    return Path(os.environ.get("ZSCAPE_CHECKPOINTS", "checkpoints"))


def runs_root() -> Path:
    """The folder of trainings, and of models that visitors kept or brought: $ZSCAPE_RUNS."""
    return Path(os.environ.get("ZSCAPE_RUNS", "runs"))


def brought_along() -> Path | None:
    """The checkpoint's folder that the app was started with, before those of all: $ZSCAPE_OPEN."""
    folder = os.environ.get("ZSCAPE_OPEN")
    return Path(folder) if folder else None


def among_strangers() -> bool:
    """Whether the app is known to be served to many, as $ZSCAPE_ALONE says."""
    return os.environ.get("ZSCAPE_ALONE") == "0"


def first_model() -> str:
    """The id of the model that is in view where nothing else is asked for."""
    brought = brought_along()
    return brought.name if brought else DEFAULT_MODEL
