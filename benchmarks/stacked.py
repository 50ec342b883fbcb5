"""M1 + M2: the model M2 on the codes of a VAE, told a hundred labels (Kingma et al. 2014).

    python -m benchmarks.stacked [--checkpoint checkpoints/mnist-16d] [--draws 10] [--json FILE]

M1 is the checkpoint, and what M2 sees of an image is its mu: each dimension in units of its
deviation over the training images, cut off at four of them and kept in 256 levels, as the library
keeps brightnesses, with a Gaussian of learned sigma for a likelihood. M2 is trained anew for each
draw of the labels, as many of each class. No label beside those hundred is looked at; the settings
were not chosen by the test images.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from dataclasses import replace
from pathlib import Path

import torch

from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.latent.latents import Latents, encode_dataset
from vae_core.models.m2 import M2
from vae_core.objectives.m2 import class_error
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

FARTHEST = 4.0  # deviations
CONFIG = TrainConfig(
    dataset="codes",
    latent_dim=10,
    hidden=(200,),
    likelihood="learned-gaussian",
    objective="m2",
    objective_settings={"alpha": 100.0},
    epochs=10,
    batch_size=500,
    learning_rate=3e-3,
)


def as_images(latents: Latents, learned: Latents, split: str) -> ImageDataset:
    """mu (n, d) as images (n, 1, 1, d), by the means and deviations of the latents learned from."""
    standardised = (latents.mu - learned.mu.mean(0)) / learned.mu.std(0)
    within = ((standardised / FARTHEST).clamp(-1, 1) + 1) / 2
    levels = (255 * within).round().to(torch.uint8)
    assert latents.labels is not None
    classes = tuple(map(str, range(int(latents.labels.max()) + 1)))
    return ImageDataset("codes", split, levels[:, None, None], latents.labels, class_names=classes)


def stacked_error(config: TrainConfig, learned: ImageDataset, test: ImageDataset) -> float:
    """The share of the test codes whose class M2, trained by `config`, tells wrongly."""
    *_, progress = train(config, train_data=learned, test_data=test)
    model = progress.model.eval()
    assert isinstance(model, M2) and test.labels is not None
    return class_error(model, test.floats(), test.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/mnist-16d"))
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--json", type=Path, default=Path("docs/stacked.json"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    model = load_checkpoint(options.checkpoint)
    codes = {
        split: encode_dataset(model, load_dataset("mnist", split)) for split in ("train", "test")
    }
    learned, test = (as_images(codes[split], codes["train"], split) for split in codes)
    errors = []
    for seed in range(options.draws):
        errors.append(stacked_error(replace(CONFIG, seed=seed), learned, test))
        print(f"draw {seed}: {errors[-1]:.4f} told wrongly", flush=True)
        document = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "checkpoint": options.checkpoint.name,
            "labels": 100,
            "images": len(test),
            "seeds": list(range(len(errors))),
            "scores": {"error": errors},
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if len(errors) > 1:
        margin = statistics.stdev(errors) / len(errors) ** 0.5
        print(f"mean: {statistics.mean(errors):.4f} ± {margin:.4f}")


if __name__ == "__main__":
    main()
