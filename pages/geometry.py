"""Geometry: latent space measured by the images that it decodes to."""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
import torch

from live.models import OpenModel
from ui.components.address import show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import Heat, Metric, Overlay, Plane, Trail, latent_plane
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_decoder
from ui.frame.session import current_model
from ui.frame.work import working
from ui.numbers import digits
from ui.palette import AMBER, GREY, SKY, VIOLET
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.ends import end_of_row, ends, set_end, way_texts
from ui.view.planes import default_plane, keep_z
from ui.view.point import current_z, z_text
from ui.view.stored import HASHES
from ui.widgets import clicked, set_widget
from vae_core.latent.decoded import decoded
from vae_core.latent.effort import MOST_PIXELS, Effort, effort
from vae_core.latent.geometry import (
    Magnification,
    geodesic,
    image_lengths,
    magnification_map,
    principal_directions,
)
from vae_core.latent.paths import interpolate, step_lengths

if TYPE_CHECKING:
    from torch import Tensor

HALF = 4.8  # how far the map reaches: 1.5 times the view
SECONDS = 60  # that all may take of a core, about: more is begun on purpose
STEPS = 24  # places on a way
FILM = 12  # of them that are shown
DRAWN = 0.3  # how long the usual larger stretch is drawn, in units of the plane
COLOURS = {"straight": GREY, "spherical": "#CC79A7", "geodesic": SKY}

opened = current_model()
if lacking := no_decoder(opened):
    refuse_model(
        opened, f"{lacking} Without one no distance in latent space can be measured by images."
    )
    explain("geometry")
    st.stop()
model = opened.model


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=HASHES)
def effort_of(opened: OpenModel) -> Effort:
    return effort(opened.model, STEPS, SECONDS)


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def magnification_of(opened: OpenModel, plane: Plane) -> Magnification:
    axes = torch.tensor(plane.axes, dtype=torch.float32)
    side = effort_of(opened).side
    return magnification_map(opened.model, torch.tensor(plane.origin), axes, HALF, side)


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=HASHES)
def ways_of(
    opened: OpenModel, a: tuple[float, ...], b: tuple[float, ...]
) -> dict[str, tuple[Tensor, float, float]]:
    """Each way from a to b: its places (STEPS, d), its length in image and in latent space."""
    z_a, z_b = torch.tensor(a), torch.tensor(b)
    paths = {
        "straight": interpolate(z_a, z_b, STEPS),
        "spherical": interpolate(z_a, z_b, STEPS, "spherical"),
    }
    measured = effort_of(opened)
    if measured.geodesic:
        paths["geodesic"] = geodesic(opened.model, z_a, z_b, STEPS)
    return {
        name: (
            path,
            float(image_lengths(opened.model, path, measured.places).sum()),
            float(step_lengths(path).sum()),
        )
        for name, path in paths.items()
    }


def to_row(side: str) -> None:
    set_end(side, end_of_row(opened, st.session_state[f"row-{side}"]))


def random_pair(n: int) -> None:
    for side in "ab":
        set_end(side, end_of_row(opened, secrets.randbelow(n)))


@st.fragment
def explore() -> None:
    a, b = ends(opened)
    if opened.latents is not None:
        n = len(opened.latents)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for side, end in zip("ab", (a, b), strict=True):
                if end.row is not None:
                    set_widget(f"row-{side}", end.row)
                st.number_input(
                    f"Test image {side.upper()}",
                    0,
                    n - 1,
                    key=f"row-{side}",
                    on_change=to_row,
                    args=(side,),
                    width=140,
                )
            st.button("Random pair", icon=":material/casino:", on_click=random_pair, args=(n,))
    plane = default_plane(opened)
    takes, asked = effort_of(opened), (opened.id, plane, a.z, b.z)
    if takes.seconds > SECONDS and st.session_state.get("measured") != asked:
        st.info(
            f"An image takes this decoder {takes.an_image:.2g} seconds, and map and ways take "
            f"many: about {math.ceil(takes.seconds / 60)} minutes in all. Any click elsewhere on "
            "the page ends it."
        )
        show_in_address("geometry", z=z_text(current_z(opened)), **way_texts(opened))
        if not clicked("Measure", type="primary", icon=":material/play_arrow:"):
            explain("geometry")
            return
        st.session_state["measured"] = asked
    with working("Differentiating the decoder") as report:
        found = magnification_of(opened, plane)
        report(0.5, "Looking for the shortest way")
        ways = ways_of(opened, a.z, b.z)
    show_plane(plane, found, ways)
    show_ways(ways)
    show_in_address("geometry", z=z_text(current_z(opened)), **way_texts(opened))
    explain("geometry")
    show_code(
        "geometry", program("geometry", CHECKPOINT=place_of(opened), A=a.z, B=b.z, STEPS=STEPS)
    )


