"""How fast log p(x) is estimated by importance sampling, beside image by image.

    python -m benchmarks.evaluation [--checkpoint DIR] [--images 1000] [--samples 5000]

together      `importance_log_likelihood`: every image encoded once, its draws decoded in blocks
one by one    for each image and each of its draws: encode, draw, decode, weigh
in hundreds   for each image: a hundred copies of it encoded, drawn and decoded at a time

The three take turns on the same images, one thread each, in seconds of processor time, which other
work on the machine does not add to. The slow ones see the first image and, one by one, some of the
draws; their time for all is in proportion. Without a checkpoint the model is the one that such
figures are published for (Burda et al. 2016): 784-200-200-50, tanh, with fresh weights.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.measures.likelihood.importance import importance_log_likelihood
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import importance_log_weights

COPIES = 100
ROUNDS = 5
ONE_BY_ONE_DRAWS = 300


def together(model: LatentModel, x: Tensor, samples: int) -> Tensor:
    return importance_log_likelihood(model, x, samples=samples, generator=torch.Generator())


@torch.inference_mode()
def in_copies(model: LatentModel, x: Tensor, samples: int, copies: int) -> Tensor:
    """log p(x) of each image, from `copies` of it at a time."""
    generator = torch.Generator()
    totals = []
    for image in x:
        repeated = image.expand(copies, *image.shape).contiguous()
        weights = [
            importance_log_weights(model, repeated, generator=generator, samples=1)
            for _ in range(samples // copies)
        ]
        totals.append(torch.logsumexp(torch.cat(weights).double(), 0)[0] - math.log(samples))
    return torch.stack(totals)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--checkpoint", help="default: an untrained 784-200-200-50")
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--samples", type=int, default=5_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    fresh = ModelConfig((1, 28, 28), 50, hidden=(200, 200), activation="tanh")
    model = load_checkpoint(options.checkpoint) if options.checkpoint else build_model(fresh)
    x = load_dataset("mnist", "test").floats(slice(0, options.images))
    n, k = len(x), options.samples
    part = max(1, n // (4 * ROUNDS))  # together: enough in a round to be timed

    # What is done in a round, and how many of these make all images with all draws.
    turns: dict[str, tuple[Callable[[], object], float]] = {
        "together": (lambda: together(model, x[:part], k), n / part),
        "one by one": (
            lambda: in_copies(model, x[:1], ONE_BY_ONE_DRAWS, 1),
            n * k / ONE_BY_ONE_DRAWS,
        ),
        "in hundreds": (lambda: in_copies(model, x[:1], k, COPIES), n),
    }
    for work, _ in turns.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(ROUNDS):
        for name, (work, times) in turns.items():
            taken[name].append(seconds(work) * times)

    print(f"{n:,} images, K = {k:,}, d = {model.latent_dim}; processor seconds for all, one thread")
    print(f"{'how':12} {'median':>10} {'least':>10} {'most':>10} {'slower by':>10}")
    rows = []
    for name, values in taken.items():
        ratios = [other / mine for other, mine in zip(values, taken["together"], strict=True)]
        row = {
            "how": name,
            "median_s": statistics.median(values),
            "least_s": min(values),
            "most_s": max(values),
            "slower_by": statistics.median(ratios),
        }
        rows.append(row)
        figures = " ".join(f"{row[key]:10.1f}" for key in list(row)[1:])
        print(f"{name:12} {figures}")
    if options.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "os": platform.platform()}
        document = {
            "machine": machine,
            "checkpoint": options.checkpoint,
            "images": n,
            "samples": k,
            "rounds": ROUNDS,
            "rows": rows,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
