"""How sharp models rebuild test images, beside PCA of as many dimensions.

    python -m benchmarks.sharpness [NAME …] [--checkpoints DIR] [--json FILE]

PSNR and SSIM of the images that a model makes at z = mu(x), means over the test images with their
standard errors. PCA is fitted to the same training images, and what it rebuilds is cut off at black
and at white, which only helps it. FILE keeps what it has of models that are not named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

import torch
from sklearn.decomposition import PCA
from torch import Tensor

from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.latent.decoded import rebuilt
from vae_core.latent.latents import BATCH
from vae_core.measures.image_quality import psnr, ssim

NAMES = ("frey-2d", "fashion-2d", "fashion-16d", "olivetti-16d")


def by_pca(train: ImageDataset, x: Tensor, dimensions: int) -> Tensor:
    """What the first `dimensions` principal components of `train` make of x, (n, c, h, w)."""
    pca = PCA(dimensions, random_state=0).fit(train.floats().flatten(1).numpy())
    flat = pca.inverse_transform(pca.transform(x.flatten(1).numpy()))
    return torch.from_numpy(flat).to(x).reshape(x.shape).clamp(0, 1)


def quality(images: Tensor, references: Tensor) -> dict[str, float]:
    """Mean PSNR in dB and SSIM with their standard errors; both (n, c, h, w) in [0, 1]."""
    found = {}
    for name, values in (
        ("psnr", psnr(images, references)),
        ("ssim", ssim(images, references)),
    ):
        found[name] = float(values.mean())
        found[f"{name}_se"] = float(values.std() / len(values) ** 0.5)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--json", type=Path, default=Path("docs/sharpness.json"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    rows = json.loads(options.json.read_text()) if options.json.exists() else {}
    for name in options.names:
        model = load_checkpoint(options.checkpoints / name)
        config = json.loads((options.checkpoints / name / "config.json").read_text())
        train, test = (load_dataset(config["dataset"], split) for split in ("train", "test"))
        x = test.floats()
        row = rows[name] = {
            "machine": machine,
            "dataset": test.name,
            "images": len(test),
            "latent_dim": model.latent_dim,
            "model": quality(torch.cat([rebuilt(model, part) for part in x.split(BATCH)]), x),
            "pca": quality(by_pca(train, x, model.latent_dim), x),
        }
        print(
            f"{name}: PSNR {row['model']['psnr']:.2f} dB beside {row['pca']['psnr']:.2f}, "
            f"SSIM {row['model']['ssim']:.3f} beside {row['pca']['ssim']:.3f}",
            flush=True,
        )
    options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
