"""The manifold: what the decoder draws all over the prior, two dimensions at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.image_grid import Axis, image_grid
from ui.components.latent_plane import InStep, Plane, latent_plane
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_decoder
from ui.frame.session import current_model
from ui.images.pictures import grid_gap, png
from ui.numbers import decimal, percent
from ui.text.explain import explain
from ui.text.plain import file_name, plain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.axes import Axes, axes_of, too_many_dims
from ui.view.dims import choose_dims, choose_two, dims_by_use, names_of_dims
from ui.view.planes import dims_plane, keep_z, plane_points
from ui.view.point import current_z, set_z, z_text
from ui.view.reach import PRIOR_EXTENT, grid_extent, slider_reach
from ui.view.stored import HASHES
from ui.widgets import set_widget
from vae_core.latent.latents import nearest, prior_percentile
from vae_core.latent.manifold import manifold_grid, plane_grid

if TYPE_CHECKING:
    from torch import Tensor

SPACINGS = {"inverse CDF": "quantile", "linear": "linear"}
SIDES = 5, 40  # images a side
MOST_NUMBERS = 64_000_000  # that all of them have
GRID_WIDTH, PLANE_WIDTH = 552, 352  # pixels: side by side on a wide page

# Side by side they share what room there is; where there is too little, the plane stands above.
LAYOUT = """
<style>
.st-key-both { flex-wrap: wrap-reverse; align-items: flex-end; }
.st-key-both > :has(> .st-key-grid) { flex: 4 1 23rem; min-width: 0; max-width: 552px; }
.st-key-both > :has(> .st-key-wide-plane) { flex: 3 1 16rem; min-width: 0; }
.st-key-grid, .st-key-wide-plane { width: 100%; }
</style>
"""

opened = current_model()
if lacking := no_decoder(opened):
    refuse_model(opened, f"{lacking} Without one there is nothing to draw on a grid.")
    explain("manifold")
    st.stop()
model = opened.model
along_axes = too_many_dims(opened)
sides = (
    SIDES[0],
    max(SIDES[0], min(SIDES[1], math.isqrt(MOST_NUMBERS // math.prod(model.image_shape)))),
)
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


@st.cache_data(show_spinner="Decoding the grid…", max_entries=8, hash_funcs=HASHES)
def grid_along(
    opened: OpenModel, side: int, dims: tuple[int, int], base: tuple[float, ...], count: int
) -> tuple[Tensor, Tensor]:
    """Of two of `count` main axes: places on them (side, side, 2), and the images."""
    import torch

    axes = axes_of(opened)
    directions = torch.from_numpy(axes.directions[list(dims)]).float()
    steps, images = plane_grid(opened.model, side, torch.tensor(base), directions, axes.reach)
    return steps, images.mul(255).round().to(torch.uint8)


def hold(j: int) -> None:
    z, value = list(current_z(opened)), st.session_state[f"held-{j}"]
    if along_axes:
        z = axes_of(opened).moved(z, j, value)
    else:
        z[j] = value
    set_z(z)


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid of images over two directions.

    names: of both; steps (side, side, 2): how far each image lies along them; at: how far z does;
    z_of: the z of an image, by its number; view: the plane of both.
    """

    names: tuple[str, str]
    steps: Tensor
    images: Tensor
    at: tuple[float, float]
    z_of: Callable[[int], list[float]]
    view: Plane


def over_dims(side: int, spacing: str, dims: tuple[int, int]) -> Grid:
    z = current_z(opened)
    base = tuple(0.0 if j in dims else v for j, v in enumerate(z))
    grid, images = grid_of(opened, side, dims, base, spacing, extent)
    names = names_of_dims(dims)
    return Grid(
        (names[0], names[1]),
        grid[..., list(dims)],
        images,
        (z[dims[0]], z[dims[1]]),
        lambda tile: grid.reshape(-1, model.latent_dim)[tile].tolist(),
        dims_plane(opened, dims),
    )


def over_axes(side: int, axes: Axes, two: tuple[int, int]) -> Grid:
    z = current_z(opened)
    base: Sequence[float] = z
    for k in two:
        base = axes.moved(base, k, 0.0)
    steps, images = grid_along(opened, side, two, tuple(base), len(axes.names))

    def z_of(tile: int) -> list[float]:
        moved = base
        for k, step in zip(two, steps.reshape(-1, 2)[tile].tolist(), strict=True):
            moved = axes.moved(moved, k, step)
        return list(moved)

    places, names = axes.at(z), (axes.names[two[0]], axes.names[two[1]])
    return Grid(
        names,
        steps,
        images,
        (places[two[0]], places[two[1]]),
        z_of,
        replace(Plane.of_axes(axes.directions[list(two)], axes.origin), labels=names),
    )


def held_sliders(names: Sequence[str], values: Sequence[float], held: Sequence[int]) -> None:
    """Where the other dimensions are held; those that the decoder ignores are left out."""
    if not held:
        return
    reach = axes_of(opened).reach if along_axes else slider_reach(opened)
    what = "axes" if along_axes else "dimensions"
    with st.expander(f"{len(held)} other {what}, held at the current z"):
        columns = st.columns(2)
        for k, j in enumerate(held):
            set_widget(f"held-{j}", min(reach, max(-reach, values[j])))
            columns[k % 2].slider(
                names[j],
                -reach,
                reach,
                step=0.01,
                key=f"held-{j}",
                on_change=hold,
                args=(j,),
            )


