"""Views of a model's stored latents: which plane through latent space, coloured by what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from live.models import OpenModel
from ui.components.address import choice_from_link
from ui.components.latent_plane import Plane, PlanePoints, PlaneResult
from ui.components.latent_plane.points import dimension_name
from ui.session import set_z

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents

PRIOR_EXTENT = 3  # standard deviations of the prior that hold nearly all of it
CLASS, KL, ERROR = "class", "KL", "reconstruction error"
# By what Streamlit's caches tell arguments apart: `cache_data(hash_funcs=HASHES)`.
HASHES: dict[str | type[Any], Callable[[Any], Any]] = {
    OpenModel: lambda opened: (opened.id, id(opened.model)),
    Plane: lambda plane: (plane.u, plane.v, plane.origin),
    "torch.Tensor": lambda tensor: tensor.numpy().tobytes(),
}


def dims_by_use(opened: OpenModel) -> tuple[list[int], list[int]]:
    """The latent dimensions in use and those that are not, each by falling `measure_of_use`."""
    if opened.latents is None:
        return list(range(opened.model.latent_dim)), []
    order = opened.latents.use.argsort(descending=True).tolist()
    active = opened.latents.active.tolist()
    return [j for j in order if active[j]], [j for j in order if not active[j]]


def measure_of_use(opened: OpenModel) -> str:
    """By what dimensions are ordered: without a posterior there is no KL."""
    return "KL" if opened.model.is_variational else "variance of μ"


def grid_extent(opened: OpenModel) -> int:
    """How far from 0 an even grid goes: 3, farther where a hundredth of the stored means are."""
    if opened.latents is None:
        return PRIOR_EXTENT
    far = np.quantile(np.abs(opened.latents.mu.numpy()), 0.99, axis=0).max()
    return max(PRIOR_EXTENT, round(float(far)))


def choose_dims(opened: OpenModel, *, shown: bool = True) -> tuple[int, int]:
    """Two latent dimensions, across and up; a choice only where there are more than two.

    shown: whether the choice stands on the page just now; it is kept while it does not.
    """
    d = opened.model.latent_dim
    if d == 1:
        return 0, 0
    order = [0, 1] if d == 2 else [j for dims in dims_by_use(opened) for j in dims]
    names = names_of_dims(order)
    x = choice_from_link("x", names[:1] if d == 2 else names, names[0])
    others = [name for name in names if name != x]
    y = choice_from_link("y", others, names[0] if x == names[1] else names[1])
    if shown and d > 2:
        st.selectbox("Across", names, key="x", persist_state="session", width=90)
        st.selectbox("Up", others, key="y", persist_state="session", width=90)
    return order[names.index(x)], order[names.index(y)]


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


def pca_shares(opened: OpenModel) -> tuple[float, float]:
    """Shares of the variance of mu along the two axes of `pca_plane`."""
    latents = latents_of(opened)
    first, second = _pca(opened.id, float(latents.mu.sum()), latents)[2].tolist()
    return first, second


@st.cache_data(show_spinner=False, max_entries=32)
def _pca(
    model_id: str, checksum: float, _latents: Latents
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from vae_core.latent.projections import pca_projection

    centre, axes, shares = pca_projection(_latents.mu)
    return centre.numpy(), axes.numpy(), shares.numpy()


def latents_of(opened: OpenModel) -> Latents:
    """The model's stored latents; a sentence when it has none."""
    from vae_core.errors import CheckpointError

    if opened.latents is None:
        raise CheckpointError(
            f"{opened.id} has no stored latents; write them with "
            "`python -m vae_core train`, or choose another model."
        )
    return opened.latents


def colourings(opened: OpenModel) -> list[str]:
    """What points can be coloured by: class, KL, reconstruction error and the known factors."""
    latents = latents_of(opened)
    choices = [CLASS] if latents.labels is not None else []
    choices += [KL] if bool(latents.kl.isfinite().all()) else []
    return [*choices, ERROR, *opened.config.get("factor_names", [])]


def stored_latents(opened: OpenModel) -> tuple[str, float, float]:
    """What tells a model's stored latents from those it had before."""
    if opened.latents is None:
        return opened.id, 0.0, 0.0
    return opened.id, float(opened.latents.mu.sum()), float(opened.latents.logvar.sum())


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


def _colouring(
    opened: OpenModel, latents: Latents, colour: str, rows: np.ndarray
) -> dict[str, Any]:
    if colour == CLASS and latents.labels is not None:
        labels = latents.labels.numpy()[rows]
        names = opened.config.get("class_names") or [str(k) for k in range(labels.max() + 1)]
        return {"category": labels, "names": tuple(names)}
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


def names_of_dims(dims: Sequence[int]) -> list[str]:
    return [dimension_name(j) for j in dims]
