"""How far the figures of a preset depend on its seed, which draws weights, order and noise.

    python -m benchmarks.seeds [NAME …] [--seeds 3] [--json FILE]

Each preset is trained once for each seed and evaluated on the test images, both by one draw of z.
FILE keeps what it has of presets that are not named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.measures.evaluation import evaluate
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train
from vae_core.training.presets import preset

NAMES = ("digits-2d", "frey-2d")  # seconds each
SCORES = ("reconstruction", "kl", "elbo", "active_units")


def by_seed(
    config: TrainConfig, seeds: Sequence[int], learned: ImageDataset, test: ImageDataset
) -> dict[str, Any]:
    """The figures of SCORES, one a seed, of trainings by `config`; in nats, a mean over `test`."""
    scores: dict[str, list[float]] = {name: [] for name in SCORES}
    grey = False
    for seed in seeds:
        *_, last = train(replace(config, seed=seed), train_data=learned, test_data=test)
        metrics = evaluate(last.model, test, binarisation=config.binarisation).to_json()
        grey = bool(metrics["grey_cross_entropy"])
        for name in SCORES:
            scores[name].append(metrics[name])
    return {
        "dataset": test.name,
        "images": len(test),
        "grey_cross_entropy": grey,
        "seeds": list(seeds),
        "scores": scores,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("docs/seeds.json"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    rows = json.loads(options.json.read_text()) if options.json.exists() else {}
    for name in options.names:
        config = preset(name)
        data = (load_dataset(config.dataset, split) for split in ("train", "test"))
        rows[name] = {"machine": machine, **by_seed(config, range(options.seeds), *data)}
        told = " · ".join(f"{elbo:.2f}" for elbo in rows[name]["scores"]["elbo"])
        print(f"{name}: ELBO {told}", flush=True)
    options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
