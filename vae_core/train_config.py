"""The settings of one training, and sets of them by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from reprlib import repr as shown
from typing import Any

import torch

from vae_core.datasets import dataset_names
from vae_core.errors import ConfigError
from vae_core.models import ModelConfig, build_model, check_texts
from vae_core.objectives import objective_terms

SCHEDULES = ("one-cycle", "constant")

# field: (type, least, most), both ends included
_RANGES: dict[str, tuple[type, float, float]] = {
    "samples": (int, 1, 64),
    "epochs": (int, 1, 10_000),
    "batch_size": (int, 1, 65_536),
    "seed": (int, 0, 2**31 - 1),
    "threads": (int, 1, 256),
    "beta": (float, 0, 1_000),
    "learning_rate": (float, 1e-8, 10),
}


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one training; plain JSON values only. ConfigError when one is out of range.

    dataset, latent_dim, network, hidden, activation, likelihood, sigma, link: see `ModelConfig`.
    objective: "elbo", or "autoencoder" for the plain one; beta weighs the KL (1 is the ELBO);
    samples: draws of z per image (L). schedule: "one-cycle" rises to learning_rate over the first
    30 % of the steps and falls to almost 0 (Smith & Topin 2019), "constant" stays.
    device: a torch device; threads: torch threads on the CPU.
    """

    dataset: str = "digits"
    latent_dim: int = 2
    network: str = "mlp"
    hidden: tuple[int, ...] = (512, 512, 256)
    activation: str = "silu"
    likelihood: str = "bernoulli"
    sigma: float = 0.1
    link: str = "sigmoid"
    objective: str = "elbo"
    beta: float = 1.0
    samples: int = 1
    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    seed: int = 0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        check_texts(self)
        for name, (kind, least, most) in _RANGES.items():
            value = getattr(self, name)
            number = isinstance(value, (int, kind)) and not isinstance(value, bool)
            if not number or not least <= value <= most:
                a = "a whole number" if kind is int else "a number"
                raise ConfigError(f"{name}={shown(value)} is not {a} from {least:g} to {most:g}.")
        if self.dataset not in dataset_names():
            raise ConfigError(
                f"Unknown data set {shown(self.dataset)}; choose one of "
                f"{', '.join(dataset_names())}."
            )
        if self.schedule not in SCHEDULES:
            raise ConfigError(
                f"Unknown schedule {shown(self.schedule)}; choose one of {', '.join(SCHEDULES)}."
            )
        objective_terms(self.objective)
        if self.objective == "autoencoder" and self.beta != 1:
            raise ConfigError(
                f"beta={self.beta:g} has no meaning for a plain autoencoder, which has no KL; "
                "leave beta at 1 or choose the objective elbo."
            )
        try:
            torch.device(self.device)
        except RuntimeError as error:
            raise ConfigError(f"device={shown(self.device)} is no torch device.") from error
        # The model's own settings are checked where they live; the image shape is not known yet.
        with torch.device("meta"):
            model = build_model(self.model_config((1, 1, 1)))
        object.__setattr__(self, "hidden", model.config.hidden)

    def model_config(self, image_shape: tuple[int, int, int]) -> ModelConfig:
        return ModelConfig(
            image_shape=image_shape,
            kind="autoencoder" if self.objective == "autoencoder" else "vae",
            **{name: getattr(self, name) for name in _MODEL_FIELDS},
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"hidden": list(self.hidden)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_json`; ConfigError for a field that does not exist."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(
                f"Unknown setting {shown(unknown[0])}; the settings are {', '.join(sorted(known))}."
            )
        return cls(**values)


_MODEL_FIELDS = tuple(
    f.name for f in fields(ModelConfig) if f.name in {g.name for g in fields(TrainConfig)}
)

PRESETS: dict[str, TrainConfig] = {
    "digits-2d": TrainConfig(
        dataset="digits", hidden=(256, 128), epochs=120, batch_size=128, learning_rate=3e-3
    ),
    "mnist-2d": TrainConfig(dataset="mnist", hidden=(1024, 512, 256), epochs=40),
    # In a minute of one core: 150 nats on the test images after half of it, 144 at its end.
    "mnist-2d-quick": TrainConfig(dataset="mnist", hidden=(512, 256), epochs=8, batch_size=128),
    "mnist-16d": TrainConfig(
        dataset="mnist",
        latent_dim=16,
        network="conv",
        hidden=(32, 64, 64, 256),
        epochs=8,
    ),
    "fashion-2d": TrainConfig(dataset="fashion-mnist", epochs=30),
    "sprites-6d": TrainConfig(
        dataset="sprites", latent_dim=6, network="conv", hidden=(32, 32, 64, 256), epochs=40
    ),
    # The example of the PyTorch repository (pytorch/examples, vae/main.py).
    "pytorch-example": TrainConfig(
        dataset="mnist",
        latent_dim=20,
        hidden=(400,),
        activation="relu",
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
        schedule="constant",
    ),
}


def preset(name: str) -> TrainConfig:
    """The named settings; ConfigError when there are none of that name."""
    if name not in PRESETS:
        raise ConfigError(f"Unknown preset {shown(name)}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
