"""The manifold: what the decoder draws all over the prior, two dimensions at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.image_grid import Axis, image_grid
from ui.components.latent_plane import InStep, latent_plane
from ui.frame.session import current_model
from ui.images.pictures import png
from ui.numbers import decimal, percent
from ui.text.plain import file_name, plain
from ui.view.dims import choose_dims, dims_by_use, names_of_dims
from ui.view.planes import dims_plane, keep_z, plane_points
from ui.view.point import current_z, set_z, z_text
from ui.view.reach import PRIOR_EXTENT, grid_extent, slider_reach
from ui.view.stored import HASHES
from ui.widgets import set_widget
from vae_core.latent.latents import nearest, prior_percentile
from vae_core.latent.manifold import manifold_grid

if TYPE_CHECKING:
    from torch import Tensor

SPACINGS = {"inverse CDF": "quantile", "linear": "linear"}
SIDES = 5, 40  # images a side
GRID_WIDTH, PLANE_WIDTH = 552, 352  # pixels: side by side on a wide page

opened = current_model()
model = opened.model
reach = slider_reach(opened)
extent = grid_extent(opened)
far = extent > PRIOR_EXTENT  # the model does not keep to the prior


@st.cache_data(show_spinner="Decoding the grid…", max_entries=8, hash_funcs=HASHES)
def grid_of(
    opened: OpenModel,
    side: int,
    dims: tuple[int, int],
    base: tuple[float, ...],
    spacing: str,
    extent: float,
) -> tuple[Tensor, Tensor]:
    import torch

    z, images = manifold_grid(opened.model, side, dims, torch.tensor(base), spacing, extent)
    return z, images.mul(255).round().to(torch.uint8)  # as they are shown: a quarter of the memory


def hold(j: int) -> None:
    z = list(current_z(opened))
    z[j] = st.session_state[f"held-{j}"]
    set_z(z)


def held_sliders(dims: tuple[int, int]) -> None:
    """Where the other dimensions are held; those that the decoder ignores are left out."""
    held = [j for j in dims_by_use(opened)[0] if j not in dims]
    if not held:
        return
    z = current_z(opened)
    with st.expander(f"{len(held)} other dimensions, held at the current z"):
        columns = st.columns(2)
        for k, j in enumerate(held):
            set_widget(f"held-{j}", min(reach, max(-reach, z[j])))
            columns[k % 2].slider(
                names_of_dims([j])[0],
                -reach,
                reach,
                step=0.01,
                key=f"held-{j}",
                on_change=hold,
                args=(j,),
            )


@st.fragment
def explore() -> None:
    with st.container(horizontal=True, gap="medium"):
        spacing = choice_from_link("spacing", list(SPACINGS), "linear" if far else "inverse CDF")
        st.segmented_control(
            "Spacing", list(SPACINGS), required=True, key="spacing", persist_state="session"
        )
        side = number_from_link("side", *SIDES, default=20)
        st.slider("Images a side", *SIDES, key="side", persist_state="session", width=260)
        dims = choose_dims(opened)
    held_sliders(dims)

    z = current_z(opened)
    base = tuple(0.0 if j in dims else v for j, v in enumerate(z))
    grid, images = grid_of(opened, side, dims, base, SPACINGS[spacing], extent)
    places = grid.reshape(-1, model.latent_dim)
    names = names_of_dims(dims)

    both = st.container(horizontal=True, gap="medium")  # below one another on a narrow page
    with both.container(width=GRID_WIDTH):
        image_grid(
            images,
            key="manifold",
            testid="manifold",
            alt=f"{side} by {side} images decoded over {names[0]} and {names[1]}",
            captions=[in_words(place, dims) for place in places.tolist()],
            axes=(
                Axis(names[0], grid[0, :, dims[0]].tolist()),
                Axis(names[1], grid[:, 0, dims[1]].tolist()),
            ),
            gap=0,
            selectable=True,
            selected=tile_of(z, places),
            max_height=640,
            on_select=lambda tile: set_z(places[tile].tolist()),
        )
        st.caption(about_spacing(spacing))
    with both.container(width=PLANE_WIDTH):
        show_plane(z, dims)
        st.download_button(
            f"PNG, {side * model.image_shape[2]} × {side * model.image_shape[1]} pixels",
            lambda: png(images),
            file_name(f"{opened.config.get('dataset')}-manifold-{side}x{side}.png"),
            "image/png",
            icon=":material/download:",
            on_click="ignore",
        )
    x, y = names if model.latent_dim > 2 else (None, None)
    at = z_text(current_z(opened))
    show_in_address("grid", spacing=spacing, side=side, x=x, y=y, z=at)


def about_spacing(spacing: str) -> str:
    """What the grid's steps are, and what that means for this model."""
    if spacing == "linear":
        corners = "tiles near the corners are rare under the prior"
        where = "nearly all means μ lie within" if far else corners
        return f"Linear: equal steps of z from −{extent} to {extent}; {where}."
    about = (
        "Inverse CDF: z = Φ⁻¹(u) at equal steps of u, so each tile stands for the same share of "
        "the prior N(0, I)."
    )
    return f"{about} Many means μ of this model lie farther out." if far else about


def tile_of(z: tuple[float, ...], places: Tensor) -> int | None:
    """The tile nearest to z; None where z lies outside the grid."""
    at = places.new_tensor(z)
    inside = bool(((at >= places.amin(0)) & (at <= places.amax(0))).all())
    return int(nearest(places, at)) if inside else None


def show_plane(z: tuple[float, ...], dims: tuple[int, int]) -> None:
    """Where the tile under the pointer lies among the data, and its image, large."""
    view = dims_plane(opened, dims)
    latent_plane(
        opened.id,
        key=f"manifold-plane-{opened.id}",
        z=z,
        plane=view,
        points=plane_points(opened, view),
        in_step=InStep(sliders=names_of_dims(range(model.latent_dim)), grid="manifold"),
        height=320,
        on_change=keep_z,
    )
    share = percent(prior_percentile(z))
    st.caption(
        f"‖z‖ = {math.hypot(*z):.2f}, farther out than {share} of the prior. "
        "Click a tile, or drag on the plane, to bring its z here and to every other page."
    )


def in_words(z: tuple[float, ...] | list[float], dims: tuple[int, int]) -> str:
    named = zip(names_of_dims(dims), dims, strict=True)
    return ", ".join(f"{name} = {decimal(z[j])}" for name, j in named)


if model.latent_dim < 2:
    st.info(
        f"{plain(opened.id)} has a single latent dimension: its manifold is a line, not a plane. "
        "Interpolate shows the images along it."
    )
else:
    explore()
