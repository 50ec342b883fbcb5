"""The stored means of a model of more than two dimensions, three at a time."""

from __future__ import annotations

import numpy as np
import streamlit as st

from live.models import OpenModel
from ui.components.address import choice_from_link
from ui.components.figure.space import scatter_3d
from ui.components.image_grid import image_grid
from ui.components.latent_plane.means import class_names
from ui.view.dims import MOST_DIMS, dims_by_use, names_of_dims
from ui.view.planes import pca_axes
from ui.view.point import current_z, set_z
from ui.view.stored import latents_of
from vae_core.latent.decoded import decoded

SHOWN = 2_000  # points: what a machine without a GPU can turn
PCA, DIMS = "PCA", "three dimensions"
KEYS = ("x3", "y3", "z3")
ADDRESS = ("space", "axes3", *KEYS)


def show_space(opened: OpenModel) -> dict[str, object]:
    """The means along three axes, beside the image of z; a click on a point moves z there.

    Drawn once the visitor asks for it. Returns what the address says of it.
    """
    shown = choice_from_link("space", (False, True), default=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.toggle("3-D view", key="space", persist_state="session")
        if not shown:
            return dict.fromkeys(ADDRESS)
        names, axes, centre, said = choose_axes(opened)
    latents, z = latents_of(opened), np.array(current_z(opened))
    rows = np.linspace(0, len(latents) - 1, min(SHOWN, len(latents))).astype(int)
    mu, labels = latents.mu.numpy(), latents.labels
    space, image = st.columns([3, 1], vertical_alignment="center")
    with space:
        scatter_3d(
            (mu[rows] - centre) @ axes.T,
            key=f"space-{opened.id}",
            axes=names,
            z=(z - centre) @ axes.T,
            category=None if labels is None else labels.numpy()[rows],
            names=class_names(opened),
            on_pick=lambda i: set_z(mu[rows[i]].round(3).tolist()),
        )
    with image:
        drawn = decoded(opened.model, latents.mu.new_tensor(z)[None])
        image_grid(
            drawn[None],
            key="space-image",
            testid="space-image",
            alt="Decoded image of z",
            max_tile=280,
        )
    st.caption(
        f"{len(rows):,} of {len(latents):,} means μ shown. Drag to turn, scroll to zoom; click a "
        "point, and z moves to its μ."
    )
    return {**dict.fromkeys(ADDRESS), "space": True, **said}


def choose_axes(
    opened: OpenModel,
) -> tuple[tuple[str, str, str], np.ndarray, np.ndarray, dict[str, object]]:
    """Three axes: names, directions (3, d), origin (d,); and what the address says of them."""
    by = choice_from_link("axes3", (PCA, DIMS), PCA)
    st.segmented_control("Axes", (PCA, DIMS), required=True, key="axes3", persist_state="session")
    if by == PCA:
        centre, directions = pca_axes(opened, 3)
        return ("PC 1", "PC 2", "PC 3"), directions, centre, {"axes3": by}
    order = [j for dims in dims_by_use(opened) for j in dims][:MOST_DIMS]
    names = names_of_dims(order)
    chosen: list[str] = []
    for key, label in zip(KEYS, ("Across", "Deep", "Up"), strict=True):
        free = [name for name in names if name not in chosen]
        chosen.append(choice_from_link(key, free, free[0]))
        st.selectbox(label, free, key=key, persist_state="session", width=90)
    d = opened.model.latent_dim
    directions = np.eye(d)[[order[names.index(name)] for name in chosen]]
    first, second, third = chosen
    said: dict[str, object] = {"axes3": by, **dict(zip(KEYS, chosen, strict=True))}
    return (first, second, third), directions, np.zeros(d), said