@st.fragment
def explore() -> None:
    spacings = list(SPACINGS)[along_axes:]
    with st.container(horizontal=True, gap="medium"):
        spacing = choice_from_link("spacing", spacings, "linear" if far else spacings[0])
        if len(spacings) > 1:
            st.segmented_control(
                "Spacing", spacings, required=True, key="spacing", persist_state="session"
            )
        side = number_from_link("side", *sides, default=min(20, sides[1]))
        st.slider("Images a side", *sides, key="side", persist_state="session", width=260)
        axes = axes_of(opened) if along_axes else None
        two = choose_dims(opened) if axes is None else choose_two(axes.names)
    z = current_z(opened)
    if axes is None:
        names, others = names_of_dims(range(len(z))), dims_by_use(opened)[0]
        held_sliders(names, z, [j for j in others if j not in two])
        grid = over_dims(side, SPACINGS[spacing], two)
    else:
        held_sliders(axes.names, axes.at(z), [k for k in range(len(axes.names)) if k not in two])
        grid = over_axes(side, axes, two)
    st.html(LAYOUT)
    both = st.container(horizontal=True, gap="medium", key="both")  # below one another on a phone
    with both.container(width=GRID_WIDTH, key="grid"):
        show_grid(grid)
        st.caption(about_spacing(spacing))
        download(grid)
    with both.container(width=PLANE_WIDTH, key="wide-plane"):
        show_plane(z, grid.view)
    x, y = grid.names if model.latent_dim > 2 else (None, None)
    at = z_text(current_z(opened))
    show_in_address("grid", spacing=spacing, side=side, x=x, y=y, z=at)
    explain("manifold")
    if axes is None:
        show_code_of(side, SPACINGS[spacing], (two[0], two[1]))


def show_code_of(side: int, spacing: str, dims: tuple[int, int]) -> None:
    show_code(
        "manifold",
        program(
            "manifold",
            CHECKPOINT=place_of(opened),
            SIDE=side,
            DIMS=dims,
            BASE=current_z(opened),
            SPACING=spacing,
            EXTENT=extent,
        ),
    )


def show_grid(grid: Grid) -> None:
    side = len(grid.steps)
    first, second = grid.names
    image_grid(
        grid.images,
        key="manifold",
        testid="manifold",
        alt=f"{side} by {side} images decoded over {first} and {second}",
        captions=[
            f"{first} = {decimal(a)}, {second} = {decimal(b)}"
            for a, b in grid.steps.reshape(-1, 2).tolist()
        ],
        axes=(
            Axis(first, grid.steps[0, :, 0].tolist()),
            Axis(second, grid.steps[:, 0, 1].tolist()),
        ),
        gap=grid_gap(model.image_shape),
        selectable=True,
        selected=tile_of(grid.at, grid.steps.reshape(-1, 2)),
        max_height=640,
        on_select=lambda tile: set_z(grid.z_of(tile)),
    )


def download(grid: Grid) -> None:
    side, (_, height, width) = len(grid.steps), model.image_shape
    st.download_button(
        f"PNG, {side * width} × {side * height} pixels",
        lambda: png(grid.images),
        file_name(f"{opened.config.get('dataset')}-manifold-{side}x{side}.png"),
        "image/png",
        icon=":material/download:",
        on_click="ignore",
    )


def about_spacing(spacing: str) -> str:
    """What the grid's steps are, and what that means for this model."""
    if spacing == "linear":
        corners = "tiles near the corners are rare under the prior"
        where = "nearly all means μ lie within" if far else corners
        if along_axes:
            return "Equal steps along two main axes (PCA) of μ, as far as the means lie."
        return f"Linear: equal steps of z from −{extent} to {extent}; {where}."
    about = (
        "Inverse CDF: z = Φ⁻¹(u) at equal steps of u, so each tile stands for the same share of "
        "the prior N(0, I)."
    )
    return f"{about} Many means μ of this model lie farther out." if far else about


def tile_of(at: tuple[float, float], steps: Tensor) -> int | None:
    """The tile nearest to z; None where z lies outside the grid."""
    place = steps.new_tensor(at)
    inside = bool(((place >= steps.amin(0)) & (place <= steps.amax(0))).all())
    return int(nearest(steps, place)) if inside else None


def show_plane(z: tuple[float, ...], view: Plane) -> None:
    """Where the tile under the pointer lies among the data, and its image, large."""
    names = [] if along_axes else names_of_dims(range(model.latent_dim))
    latent_plane(
        opened.id,
        key=f"manifold-plane-{opened.id}",
        z=z,
        plane=view,
        points=plane_points(opened, view),
        in_step=InStep(sliders=names, grid="manifold"),
        height=320,
        on_change=keep_z,
    )
    share = percent(prior_percentile(z))
    st.caption(
        f"‖z‖ = {math.hypot(*z):.2f}, farther out than {share} of the prior. "
        "Click a tile, or drag on the plane, to bring its z here and to every other page."
    )


if model.latent_dim < 2:
    refuse_model(
        opened,
        f"{plain(opened.id)} has a single latent dimension: its manifold is a line, not a plane. "
        "Interpolate shows the images along it.",
    )
    explain("manifold")
else:
    explore()
