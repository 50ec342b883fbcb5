"""How well each score tells a digit that a 2-D VAE has never seen from the nine that it learned.

    python -m benchmarks.anomaly [--models DIR] [--json FILE] [--preset mnist-2d-quick] [--seed 0]

For each digit a model is trained on the training images of the other nine, and all test images are
scored: the AUROC of that digit against the others. A model that lies in DIR already is not trained
again, so that what was stopped can go on. The best score is chosen by these very figures, not by
images of its own, and `relative` came out of some thirty ideas in the same way: read its mean as
the best of as many.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import torch

from vae_core.checkpoints.reading import load_checkpoint
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.latent.latents import encode_dataset
from vae_core.measures.anomaly import anomaly_scores, auroc, class_gaussians, scores_of
from vae_core.models.latent_model import LatentModel
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train
from vae_core.training.presets import preset

DRAWS = {"log_px": 8}


def trained(config: TrainConfig, learned: ImageDataset, test: ImageDataset) -> LatentModel:
    for progress in train(config, train_data=learned, test_data=test):
        if progress.epoch_ended:
            seconds = progress.seconds_left
            print(f"  epoch {progress.epoch} of {config.epochs}, {seconds:.0f} s left", flush=True)
    return progress.model


def areas(
    model: LatentModel, learned: ImageDataset, test: ImageDataset, digit: int, seed: int
) -> dict[str, dict[str, float]]:
    """score -> the AUROC of the digit against all others, with its standard error."""
    assert test.labels is not None
    strange = test.labels == digit
    gaussians = class_gaussians(encode_dataset(model, learned))
    found = {}
    for score in scores_of(model):
        scores = anomaly_scores(
            model,
            test.floats(),
            score,
            generator=torch.Generator().manual_seed(seed),
            samples=DRAWS.get(score, 1),
            normal=gaussians,
        )
        of_digit = auroc(scores[~strange], scores[strange])
        found[score] = {"auroc": of_digit.area, "auroc_se": of_digit.standard_error}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", type=Path, default=Path("runs/anomaly"))
    parser.add_argument("--preset", default="mnist-2d-quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("docs/anomaly.json"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    config = replace(preset(options.preset), seed=options.seed)
    data, test = (load_dataset("mnist", split) for split in ("train", "test"))
    rows = {}
    for digit in range(10):
        learned = data.without(digit)
        folder = options.models / f"{options.preset}-seed-{options.seed}-without-{digit}"
        if not folder.exists():
            print(f"Learning without {digit}", flush=True)
            model = trained(config, learned, test.without(digit))
            save_checkpoint(folder, model, config=config, dataset=learned)
        rows[digit] = areas(load_checkpoint(folder), learned, test, digit, options.seed)
        told = " · ".join(f"{score} {area['auroc']:.3f}" for score, area in rows[digit].items())
        print(f"without {digit}: {told}", flush=True)

    means = {s: sum(row[s]["auroc"] for row in rows.values()) / len(rows) for s in rows[0]}
    print("mean:      " + " · ".join(f"{score} {mean:.3f}" for score, mean in means.items()))
    best = max(means, key=lambda score: means[score])
    document = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "preset": options.preset,
        "seed": options.seed,
        "images": len(test),
        "draws": DRAWS,
        "digits": rows,
        "means": means,
        "best": {"score": best, "auroc": means[best]},
    }
    options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
