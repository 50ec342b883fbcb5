"""Grey pixels as coins: images of zeros and ones, for a Bernoulli likelihood that is one.

    none     pixels as they are
    dynamic  drawn anew each time an image is seen (Salakhutdinov & Murray 2008; Burda et al. 2016)
    static   drawn once, by a seed, as the fixed MNIST of Larochelle & Murray (2011) was

A pixel is 1 with the probability of its brightness. Figures of the three do not compare.
"""

from __future__ import annotations

from dataclasses import replace
from reprlib import repr as shown

import torch
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset, check_is_dataset
from vae_core.errors import ConfigError

BINARISATIONS = ("none", "dynamic", "static")
AT_ONCE = 1_000


def binarise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draws of 0 and 1, each 1 with the probability x in [0, 1]; the shape and type of x."""
    return torch.bernoulli(x, generator=generator)


def binarised(dataset: ImageDataset, seed: int = 0) -> ImageDataset:
    """The data set with each pixel drawn once, 0 or 255; `seed` says how."""
    check_is_dataset(dataset, "dataset")
    generator = torch.Generator().manual_seed(seed)
    images = torch.empty_like(dataset.images)
    for rows in torch.arange(len(dataset)).split(AT_ONCE):
        images[rows] = binarise(dataset.floats(rows), generator).mul_(255).to(torch.uint8)
    return replace(dataset, images=images)


def as_seen(dataset: ImageDataset, binarisation: str, seed: int = 0) -> ImageDataset:
    """The images as a model is judged by that learned under `binarisation`: each pixel drawn once.

    Dynamic draws by `seed`, static ones always alike; as they are where it is "none".
    """
    if binarisation == "none":
        return dataset
    return binarised(dataset, seed if binarisation == "dynamic" else 0)


def checked_binarisation(name: str) -> str:
    """The name; ConfigError when there is no binarisation of that name."""
    if name not in BINARISATIONS:
        raise ConfigError(
            f"Unknown binarisation {shown(name)}; choose one of {', '.join(BINARISATIONS)}."
        )
    return name
