"""How far the figures of a preset depend on its seed, which draws weights, order and noise.

    python -m benchmarks.seeds [--preset NAME …] [--train "--activation tanh"] [--seeds 3]
        [--importance-samples K] [--models DIR] [--json FILE]

Each preset, with the options of `vae_core train` given as one text, is trained once for each seed
and evaluated on the test images, by one draw of z and, where asked, log p(x) by K. A model that
lies in DIR already is not trained again; nor is the checkpoint of the preset, which is seed 0's,
where it was evaluated so, nor a seed of which FILE has the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vae_core.checkpoints.figures import read_metrics

PROGRAM = (sys.executable, "-m", "vae_core")
NAMES = ("digits-2d", "frey-2d")  # seconds each
SCORES = ("reconstruction", "kl", "elbo", "log_px", "active_units")
SAME = ("dataset", "images", "grey_cross_entropy", "importance_samples")


def place_of(models: Path, title: str, seed: int, draws: int) -> Path:
    """The folder of the checkpoint that this training makes, or has made."""
    shipped = Path("checkpoints", title)
    if seed == 0 and (read_metrics(shipped) or {}).get("importance_samples") == draws:
        return shipped
    return models / f"{title.replace(' ', '_')}-seed-{seed}"


def measured(folder: Path, training: Sequence[str], draws: int) -> dict[str, Any]:
    """The metrics of the checkpoint in `folder`, after what they still lack is trained or drawn."""
    if not folder.exists():
        subprocess.run([*PROGRAM, "train", *training, "--publish", folder, "--quiet"], check=True)
    metrics = read_metrics(folder) or {}
    if metrics.get("importance_samples") != draws:
        drawn = ["--importance-samples", str(draws), "--write"]
        subprocess.run([*PROGRAM, "evaluate", folder, *drawn], check=True)
        metrics = read_metrics(folder) or {}
    return metrics


def by_seed(metrics: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """What trainings by these seeds came to, each score as a list; in nats, means over the test."""
    one, *others = metrics.values()
    assert all(other[name] == one[name] for other in others for name in SAME)
    scores = [name for name in SCORES if one.get(name) is not None]
    return {
        **{name: one[name] for name in SAME},
        "seeds": list(metrics),
        "scores": {name: [of_seed[name] for of_seed in metrics.values()] for name in scores},
    }


def known(row: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """The metrics of each seed, as far as `by_seed` made a row of them."""
    shared = {name: row[name] for name in SAME}
    return {
        seed: shared | {name: of_seeds[k] for name, of_seeds in row["scores"].items()}
        for k, seed in enumerate(row["seeds"])
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--preset", nargs="*", default=NAMES)
    parser.add_argument("--train", default="", metavar="OPTIONS")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--importance-samples", type=int, default=0, metavar="K")
    parser.add_argument("--models", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--json", type=Path, default=Path("docs/seeds.json"))
    options = parser.parse_args()

    draws = options.importance_samples
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    rows = json.loads(options.json.read_text()) if options.json.exists() else {}
    for name in options.preset:
        title = f"{name} {options.train}".strip()
        row = rows.get(title, {})
        metrics = known(row) if row.get("importance_samples") == draws else {}
        for seed in sorted(set(range(options.seeds)) - metrics.keys()):
            folder = place_of(options.models, title, seed, draws)
            training = ["--preset", name, *shlex.split(options.train), "--seed", str(seed)]
            metrics[seed] = measured(folder, training, draws)
            rows[title] = {"machine": machine, **by_seed(metrics)}
            options.json.write_text(json.dumps(rows, indent=2) + "\n")
        told = " · ".join(f"{elbo:.2f}" for elbo in rows[title]["scores"]["elbo"])
        print(f"{title}: ELBO {told}", flush=True)


if __name__ == "__main__":
    main()
