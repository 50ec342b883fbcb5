"""How far the disentanglement scores of one training depend on its seed alone.

    python -m benchmarks.disentanglement [--preset dsprites-10d] [--seeds 5]
        [--models DIR] [--json FILE]

The preset is trained once for each seed and scored on the test images, DCI with a forest, the
quicker of its two classifiers; UDR compares the seeds by their codes alone. A model that lies in
DIR already is not trained again, so that what was stopped can go on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.numbers import DISENTANGLEMENT
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.latent.latents import encode_dataset
from vae_core.measures.codes.disentanglement import disentanglement_scores
from vae_core.measures.codes.unsupervised import ranking
from vae_core.training.presets import preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--preset", default="dsprites-10d")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", type=Path, default=Path("runs/disentanglement"))
    parser.add_argument("--json", type=Path, default=Path("docs/disentanglement.json"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    test = load_dataset(preset(options.preset).dataset, "test")
    found, codes = [], []
    for seed in range(options.seeds):
        folder = options.models / f"{options.preset}-seed-{seed}"
        if not folder.exists():
            command = [sys.executable, "-m", "vae_core", "train", "--preset", options.preset]
            subprocess.run(
                [*command, "--seed", str(seed), "--publish", str(folder), "--quiet"], check=True
            )
        latents = encode_dataset(load_checkpoint(folder), test)
        codes.append(latents)
        scores = disentanglement_scores(latents, classifier="forest").to_json()
        found.append({name: scores[name] for name in DISENTANGLEMENT})
        told = " · ".join(f"{name} {score:.3f}" for name, score in found[-1].items())
        print(f"seed {seed}: {told}", flush=True)

    document = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "preset": options.preset,
        "images": len(test),
        "seeds": list(range(options.seeds)),
        "scores": {
            **{name: [of_seed[name] for of_seed in found] for name in DISENTANGLEMENT},
            "udr": ranking(codes),
        },
    }
    options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
