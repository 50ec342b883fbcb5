"""How far the disentanglement scores of a training depend on its seed, and on its settings.

    python -m benchmarks.disentanglement [--preset dsprites-10d] [--seeds 5]
        [--train "--objective elbo --beta 4"] [--models DIR] [--json FILE]

The preset, with the options of `vae_core train` given as one text, is trained once for each seed
and scored on the test images, DCI with a forest, the quicker of its two classifiers; UDR compares
the seeds by their codes alone; the gap of each factor, of which the MIG is the mean, is that of all
test images. A model that lies in DIR already is not trained again, so that what was stopped can go
on. FILE keeps what other presets and options gave.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.numbers import DISENTANGLEMENT
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.latent.latents import Latents, encode_dataset
from vae_core.measures.codes.disentanglement import (
    disentanglement_scores,
    factor_levels,
    gaps_by_factor,
    mutual_information,
)
from vae_core.measures.codes.unsupervised import ranking
from vae_core.training.presets import preset


def gaps(latents: Latents) -> list[float]:
    """How far the best unit of each factor is ahead of the next, in units of its entropy."""
    assert latents.factors is not None
    levels = factor_levels(latents.factors.numpy())
    information = mutual_information(latents.mu.double().numpy(), levels)
    return [float(gap) for gap in gaps_by_factor(information, levels)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--preset", default="dsprites-10d")
    parser.add_argument("--train", default="", metavar="OPTIONS")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", type=Path, default=Path("runs/disentanglement"))
    parser.add_argument("--json", type=Path, default=Path("docs/disentanglement.json"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    test = load_dataset(preset(options.preset).dataset, "test")
    title = f"{options.preset} {options.train}".strip()
    scored, apart, codes = [], [], []
    for seed in range(options.seeds):
        folder = options.models / f"{title.replace(' ', '_')}-seed-{seed}"
        if not folder.exists():
            command = [sys.executable, "-m", "vae_core", "train", "--preset", options.preset]
            command += [*shlex.split(options.train), "--seed", str(seed), "--publish", str(folder)]
            subprocess.run([*command, "--quiet"], check=True)
        latents = encode_dataset(load_checkpoint(folder), test)
        codes.append(latents)
        scores = disentanglement_scores(latents, classifier="forest").to_json()
        scored.append({name: scores[name] for name in DISENTANGLEMENT})
        apart.append(gaps(latents))
        told = " · ".join(f"{name} {score:.3f}" for name, score in scored[-1].items())
        print(f"seed {seed}: {told}", flush=True)

    found = json.loads(options.json.read_text()) if options.json.exists() else {}
    found[title] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "preset": options.preset,
        "options": options.train,
        "images": len(test),
        "seeds": list(range(options.seeds)),
        "scores": {
            **{name: [of_seed[name] for of_seed in scored] for name in DISENTANGLEMENT},
            **({"udr": ranking(codes)} if len(codes) > 1 else {}),  # of one there is none
        },
        "gaps": {
            name: list(of_factor)
            for name, of_factor in zip(test.factor_names, zip(*apart, strict=True), strict=True)
        },
    }
    options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
