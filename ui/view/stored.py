"""The latents stored beside a model, and what tells them apart for Streamlit's caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from live.images import test_dataset
from live.models import OpenModel
from ui.components.latent_plane import Plane

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.latent.latents import Latents

# By what Streamlit's caches tell arguments apart: `cache_data(hash_funcs=HASHES)`.
HASHES: dict[str | type[Any], Callable[[Any], Any]] = {
    OpenModel: lambda opened: (opened.id, opened.number, opened.own_images),
    Plane: lambda plane: (plane.u, plane.v, plane.origin),
    "torch.Tensor": lambda tensor: tensor.numpy().tobytes(),
}


def latents_of(opened: OpenModel) -> Latents:
    """The model's stored latents; a sentence when it has none."""
    from vae_core.errors import CheckpointError

    if opened.latents is None:
        raise CheckpointError(
            f"{opened.id} has no stored latents; write them with "
            "`python -m vae_core train`, or choose another model."
        )
    return opened.latents


def stored_latents(opened: OpenModel) -> tuple[str, float, float, bool]:
    """What tells a model's stored latents, and their images, from those it had before."""
    if opened.latents is None:
        return opened.id, float(opened.number), 0.0, opened.own_images
    mu, logvar = opened.latents.mu, opened.latents.logvar
    return opened.id, float(mu.sum()), float(logvar.sum()), opened.own_images


def test_rows(opened: OpenModel, class_name: str | None = None, *, but: bool = False) -> Tensor:
    """Rows of the stored latents, or of the test set where there are none, in their order.

    Those of a class, all but these, or all: without a name, or where there is no such class. Two
    classes may have one name: then it names both.
    """
    import torch

    images = opened.latents or test_dataset(opened)
    names = opened.config.get("class_names") or []
    if images is None or images.labels is None or class_name not in names:
        return torch.arange(0 if images is None else len(images))
    called_so = torch.tensor([k for k, name in enumerate(names) if name == class_name])
    return torch.isin(images.labels, called_so, invert=but).nonzero().flatten()
