"""A model's stored means as points of a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from live.models import OpenModel
from ui.components.latent_plane.points import Plane, PlanePoints

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents

CLASS, KL, ERROR = "class", "KL", "reconstruction error"
NOT_KNOWN = "not known"


def colourings(opened: OpenModel) -> list[str]:
    """What points can be coloured by: class, KL, reconstruction error and the known factors."""
    latents = opened.latents
    if latents is None:
        return []
    choices = [CLASS] if latents.labels is not None else []
    choices += [KL] if bool(latents.kl.isfinite().all()) else []
    choices += [ERROR] if bool(latents.reconstruction.isfinite().all()) else []
    return [*choices, *opened.config.get("factor_names", [])]


def points_of_means(
    opened: OpenModel,
    plane: Plane | None,
    colour: str | None = None,
    *,
    embedding: np.ndarray | None = None,
    rows: np.ndarray | None = None,
) -> PlanePoints | None:
    """The stored means on `plane`, or at `embedding` (n, 2) where no plane is given.

    colour: one of `colourings`, the first by default. rows: which of the stored means, all by
    default. None when the model has no stored latents.
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
    colour = colour or next(iter(colourings(opened)), "")
    return PlanePoints(
        xy=xy,
        covariance=covariance,
        rows=every,
        sources=None if latents.sources is None else latents.sources.numpy()[every],
        classes=class_names(opened),
        **_colouring(opened, latents, colour, every),
    )


def class_names(opened: OpenModel) -> tuple[str, ...]:
    """Those of the data set, or numbers; none where there are no classes."""
    if opened.latents is None or opened.latents.labels is None:
        return ()
    classes = int(opened.latents.labels.max()) + 1
    return tuple(opened.config.get("class_names") or map(str, range(classes)))


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
        name = "cross-entropy at μ" if grey else "−log p(x|z = μ)"
        if not opened.model.has_likelihood:
            return {"value": -latents.reconstruction.numpy()[rows], "label": "squared error at μ"}
        return {"value": -latents.reconstruction.numpy()[rows], "label": f"{name} (nats)"}
    if latents.factors is None or not colour:
        return {}
    factor = opened.config["factor_names"].index(colour)
    values = latents.factors.numpy()[rows, factor]
    if names := categories(opened, colour):
        unknown = np.isnan(values)
        named = (*names, NOT_KNOWN) if unknown.any() else names
        return {"category": np.where(unknown, len(names), values).astype(int), "names": named}
    return {"value": values, "label": colour}


def categories(opened: OpenModel, factor: str) -> tuple[str, ...]:
    """What the values of a factor count into; none where they are numbers."""
    names = opened.config["factor_names"]
    values = opened.config.get("factor_values") or [()] * len(names)
    return tuple(values[names.index(factor)])
