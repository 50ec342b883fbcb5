"""Trainings with one click."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vae_core.training.config import TrainConfig
from vae_core.training.presets import preset


@dataclass(frozen=True)
class Preset:
    """Settings with one click; `text` says in a sentence what there is to see."""

    label: str
    text: str
    config: TrainConfig


PRESETS = (
    Preset(
        "2-D digits",
        "Handwritten digits, 8x8: ten classes find their places in a plane.",
        preset("digits-2d"),
    ),
    Preset(
        "β too high: watch it collapse",
        "The same digits with β = 20: the KL pulls every mean to 0, and all images become one.",
        replace(preset("digits-2d"), beta=20.0),
    ),
    Preset(
        "Plain autoencoder",
        "No KL, no σ: the same digits spread over the plane with holes between them.",
        replace(preset("digits-2d"), objective="autoencoder"),
    ),
    Preset(
        "PCA, the straight plane",
        "The two directions in which the same digits differ most, found at once: what a network "
        "adds is seen beside it.",
        replace(preset("digits-2d"), objective="pca", epochs=1),
    ),
    Preset(
        "GAN, no encoder",
        "A generator of the same digits learns from a discriminator alone: sharp images all over "
        "the plane, and no way back from an image to its z.",
        TrainConfig(
            hidden=(256, 128),
            activation="relu",
            objective="gan",
            epochs=300,
            batch_size=128,
            learning_rate=1e-3,
        ),
    ),
    Preset(
        "100 labels: M2",
        "The class of 100 digits is told, and that of all others inferred: watch the share of test "
        "images told wrongly fall.",
        TrainConfig(latent_dim=8, hidden=(256,), objective="m2", epochs=60, batch_size=128),
    ),
    Preset(
        "Sprites",
        "Drawn shapes with known size, angle and place, and a convolutional network.",
        replace(preset("sprites-6d"), epochs=8),
    ),
    Preset(
        "Sprites, factors apart",
        "The same by β-TCVAE: what the dimensions share costs four times as much.",
        preset("sprites-factors"),
    ),
    Preset(
        "One face: smile and pose",
        "Frames of a film of one face, as in Kingma & Welling's figure 4; σ is learned.",
        preset("frey-2d"),
    ),
    Preset(
        "MNIST in 2-D",
        "70,000 handwritten digits, 28x28, in a plane: few epochs of a small network.",
        preset("mnist-2d-quick"),
    ),
    Preset(
        "MNIST, Kingma & Welling's own",
        "Their network of 2014, one layer of 500 tanh units, in batches of 100, and the plane of "
        "their figure 4. They took Adagrad and more time; here it is Adam.",
        preset("kingma-welling-2d"),
    ),
    Preset(
        "A lecture's autoencoder",
        "The small convolutional autoencoder of many lectures: 16 and 8 channels, pooling, squared "
        "error. Theirs has 32 numbers in the middle, this one 2, so that they can be seen.",
        preset("lecture-autoencoder"),
    ),
    Preset(
        "MNIST, PyTorch's example",
        "The VAE of PyTorch's examples: 784-400-20, ReLU, Adam at 0.001.",
        preset("pytorch-example"),
    ),
    Preset(
        "Your own images",
        "Pictures of yours, made small; network, likelihood and epochs as suit them.",
        TrainConfig(
            dataset="own", network="conv", hidden=(32, 32, 64, 256), epochs=60, batch_size=32
        ),
    ),
)
