"""Which plane through latent space is shown, and a model's stored means on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from live.models import OpenModel
from ui.components.latent_plane import Plane, PlanePoints, PlaneResult
from ui.components.latent_plane.means import points_of_means
from ui.view.point import set_z
from ui.view.stored import latents_of, stored_latents

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents


def keep_z(shown: PlaneResult) -> None:
    """Make the z of a plane that was released that of every page."""
    if shown.z is not None:
        set_z(shown.z)


def default_plane(opened: OpenModel) -> Plane:
    """Both dimensions of a model with two, the two main axes of mu of one with more."""
    if opened.model.latent_dim <= 2 or opened.latents is None:
        return Plane.of_dims(opened.model.latent_dim)
    return pca_plane(opened)


def dims_plane(opened: OpenModel, dims: Sequence[int]) -> Plane:
    """The plane of two latent dimensions."""
    return Plane.of_dims(opened.model.latent_dim, dims)


def pca_plane(opened: OpenModel) -> Plane:
    """The plane of largest variance of the stored means."""
    latents = latents_of(opened)
    centre, axes, _ = _pca(opened.id, float(latents.mu.sum()), latents)
    return Plane.of_axes(axes, centre)


def pca_axes(opened: OpenModel, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """The centre (d,) and directions (axes, d) of largest variance of the stored means."""
    latents = latents_of(opened)
    centre, directions, _ = _pca(opened.id, float(latents.mu.sum()), latents, axes)
    return centre, directions


def pca_shares(opened: OpenModel) -> tuple[float, float]:
    """Shares of the variance of mu along the two axes of `pca_plane`."""
    latents = latents_of(opened)
    first, second = _pca(opened.id, float(latents.mu.sum()), latents)[2].tolist()
    return first, second


@st.cache_data(show_spinner=False, max_entries=32)
def _pca(
    model_id: str, checksum: float, _latents: Latents, axes: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from vae_core.latent.projections import pca_projection

    centre, directions, shares = pca_projection(_latents.mu, axes)
    return centre.numpy(), directions.numpy(), shares.numpy()


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs={OpenModel: stored_latents})
def plane_points(
    opened: OpenModel,
    plane: Plane | None,
    colour: str | None = None,
    *,
    embedding: np.ndarray | None = None,
    rows: np.ndarray | None = None,
) -> PlanePoints | None:
    """The stored means on `plane`, or at `embedding` (n, 2) where no plane is given.

    rows: which of the stored means, all by default. None when the model has no stored latents.
    """
    return points_of_means(opened, plane, colour, embedding=embedding, rows=rows)
