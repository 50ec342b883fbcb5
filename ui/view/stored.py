"""The latents stored beside a model, and what tells them apart for Streamlit's caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from live.models import OpenModel
from ui.components.latent_plane import Plane

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents

# By what Streamlit's caches tell arguments apart: `cache_data(hash_funcs=HASHES)`.
HASHES: dict[str | type[Any], Callable[[Any], Any]] = {
    OpenModel: lambda opened: (opened.id, id(opened.model)),
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


def stored_latents(opened: OpenModel) -> tuple[str, float, float]:
    """What tells a model's stored latents from those it had before."""
    if opened.latents is None:
        return opened.id, 0.0, 0.0
    return opened.id, float(opened.latents.mu.sum()), float(opened.latents.logvar.sum())


def class_rows(opened: OpenModel, label: int) -> list[int]:
    """Rows of the stored latents whose image is of this class, in the data set's order."""
    if opened.latents is None or opened.latents.labels is None:
        return []
    rows: list[int] = (opened.latents.labels == label).nonzero().flatten().tolist()
    return rows
