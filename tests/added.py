"""One of each that docs/architecture.md says can be added, as whoever adds it would write it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vae_core import (
    ByGradient,
    ImageDataset,
    LatentModel,
    Latents,
    Setting,
    register_dataset,
    register_likelihood,
    register_measure,
    register_network,
    register_objective,
)
from vae_core.latent.paths import register_path_method
from vae_core.objectives.objective import Chosen
from vae_core.objectives.terms import Batch, ObjectiveTerms, elbo_terms


@register_dataset("stripes")
def stripes(split: str, root: Path) -> ImageDataset:
    n = {"train": 64, "test": 16}[split]
    rows = (torch.arange(8) + torch.arange(n)[:, None]) % 4 < 2  # (n, 8)
    images = (255 * rows[:, None, :, None].expand(n, 1, 8, 8)).to(torch.uint8)
    return ImageDataset("stripes", split, images.contiguous())


@register_network("straight")
def straight(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden: Sequence[int],
    activation: str,
    k: int,
) -> tuple[nn.Module, nn.Module]:
    pixels = math.prod(image_shape)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 2 * latent_dim))
    shape = (k * image_shape[0], *image_shape[1:])
    return encoder, nn.Sequential(nn.Linear(latent_dim, k * pixels), nn.Unflatten(1, shape))


@register_likelihood("laplace", "sigma")
class Laplace:
    is_density_of_grey = True
    parameters_per_channel = 1

    def __init__(self, sigma: float) -> None:
        self.scale = sigma / math.sqrt(2)

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        log_p = -(x - parameters).abs() / self.scale - math.log(2 * self.scale)
        return log_p.flatten(-3).sum(-1)

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters.clamp(0, 1)


def squared_kl(model: LatentModel, batch: Batch, config: Chosen) -> ObjectiveTerms:
    terms = elbo_terms(model, batch.x, generator=batch.generator)
    weight = config.objective_settings["weight"]
    loss = (weight * terms.kl.sum(1).square() - terms.reconstruction).mean()
    return ObjectiveTerms(terms.reconstruction, terms.kl, loss)


register_objective(
    "squared-kl",
    "The KL counts by its square.",
    ByGradient(squared_kl),
    settings={"weight": Setting(0.1, "What the square counts.")},
)


@register_measure("spread", "How far the means lie from 0, on average.")
def spread(model: LatentModel, dataset: ImageDataset, latents: Latents) -> dict[str, float]:
    return {"distance": float(latents.mu.norm(dim=1).mean())}


@register_path_method("late")
def late(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return a + t.square() * (b - a)
