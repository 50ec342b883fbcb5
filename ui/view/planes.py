"""Which plane through latent space is shown, and a model's stored means on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from live.models import OpenModel
from ui.components.latent_plane import Plane, PlanePoints, PlaneResult
from ui.view.point import set_z
from ui.view.stored import latents_of, stored_latents

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents

CLASS, KL, ERROR = "class", "KL", "reconstruction error"


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


def colourings(opened: OpenModel) -> list[str]:
    """What points can be coloured by: class, KL, reconstruction error and the known factors."""
    latents = latents_of(opened)
    choices = [CLASS] if latents.labels is not None else []
    choices += [KL] if bool(latents.kl.isfinite().all()) else []
    return [*choices, ERROR, *opened.config.get("factor_names", [])]


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
    if opened.latents is None:
        return None
    latents = opened.latents
    every = np.arange(len(latents)) if rows is None else rows
    if plane is None:
        if embedding is None:
            raise ValueError("Without a plane the points need an embedding.")
        xy, covariance = embedding, None
    else:
        xy = plane.project(latents.mu.numpy()[every])
        covariance = None
        if opened.model.is_variational:
            covariance = plane.project_covariance(latents.sigma.numpy()[every])
    colour = colour or colourings(opened)[0]
    return PlanePoints(
        xy=xy,
        covariance=covariance,
        rows=every,
        **_colouring(opened, latents, colour, every),
    )


def class_names(opened: OpenModel) -> tuple[str, ...]:
    """Those of the data set, or numbers; none where there are no classes."""
    labels = latents_of(opened).labels
    if labels is None:
        return ()
    return tuple(opened.config.get("class_names") or map(str, range(int(labels.max()) + 1)))


def _colouring(
    opened: OpenModel, latents: Latents, colour: str, rows: np.ndarray
) -> dict[str, Any]:
    if colour == CLASS and latents.labels is not None:
        labels = latents.labels.numpy()[rows]
        return {"category": labels, "names": class_names(opened)}
    if colour == KL:
        return {"value": latents.kl.numpy()[rows], "label": "KL (nats)"}
    if colour == ERROR:
        grey = (opened.metrics or {}).get("grey_cross_entropy")
        name = "cross-entropy at μ" if grey else "−log p(x given μ)"
        return {"value": -latents.reconstruction.numpy()[rows], "label": f"{name} (nats)"}
    factor = opened.config["factor_names"].index(colour)
    if latents.factors is None:
        return {}
    return {"value": latents.factors.numpy()[rows, factor], "label": colour}
