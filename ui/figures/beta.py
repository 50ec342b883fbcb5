"""The models behind the slider of β: the same network and images, trained once for each weight.

They lie in lessons/beta, a checkpoint's folder each, named by its β; `make beta` trains them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.components.curves import Line, Panel
from ui.numbers import bound_name, decimal, reconstruction_name
from ui.palette import GREY, SYMBOL_COLOURS, VIOLET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from vae_core.training.config import TrainConfig

BETAS = Path(__file__).resolve().parents[2] / "lessons" / "beta"
SIDE = 9  # images of a manifold's side
IMAGES = 12  # test images, and draws from the prior


@dataclass(frozen=True, eq=False)
class Trained:
    """A model trained with this β, and what it makes of the same test images.

    config: of its training; metrics: of all test images. x, rebuilt, samples (IMAGES, c, h, w);
    manifold (SIDE, SIDE, c, h, w) over the `dims`, the two that hold the most nats.
    """

    config: TrainConfig
    metrics: dict[str, Any]
    dims: tuple[int, int]
    x: Tensor
    rebuilt: Tensor
    samples: Tensor
    manifold: Tensor

    @property
    def beta(self) -> float:
        return self.config.beta


@st.cache_resource(show_spinner=False)
def trained() -> list[Trained]:
    """All of them, by β."""
    from vae_core.checkpoints.reading import list_checkpoints, load_checkpoint
    from vae_core.data.datasets import load_dataset
    from vae_core.latent.decoded import prior_samples, rebuilt
    from vae_core.latent.manifold import manifold_grid
    from vae_core.training.config import TrainConfig

    found = []
    for each in list_checkpoints(BETAS):
        model, metrics = load_checkpoint(each.path), each.metrics or {}
        x = load_dataset(each.config["dataset"], "test").floats(slice(0, IMAGES))
        kl: list[float] = metrics["kl_per_dim"]
        first, second = sorted(range(len(kl)), key=lambda j: -kl[j])[:2]
        dims = (min(first, second), max(first, second))
        _, grid = manifold_grid(model, SIDE, dims)
        _, samples = prior_samples(model, IMAGES, seed=0)
        config = TrainConfig.from_json(each.config["training"])
        found.append(Trained(config, metrics, dims, x, rebuilt(model, x), samples, grid))
    return sorted(found, key=lambda one: one.beta)


def beta_panels(models: Sequence[Trained], shown: Trained) -> list[Panel]:
    """Both terms and the ELBO of all of them over β, the one in view marked."""
    betas = [one.beta for one in models]
    return [
        Panel(
            title,
            [
                Line(title, betas, [of(one) for one in models], colour),
                Line("in view", [shown.beta], [of(shown)], colour),
            ],
            f"{decimal(of(shown))} at β = {shown.beta:g}",
        )
        for title, colour, of in (
            (reconstruction_name(grey=False), GREY, lambda one: -one.metrics["reconstruction"]),
            ("KL(q ‖ p(z))", VIOLET, lambda one: one.metrics["kl"]),
            (bound_name(grey=False), SYMBOL_COLOURS["mu"], lambda one: -one.metrics["elbo"]),
        )
    ]
