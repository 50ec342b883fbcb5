"""Density: where the data lie in latent space, and where the prior has mass and they do not."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.curves import Line, Panel, curves
from ui.components.latent_plane import Heat, Overlay, Plane, PlanePoints, latent_plane
from ui.components.latent_plane.means import class_names
from ui.figures.densities import (
    AGGREGATE,
    COVERAGE,
    DRAWS,
    KERNEL,
    LEAST_HALF,
    MIXTURE,
    PRIOR,
    Fits,
    Found,
    fits_of,
    found_of,
    map_of,
)
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_codes
from ui.frame.session import current_model
from ui.frame.work import working
from ui.images.pictures import image_row
from ui.numbers import decimal, nats
from ui.palette import AMBER, GREY, SYMBOL_COLOURS, VIOLET
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.dims import choose_dims
from ui.view.planes import default_plane, dims_plane, keep_z
from ui.view.point import current_z, z_text
from ui.view.samplers import prior_name
from ui.view.seed import offer_new, seed_in_view
from vae_core.latent.decoded import decoded
from vae_core.latent.latents import reach
from vae_core.measures.codes.aggregate_density import Extent, density_line

ORDER = PRIOR, KERNEL, MIXTURE, AGGREGATE
PCA, DIMS = "PCA", "two dimensions"
LOST = 0.5  # of the codes outside the prior: its draws are no sample of the data then
DOTS = 200  # of the prior's draws on the plane: more would hide the heat map
SHOWN = 12  # images a row
LINE_POINTS = 400
COLOURS = {
    PRIOR: GREY,
    KERNEL: VIOLET,
    MIXTURE: AMBER,
    AGGREGATE: SYMBOL_COLOURS["mu"],
}
MAX_COMPONENTS = 100
MAX_DIMS = 512

opened = current_model()
model = opened.model
d = model.latent_dim


def choose_plane() -> Plane:
    """The plane of a model with two dimensions, else the one chosen."""
    if d <= 2 or opened.latents is None:
        return default_plane(opened)
    view = choice_from_link("view", (PCA, DIMS), PCA)
    st.segmented_control("Plane", (PCA, DIMS), required=True, key="view", persist_state="session")
    dims = choose_dims(opened, shown=view == DIMS)
    return default_plane(opened) if view == PCA else dims_plane(opened, dims)


def plane_in_words() -> dict[str, str | None]:
    """The plane chosen, as the address says it."""
    if d <= 2 or opened.latents is None:
        return {}
    view = st.session_state["view"]
    return {"view": view, **{k: st.session_state[k] if view == DIMS else None for k in "xy"}}


@st.fragment
def explore() -> None:
    controls = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    components = number_from_link("components", 1, MAX_COMPONENTS, 10)
    with working("Fitting a kernel density") as report:
        fits = fits_of(opened, components, report)
        with controls:
            name, plane = choose_map(fits)
            offer_new("draws")
        seed = seed_in_view()
        if fits.note:
            st.info(fits.note)
        found = found_of(opened, fits, seed, report)
        heat = map_of(opened, plane, name, fits, report) if d > 1 else None
    if heat is None:
        show_line(fits)
    else:
        show_plane(plane, name, *heat, found)
    if found is not None:
        show_holes(found, fits)
    show_samples(fits, found, seed)
    show_in_address(
        "density",
        z=z_text(current_z(opened)),
        density=name if d > 1 else None,
        components=components,
        seed=seed,
        **plane_in_words(),
    )
    explain("density")
    show_code_of(fits, seed)


def choose_map(fits: Fits) -> tuple[str, Plane]:
    """The controls: which density is drawn on which plane, and how many Gaussians are mixed."""
    shown = [n for n in ORDER if n in fits.densities and (n != AGGREGATE or d <= 2)]
    name = choice_from_link("density", shown, shown[min(1, len(shown) - 1)])
    if d > 1:
        st.segmented_control(
            "Heat map", shown, required=True, key="density", persist_state="session", wrap=True
        )
    if opened.latents is not None:
        st.number_input(
            "Gaussians K", 1, MAX_COMPONENTS, key="components", persist_state="session", width=140
        )
    return name, choose_plane()


def show_code_of(fits: Fits, seed: int) -> None:
    if not {KERNEL, MIXTURE} <= fits.densities.keys():
        return
    show_code(
        "density",
        program(
            "density",
            CHECKPOINT=place_of(opened),
            COMPONENTS=fits.components,
            BEST=fits.best,
            DRAWS=DRAWS,
            SEED=seed,
            COVERAGE=COVERAGE,
        ),
    )


def show_plane(
    plane: Plane, name: str, values: np.ndarray, extent: Extent, found: Found | None
) -> None:
    points = None
    if found is not None:
        points = PlanePoints(
            plane.project(found.z[:DOTS].numpy()),
            category=found.holes.outside[:DOTS].numpy().astype(np.uint8),
            names=("prior, where data are", "prior, no data"),
            images=False,
            classes=class_names(opened),
        )
    latent_plane(
        opened.id,
        key=f"density-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        points=points,
        overlay=Overlay(Heat(0.9 * values, extent, VIOLET, name)),
        layers=(),
        look=(0.0, 0.0, round(extent[1], 2)),
        height=430,
        on_change=keep_z,
    )
    where = "" if d == 2 else f", all {d} dimensions projected on the plane"
    dots = "" if found is None else f" Points: {DOTS:,} of {DRAWS:,} draws of the prior."
    st.caption(f"Heat map: {name}{where}.{dots} The pointer decodes any z.")


def show_line(fits: Fits) -> None:
    half = LEAST_HALF
    if opened.latents is not None:
        half = max(half, 1.1 * reach(opened.latents.mu))
    lines = []
    for name, density in fits.densities.items():
        z, values = density_line(density, half, LINE_POINTS)
        lines.append(Line(name, z.tolist(), values.tolist(), COLOURS[name]))
    curves(
        [Panel("Densities over the one latent dimension", lines, " ")],
        key="density-line",
        testid="density-line",
        alt="The prior and the densities of the codes.",
        x_range=(-half, half),
        x_name="z",
        unit="",
        height=280,
    )


def show_holes(found: Found, fits: Fits) -> None:
    holes, missed, least, most = found.holes, found.missed, found.least, found.most
    low = decimal(least[0])
    bounds = f"≥ {low}" if most is None else f"{low} to {decimal(most[0])}"
    if missed.share - 2 * missed.standard_error > LOST:
        st.warning(
            f"The prior covers a corner of the codes: {missed.share:.0%} "
            f"of them lie outside the region that holds {missed.coverage:.0%} of it, and the KL "
            f"is at least {low} nats. Few draws fall where no data are for this reason alone: they "
            "ask for the same few kinds of image over and over, and hardly ever for the rest."
        )
    with st.container(horizontal=True):
        st.metric("Prior draws without data", f"{holes.share:.1%}", border=True, width="content")
        st.metric("Codes outside the prior", f"{missed.share:.1%}", border=True, width="content")
        st.metric("KL(q(z) ‖ p(z)), nats", bounds, border=True, width="content")
    st.caption(
        f"The share's standard error is {holes.standard_error:.1%}. Without data: the {fits.best} "
        f"is lower there than at {holes.coverage:.0%} of the codes of images that it has not seen; "
        f"were the prior q(z), it would be {1 - holes.coverage:.0%}. So would the share of the "
        f"codes outside the prior: outside the region of highest density that holds "
        f"{missed.coverage:.0%} of it. The KL over all images there could be lies "
        + (
            "above that of the estimate, at unseen codes: codes are points here, without a σ."
            if most is None
            else "between that of the estimate, at unseen codes, and that of the test images' own "
            "q(z)."
        )
    )


def show_samples(fits: Fits, found: Found | None, seed: int) -> None:
    st.header("Draws, decoded")
    rows = {
        (prior_name(opened) if name == PRIOR else name): (
            fits.densities[name].sample(SHOWN, seed),
            name,
        )
        for name in ORDER
        if name in fits.densities
    }
    if found is not None:
        emptiest = found.holes.emptiest(SHOWN)
        if len(emptiest):
            rows["prior, farthest from data"] = found.z[emptiest], ""
    for k, (label, (codes, name)) in enumerate(rows.items()):
        density = ""
        if name in fits.held_out:
            mean, error = fits.held_out[name]
            density = f"  \n{nats(mean, error)}"
        image_row(
            f"**{label}**{density}",
            decoded(model, codes),
            key=f"drawn-images-{k}",
            testid="drawn-images",
            alt=f"Images decoded from draws: {label}",
            max_tile=96,
        )
    if fits.codes is not None:
        st.caption(
            f"In nats: the mean log density of the codes of {len(fits.codes):,} test images kept "
            "out of the fit, the higher the nearer to q(z)."
        )


if d > MAX_DIMS:
    refuse_model(
        opened,
        f"{d:,} latent dimensions are too many for a density: {MAX_DIMS} at most are fitted.",
    )
    explain("density")
    st.stop()
if opened.latents is None:
    refuse_model(
        opened,
        no_codes(opened)
        or f"{plain(opened.id)} has no stored latents: there is nothing to set beside the prior.",
    )
explore()
