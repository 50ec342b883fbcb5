"""How long the exact posterior of one image takes, beside a plain grid of 200 x 200 cells.

    python -m benchmarks.posterior [--checkpoint checkpoints/mnist-2d] [--images 40]

cells      `posterior_cells`: wide cells halved where p(z given x) is
grid       log p(x, z) at the middle of each of 200 x 200 cells from -6 to 6, summed
climb      `best_gaussian`: the steps to the best Gaussian of this image
gap        `elbo_gap`: all terms of log p(x) = ELBO + KL(q || p(z given x)), given both

In milliseconds of processor time, which other work on the machine does not add to. The errors are
against `exact_log_likelihood`, in nats.
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
from typing import Any, TypeVar

import torch
from torch import Tensor

from vae_core.checkpoints.reading import load_checkpoint, read_config
from vae_core.data.datasets import load_dataset
from vae_core.measures.likelihood.posterior_gap import best_gaussian, elbo_gap
from vae_core.measures.likelihood.quadrature import exact_log_likelihood, log_joint, posterior_cells
from vae_core.models.latent_model import LatentModel

SIDE, REACH = 200, 6.0
Result = TypeVar("Result")


@torch.inference_mode()
def on_a_grid(model: LatentModel, x: Tensor) -> float:
    """log p(x) by a sum over SIDE x SIDE cells of one width, all decoded."""
    width = 2 * REACH / SIDE
    middle = width * (torch.arange(SIDE) + 0.5) - REACH
    log_p = log_joint(model, x, torch.cartesian_prod(middle, middle))[0]
    return float(torch.logsumexp(log_p, 0)) + 2 * math.log(width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/mnist-2d"))
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    torch.set_num_threads(1)
    model = load_checkpoint(options.checkpoint)
    dataset = load_dataset(read_config(options.checkpoint)["dataset"], "test")
    x = dataset.floats(slice(0, options.images))
    exact = exact_log_likelihood(model, x)

    taken: dict[str, list[float]] = {"cells": [], "grid": [], "climb": [], "gap": []}
    errors: dict[str, list[float]] = {"cells": [], "grid": [], "gap": []}

    def timed(name: str, work: Callable[..., Result], *inputs: Any, **named: Any) -> Result:
        start = time.process_time()
        result = work(*inputs, **named)
        taken[name].append(1_000 * (time.process_time() - start))
        return result

    for k, image in enumerate(x.split(1)):
        cells = timed("cells", posterior_cells, model, image)
        best = timed("climb", best_gaussian, model, image, cells)
        gap = timed("gap", elbo_gap, model, image, best, cells=cells)
        errors["cells"].append(abs(float(cells.log_px - exact[k])))
        errors["gap"].append(abs(gap.apart or 0.0))
        if k % 8 == 0:
            on_all = timed("grid", on_a_grid, model, image)
            errors["grid"].append(abs(on_all - float(exact[k])))

    print(f"{options.checkpoint.name}, {len(x)} images, one thread")
    print(f"{'what':8} {'median ms':>10} {'most ms':>10} {'worst error, nats':>18}")
    rows = []
    for name, values in taken.items():
        row = {
            "what": name,
            "median_ms": statistics.median(values),
            "most_ms": max(values),
            "worst_error": max(errors[name]) if name in errors else None,
        }
        rows.append(row)
        error = "" if row["worst_error"] is None else f"{row['worst_error']:18.5f}"
        print(f"{name:8} {row['median_ms']:10.1f} {row['most_ms']:10.1f} {error}")
    if options.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "os": platform.platform()}
        document = {
            "machine": machine,
            "checkpoint": options.checkpoint.name,
            "images": len(x),
            "rows": rows,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
