"""metrics.json of a checkpoint: figures that `evaluate` wrote, or such from elsewhere, checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from vae_core.errors import CheckpointError, DataError
from vae_core.files.atomic import read_json
from vae_core.measures.codes.accuracy import CodeAccuracy
from vae_core.measures.codes.disentanglement import Disentanglement
from vae_core.measures.codes.few_labels import FewLabels
from vae_core.measures.codes.label_curves import LabelCurves
from vae_core.measures.likelihood.elbo_surgery import ElboSurgery
from vae_core.measures.metrics import Metrics

MAX_MEASURES = 64  # and figures of one

_NAME = re.compile(r"[\w][\w .-]{0,39}")
_EVALUATE_AGAIN = "run `evaluate` again, or leave the file out"
_TABLES = {
    name: {f.name: str(f.type) for f in fields(kind)}
    for name, kind in (
        ("aggregate", ElboSurgery),
        ("codes", CodeAccuracy),
        ("disentanglement", Disentanglement),
        ("few_labels", FewLabels),
    )
}
_OTHERS = {"measured", "label_curves"}
_FIGURES = {f.name: str(f.type) for f in fields(Metrics) if f.name not in {*_TABLES, *_OTHERS}}
_NEEDED = {  # a figure -> what is told beside it
    "kl": ("reconstruction", "elbo", "active_units"),
    "discriminator_accuracy": ("images",),
    "class_error": ("images",),
    "few_labels": ("images",),
}


def read_metrics(path: str | Path) -> dict[str, Any] | None:
    """metrics.json of the checkpoint folder `path`, its figures finite; None when it has none."""
    path = Path(path)
    file = path / "metrics.json"
    if not file.exists():
        return None
    metrics = read_json(file, CheckpointError)
    for name, kind in _FIGURES.items():
        if metrics.get(name) is not None and not is_figure(metrics[name], kind):
            raise CheckpointError(
                f"{path.name}: metrics.json holds {name}={shown(metrics[name])}, which is no "
                f"finite figure; {_EVALUATE_AGAIN}."
            )
    for name, figures in _TABLES.items():
        table = metrics.get(name)
        if table is not None and not (isinstance(table, dict) and _are_figures(table, figures)):
            raise CheckpointError(
                f"{path.name}: metrics.json holds {name}={shown(table)}, which are not the figures "
                f"that belong there; {_EVALUATE_AGAIN}."
            )
    if not _are_measured(metrics.get("measured") or {}):
        raise CheckpointError(
            f"{path.name}: metrics.json holds measured={shown(metrics['measured'])}, which are not "
            f"finite figures by measure and name; {_EVALUATE_AGAIN}."
        )
    if metrics.get("label_curves") is not None:
        try:
            LabelCurves.from_json(metrics["label_curves"])
        except DataError as error:
            raise CheckpointError(
                f"{path.name}: metrics.json holds label_curves={shown(metrics['label_curves'])}, "
                f"which are no errors by number of labels; {_EVALUATE_AGAIN}."
            ) from error
    there = {name for name, value in metrics.items() if value is not None}
    if not there & (_FIGURES.keys() | _TABLES.keys() | _OTHERS):
        raise CheckpointError(f"{path.name}: metrics.json holds no figures; {_EVALUATE_AGAIN}.")
    for name, needed in _NEEDED.items():
        if name in there and (missing := [each for each in needed if each not in there]):
            raise CheckpointError(
                f"{path.name}: metrics.json holds {name}, but no {missing[0]}; {_EVALUATE_AGAIN}."
            )
    return metrics


def _are_figures(table: dict[str, Any], kinds: Mapping[str, str]) -> bool:
    """Whether a table holds all figures of `kinds`, and no other; one that may be None may lack."""
    return table.keys() <= kinds.keys() and all(
        (kind.endswith("| None") and table.get(key) is None)
        or (key in table and is_figure(table[key], kind))
        for key, kind in kinds.items()
    )


def _are_measured(value: Any) -> bool:
    """Whether a JSON value has a few finite figures by measure and name."""
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        return False
    named = [(*part, measure) for measure, part in value.items()]
    return (
        len(named) <= MAX_MEASURES
        and all(
            len(names) <= MAX_MEASURES and all(_NAME.fullmatch(name) for name in names)
            for names in named
        )
        and all(is_figure(each, "float") for part in value.values() for each in part.values())
    )


def is_figure(value: Any, kind: str) -> bool:
    """Whether a JSON value is a finite one of the declared `kind` of a field."""
    kind = kind.removesuffix(" | None")
    if kind.startswith("list"):
        return isinstance(value, list) and all(is_figure(each, "float") for each in value)
    if kind in ("str", "bool") or isinstance(value, bool):
        return type(value).__name__ == kind
    if not isinstance(value, int if kind == "int" else (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
