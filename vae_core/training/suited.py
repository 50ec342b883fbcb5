"""Settings that suit a set of images, by how many, how large and how grey they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset
from vae_core.training.config import TrainConfig

STEPS = 2_500  # in which some hundred images are learned; thousands need more, see FEWEST_EPOCHS
FEWEST_EPOCHS, MOST_EPOCHS = 15, 500
BATCHES = (128, 64, 32, 16, 8)  # the largest of which an epoch has STEPS_PER_EPOCH at least
STEPS_PER_EPOCH = 8
IMAGES_PER_DIMENSION, MOST_DIMENSIONS = 10, 16
DENSE_VALUES = 4_096  # as many make an image small: 64x64 in grey
GREY = 0.1  # of all values that are neither black nor white: with fewer, images are drawings
HIDDEN = {
    "mlp": (512, 256),
    "conv": (32, 64, 64, 256),
    "broadcast": (16, 32, 32, 128),
    "resnet": (32, 64, 256),
    "lecture-conv": (16, 8),
}
WITHOUT_STEPS = ("pca", "ppca", "gan")  # which learn otherwise
FEW, SMALL = 50, 400  # images: learned by heart, and learned with little between them


class Suited(NamedTuple):
    """Settings, why these, and what so few images give; "" where they are enough."""

    config: TrainConfig
    why: str
    expect: str


def suited(images: Tensor, n: int, given: Mapping[str, Any] | None = None) -> Suited:
    """Settings for n training images like `images`, (k, c, h, w) uint8; `given` ones are kept.

    A likelihood of black and white for drawings, of a learned sigma for all else, in which the KL
    weighs what it must (Rybkin et al. 2021); so many epochs as give enough steps.
    """
    given = dict(given or {})
    if given.get("objective") in WITHOUT_STEPS:
        return Suited(TrainConfig(**given), "", _expected(n))
    _, height, width = images.shape[1:]
    values = images[0].numel()
    between = float(((images > 25) & (images < 230)).float().mean())
    small = values <= DENSE_VALUES
    network = given.get("network", "mlp" if small else "conv")
    likelihood = "learned-gaussian" if between > GREY else "bernoulli"
    batch = next((size for size in BATCHES if size * STEPS_PER_EPOCH <= n), min(n, BATCHES[-1]))
    batch = given.get("batch_size", batch)
    steps = -(-n // batch)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-STEPS // steps)))
    dimensions = min(MOST_DIMENSIONS, max(2, n // IMAGES_PER_DIMENSION))
    first = TrainConfig(
        dataset="own",
        latent_dim=dimensions,
        network=network,
        hidden=HIDDEN.get(network, TrainConfig.hidden),
        likelihood=likelihood,
        epochs=epochs,
        batch_size=batch,
        learning_rate=1e-3,
    )
    config = replace(first, **given)
    reasons = {
        "epochs": f"{config.epochs} epochs, as one has {steps:,} steps",
        "network": f"{network}, as they are {'small' if small else 'large'}",
        "likelihood": f"{likelihood}, as they are "
        + ("black and white" if likelihood == "bernoulli" else "grey or coloured"),
        "latent_dim": f"{dimensions} latent dimensions",
    }
    chosen = "; ".join(text for name, text in reasons.items() if name not in given)
    why = f"Chosen for {n:,} images of {height}x{width}: {chosen}." if chosen else ""
    return Suited(config, why, _expected(n))


def suited_to(data: ImageDataset, given: Mapping[str, Any]) -> Suited:
    """As `suited`, of training images that are at hand."""
    some = torch.linspace(0, len(data) - 1, min(len(data), 64)).long()
    return suited(data.images[some], len(data), given)


def _expected(n: int) -> str:
    if n <= FEW:
        return (
            f"{n} images are learned by heart: expect these again, and mixtures of them for any "
            "other image and between them."
        )
    if n <= SMALL:
        return (
            f"{n} images are few: expect good reconstructions of these, likenesses of images that "
            "were not learned, and draws from the prior that are often blurred."
        )
    return ""