def show_plane(
    plane: Plane, found: Magnification, ways: dict[str, tuple[Tensor, float, float]]
) -> None:
    """The magnification under the pointer's principal directions and the ways."""
    shades, (low, high) = found.shades()
    stretches, _ = principal_directions(found.metric)
    latent_plane(
        opened.id,
        key=f"geometry-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        overlay=Overlay(
            Heat(0.9 * shades.numpy(), found.extent, VIOLET, "Magnification"),
            metric=Metric(
                found.metric.numpy(),
                found.extent,
                DRAWN / max(float(stretches[..., 0].median()), 1e-12),
                AMBER,
            ),
            trails=[
                Trail(ways[name][0].numpy(), colour)
                for name, colour in COLOURS.items()
                if name in ways
            ],
        ),
        height=430,
        on_change=keep_z,
    )
    st.caption(
        "Violet: how much larger an area is in image space, √det G, from "
        f"{digits(low)} to {digits(high)} (2nd and 98th percentile). "
        "Cross: the two principal directions at the pointer, as long as the image changes along "
        "them. Ways from A to B: the geodesic (blue), the straight one (grey) and the spherical "
        "one (pink)."
    )
    takes = effort_of(opened)
    if math.prod(model.image_shape) > MOST_PIXELS:
        st.caption(
            f"The map has fewer cells, and the geodesic is left out: images of more than "
            f"{MOST_PIXELS:,} numbers take minutes."
        )
    elif not takes.geodesic:
        st.caption(
            f"The map has {takes.side} cells a side, and the geodesic is left out: an image takes "
            f"{takes.an_image:.2g} seconds, and looking for it takes many thousand."
        )
    if 0 < found.error < math.inf:  # infinite where no image changes
        st.caption(
            "The derivatives are central differences of the decoder's images, since torch cannot "
            f"differentiate it; they are wrong by about {100 * found.error:.1g} %."
        )
    if model.latent_dim > 2:
        st.caption(
            "The plane lies along the two main axes of μ (PCA), and so does G; the ways lead "
            f"through all {model.latent_dim} dimensions and are seen projected."
        )


def show_ways(ways: dict[str, tuple[Tensor, float, float]]) -> None:
    st.header("Three ways from A to B" if len(ways) > 2 else "Ways from A to B")
    kept = np.linspace(0, STEPS - 1, FILM).round().astype(int)
    longest = max(length for _, length, _ in ways.values())
    for name, (path, length, latent) in ways.items():
        with st.container(horizontal=True, vertical_alignment="center", key=f"way-{name}"):
            with st.container(width=250):
                st.markdown(f"**{name}** {length:.2f} · in z {latent:.2f}")
                st.html(
                    f"<div style='height:0.3rem;border-radius:2px;background:{COLOURS[name]};"
                    f"width:{100 * length / max(longest, 1e-9):.1f}%'></div>"
                )
            with st.container(width=640, key=f"wide-{name}"):
                image_grid(
                    decoded(model, path[kept])[None],
                    key=f"film-{name}",
                    testid=f"film-{name}",
                    alt=f"Images on the {name} way",
                    max_tile=96,
                )
    st.caption(
        "Lengths in image space: sums of the Euclidean distance between mean images, pixels in "
        f"[0, 1], over {STEPS - 1} steps of {effort_of(opened).places} parts each. Beside them the "
        "lengths in latent space."
    )


if model.latent_dim < 2:
    refuse_model(
        opened,
        f"{plain(opened.id)} has a single latent dimension: every way from one z to another is the "
        "same line, and there is no plane to measure.",
    )
    explain("geometry")
else:
    explore()
