"""Many runs of one plan: the settings that vary, the wait for all, and what each has come to."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from vae_core.errors import CheckpointError, ConfigError
from vae_core.files.atomic import read_json
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

MOST_RUNS = 256
LOOK_SECONDS = 0.5
FIGURES = ("elbo", "reconstruction", "kl", "active_units")  # those that a table shows
_ALL_KNOWN = ("hidden", "continued", "objective_settings", "left_out")  # not to be varied


@dataclass(frozen=True)
class Variation:
    """One run of a sweep: what it has apart from the others, and its settings in full."""

    varied: Mapping[str, Any]
    config: TrainConfig

    @property
    def name(self) -> str:
        """A folder's name."""
        parts = (f"{name}-{_text(value)}" for name, value in self.varied.items())
        return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(parts))


def variations(config: TrainConfig, values: Mapping[str, Sequence[Any]]) -> list[Variation]:
    """`config` with each combination of `values`, those of a name one after another.

    A name is a setting of the training or of its objective's own. ConfigError for another, for a
    value that is out of its range, and for more than MOST_RUNS.
    """
    if (runs := math.prod(map(len, values.values()))) > MOST_RUNS:
        raise ConfigError(f"These are {runs:,} runs, and {MOST_RUNS} are the most; vary less.")
    found = []
    for chosen in itertools.product(*values.values()):
        varied = dict(zip(values, chosen, strict=True))
        found.append(Variation(varied, _varied(config, varied)))
    if len({each.config for each in found}) < len(found):
        raise ConfigError("Two of these runs have the same settings; name each value once.")
    return found


def _varied(config: TrainConfig, varied: Mapping[str, Any]) -> TrainConfig:
    from vae_core.objectives.registry import find_objective

    known = {field.name for field in fields(config)} - set(_ALL_KNOWN)
    if (objective := varied.get("objective", config.objective)) != config.objective:
        config = replace(config, objective=objective, objective_settings={})
    settings = find_objective(config.objective).settings
    own = {name: value for name, value in varied.items() if name in settings}
    others = {name: value for name, value in varied.items() if name not in settings}
    if unknown := sorted(others.keys() - known):
        all_known = ", ".join(sorted(known | set(settings)))
        raise ConfigError(f"{unknown[0]} cannot be varied; choose one of {all_known}.")
    return replace(config, **others, objective_settings={**config.objective_settings, **own})


def wait_for(
    runs: Sequence[Run],
    on_progress: Callable[[float, int], object] = lambda share, ended: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Return when all have ended. on_progress: the share of all steps, and how many have ended.

    When should_stop says so, each is asked to stop and to keep what it has learned.
    """
    asked = False
    while True:
        active = [run for run in runs if run.status().active]
        if should_stop() and not asked:
            asked = True
            for run in active:
                run.request_stop()
        shares = [_share(run) if run in active else 1.0 for run in runs]
        on_progress(mean(shares), len(runs) - len(active))
        if not active:
            return
        time.sleep(LOOK_SECONDS)


def _share(run: Run) -> float:
    events = run.events()
    return events[-1]["step"] / events[-1]["total_steps"] if events else 0.0


def results(runs: Mapping[str, Run], plan: Sequence[Variation]) -> list[dict[str, Any]]:
    """Of each run, by its variation's name: run, varied, state, message, and metrics or None."""
    found = []
    for each in plan:
        run = runs[each.name]
        status, file = run.status(), run.checkpoint / "metrics.json"
        ended = status.state in ("finished", "stopped") and file.is_file()
        found.append({
            "run": str(run.path),
            "varied": dict(each.varied),
            "state": status.state,
            "message": status.message,
            "metrics": read_json(file, CheckpointError) if ended else None,
        })  # fmt: skip
    return found


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """The results as lines of text; where seeds differ, below them the mean over these.

    Beside a mean stands the standard deviation from seed to seed.
    """
    names = list(found[0]["varied"])
    shown = [n for n in FIGURES if any((r["metrics"] or {}).get(n) is not None for r in found)]
    rows = [[*names, *shown, "run"]]
    for row in found:
        figures = row["metrics"] or {}
        state = "" if row["state"] == "finished" else f" ({row['state']})"
        rows.append([
            *map(_text, row["varied"].values()),
            *(_number(figures.get(name)) for name in shown),
            Path(row["run"]).name + state,
        ])  # fmt: skip
    if len({row["varied"].get("seed") for row in found}) > 1:
        rows += _over_seeds(found, names, shown)
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False))
        + f"  {row[-1]}"
        for row in rows
    )


def _over_seeds(
    found: Sequence[Mapping[str, Any]], names: Sequence[str], shown: Sequence[str]
) -> list[list[str]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in found:
        others = tuple(v for name, v in row["varied"].items() if name != "seed")
        groups.setdefault(others, []).append(row["metrics"] or {})
    rows = []
    for others, metrics in groups.items():
        values = iter(others)
        first = ["all" if name == "seed" else _text(next(values)) for name in names]
        cells = []
        for name in shown:
            known = [m[name] for m in metrics if m.get(name) is not None]
            spread = f" ± {stdev(known):.2f}" if len(known) > 1 else ""
            cells.append(f"{mean(known):.2f}{spread}" if known else "")
        rows.append([*first, *cells, f"mean of {len(metrics)} seeds, ± standard deviation"])
    return rows


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Any) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.2f}"
