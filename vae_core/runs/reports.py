"""events.jsonl of a run: one line of JSON a report, appended while it trains.

    {"time", "epoch", "step", "total_steps", "images_per_second", "seconds_left", "epoch_ended",
     "train": {"reconstruction", "kl", "loss", "kl_per_dim", "parts"}, "test": the same or null}

The fields are those of `training.Progress`, reconstruction and kl null where a model has
neither, parts by name where an objective has any; time is in seconds since 1970.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_core.files.atomic import write_bytes

if TYPE_CHECKING:
    from vae_core.training.progress import Progress

MAX_BYTES = 64 << 20

_COUNTS = ("epoch", "step", "total_steps")
_FIGURES = ("time", "images_per_second", "seconds_left")
_MEANS = ("reconstruction", "kl", "loss")


def append_report(file: Path, progress: Progress) -> None:
    report = {
        "time": time.time(),
        **{name: getattr(progress, name) for name in (*_COUNTS, *_FIGURES[1:], "epoch_ended")},
        "train": asdict(progress.train),
        "test": None if progress.test is None else asdict(progress.test),
    }
    with file.open("a") as stream:
        stream.write(json.dumps(report) + "\n")


def reports_after(file: Path, position: int) -> tuple[list[dict[str, Any]], int]:
    """The reports from byte `position` on, and where the next will begin.

    Lines that a crash has torn, or somebody has edited, are left out. At most MAX_BYTES are read.
    """
    lines: list[bytes] = []
    if not file.is_file():
        return [], position
    with suppress(FileNotFoundError), file.open("rb") as stream:  # deleted just now
        stream.seek(position)
        lines = stream.read(MAX_BYTES).splitlines(keepends=True)
    reports = []
    for line in lines:
        if not line.endswith(b"\n"):
            break  # it is still being written
        position += len(line)
        with suppress(ValueError, RecursionError):
            report = json.loads(line)
            if _is_report(report):
                reports.append(report)
    return reports, position


def forget_reports_after(file: Path, epoch: int) -> None:
    """Keep the reports up to the end of `epoch` alone: what came after will be trained again."""
    reports, _ = reports_after(file, 0)
    kept = [r for r in reports if (r["epoch"], not r["epoch_ended"]) <= (epoch, False)]
    write_bytes(file, "".join(json.dumps(report) + "\n" for report in kept).encode())


def scale_reports(file: Path, epochs: int, more: int) -> None:
    """Let the reports of a training of `epochs` be those of one of `more`, in total_steps."""
    reports, _ = reports_after(file, 0)
    for report in reports:
        report["total_steps"] = report["total_steps"] // epochs * more
    write_bytes(file, "".join(json.dumps(report) + "\n" for report in reports).encode())


def _is_report(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(_is_number(value.get(name)) for name in (*_COUNTS, *_FIGURES))
        and all(isinstance(value[name], int) for name in _COUNTS)
        and value["total_steps"] > 0
        and isinstance(value.get("epoch_ended"), bool)
        and _are_means(value.get("train"))
        and (value.get("test") is None or _are_means(value["test"]))
    )


def _are_means(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("kl_per_dim"), list):
        return False
    parts = value.get("parts", {})  # older files have none
    if not isinstance(parts, dict):
        return False
    figures = [value.get(name) for name in _MEANS if value.get(name) is not None]
    return _is_number(value.get("loss")) and all(
        _is_number(figure) for figure in [*figures, *value["kl_per_dim"], *parts.values()]
    )


def _is_number(value: Any) -> bool:
    kind = isinstance(value, (int, float)) and not isinstance(value, bool)
    return kind and math.isfinite(value)
