"""What a model has learned so far, in one look: plane, manifold, reconstructions, samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from live.images import test_dataset
from live.models import OpenModel
from ui.components.image_grid import image_grid
from ui.components.latent_plane import Plane, latent_plane
from ui.components.timeline.film import Film
from ui.frame.kinds import NO_MEANS
from ui.images.pictures import data_note, grid_gap
from ui.view.dims import dims_by_use, measure_of_use, names_of_dims
from ui.view.planes import dims_plane, keep_z, plane_points
from ui.view.point import current_z
from ui.view.stored import stored_latents

if TYPE_CHECKING:
    from torch import Tensor

MANIFOLD_SIDE = 10
MANIFOLD_WIDTH, PICTURES_WIDTH = 350, 540  # pixels, beside one another on a wide page
SAMPLES = (2, 8)  # rows, columns
FIRST_ROWS = tuple(range(8))  # of the stored latents: those that are reconstructed

Films = Mapping[str, Film]  # by the part that shows it: "plane", or a name in `Look.pictures`


@dataclass(frozen=True)
class Look:
    """Images (rows, columns, c, h, w) that a model makes: always of the same z, the same x."""

    manifold: Tensor
    reconstructions: Tensor | None
    samples: Tensor

    @property
    def pictures(self) -> Mapping[str, Tensor]:
        """Those that are there, by name."""
        return {name: images for name, images in vars(self).items() if images is not None}


def shown_dims(opened: OpenModel) -> tuple[int, ...]:
    """The two latent dimensions most in use, in their order; the only one of a model with one."""
    used, unused = dims_by_use(opened)
    return tuple(sorted([*used, *unused][:2]))


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs={OpenModel: stored_latents})
def look_of(opened: OpenModel, dims: tuple[int, ...], rows: tuple[int, ...] = FIRST_ROWS) -> Look:
    """The model's images: the manifold over `dims`, the others at 0; `rows` are reconstructed."""
    import torch

    from vae_core.latent.decoded import decoded, prior_samples
    from vae_core.latent.manifold import manifold_grid, manifold_line

    model = opened.model
    if len(dims) > 1:
        _, manifold = manifold_grid(model, MANIFOLD_SIDE, (dims[0], dims[1]))
    else:
        _, line = manifold_line(model, MANIFOLD_SIDE, dims[0])
        manifold = line[None]
    _, samples = prior_samples(model, SAMPLES[0] * SAMPLES[1], seed=0)
    reconstructions = None
    if opened.latents is not None:
        latents = opened.latents.take([row for row in rows if row < len(opened.latents)])
        pairs = [decoded(model, latents.mu)]
        if (dataset := test_dataset(opened)) is not None:
            pairs.insert(0, dataset.floats(latents.indices))
        reconstructions = torch.stack(pairs)
    return Look(manifold, reconstructions, samples.reshape(*SAMPLES, *model.image_shape))


def show_learned(
    opened: OpenModel, key: str, films: Films | None = None, rows: np.ndarray | None = None
) -> None:
    """Show the model as it is now; called again with newer weights, everything follows.

    key: names these views in the session; the same key for the same model. rows: which of the
    stored latents are shown, all by default.
    """
    films = films or {}
    dims = shown_dims(opened)
    _show_plane(opened, dims_plane(opened, dims), key, films.get("plane"), rows)
    first = FIRST_ROWS if rows is None else tuple(rows[: len(FIRST_ROWS)].tolist())
    look = look_of(opened, dims, first)
    both = st.container(horizontal=True, gap="medium")
    with both.container(width=MANIFOLD_WIDTH):
        over = " and ".join(names_of_dims(dims))
        st.markdown(f"**Manifold** over {over}")
        _grid(look.manifold, "manifold", f"Images decoded all over {over}", key, films)
    with both.container(width=PICTURES_WIDTH, key=f"wide-{key}"):
        if look.reconstructions is not None:
            two = len(look.reconstructions) == 2
            above = "**Test images** and, below, " if two else ""
            st.markdown(f"{above}**what comes back** from μ")
            alt = f"{look.reconstructions.shape[1]} test images and their reconstructions"
            _grid(look.reconstructions, "reconstructions", alt, key, films)
            data_note(two)
        st.markdown("**Samples from the prior**, always the same z")
        _grid(look.samples, "samples", "Images decoded from z drawn from the prior", key, films)


def _show_plane(
    opened: OpenModel, plane: Plane, key: str, film: Film | None, rows: np.ndarray | None
) -> None:
    points = plane_points(opened, plane, rows=rows)
    latent_plane(
        opened.id,
        key=f"plane-{key}",
        z=current_z(opened),
        plane=plane,
        points=points,
        height=400,
        film=film,
        on_change=keep_z,
    )
    if points is not None:
        largest = f" The two dimensions of largest {measure_of_use(opened)}."
        st.caption(
            f"Means μ of {len(points.xy):,} test images, not samples."
            f"{largest if opened.model.latent_dim > 2 else ''} Move over the plane: the decoder "
            "follows."
        )
    elif not opened.model.has_encoder:
        st.caption(f"{NO_MEANS} Move over the plane: the generator follows.")


def _grid(images: Tensor, part: str, alt: str, key: str, films: Films) -> None:
    image_grid(
        images,
        key=f"{part}-{key}",
        testid=part,
        alt=alt,
        gap=grid_gap(images.shape[2:]) if part == "manifold" else 2,
        max_height=340,
        film=films.get(part),
    )
