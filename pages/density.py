"""Density: where the data lie in latent space, and where the prior has mass and they do not."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
import torch

from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.curves import Line, Panel, curves
from ui.components.latent_plane import Heat, Plane, PlanePoints, latent_plane
from ui.density_explained import DENSITY
from ui.explain import explain, show_code
from ui.images import image_row
from ui.kinds import NO_MEANS
from ui.palette import AMBER, GREY, SYMBOL_COLOURS, VIOLET
from ui.samplers import prior_name
from ui.session import current_model, current_z, z_text
from ui.snippets import DENSITY as PROGRAM
from ui.snippets import place_of
from ui.text import decimal
from ui.views import HASHES, choose_dims, default_plane, dims_plane, keep_z
from vae_core.aggregate_density import (
    AggregatePosterior,
    Extent,
    KernelDensity,
    PriorHoles,
    density_map,
    fit_kernel_density,
    log_ratio,
    mixture_of,
    on_plane,
    prior_holes,
)
from vae_core.errors import DataError
from vae_core.models import decoded
from vae_core.samplers import (
    Mixture,
    Sampler,
    aggregate_draws,
    fit_mixture,
    held_out_density,
    parted,
)

PRIOR, KERNEL, MIXTURE, AGGREGATE = "prior", "kernel density", "mixture", "q(z)"
ORDER = PRIOR, KERNEL, MIXTURE, AGGREGATE
PCA, DIMS = "PCA", "two dimensions"
DRAWS = 2_000  # of the prior, and of q(z), that holes and the KL are found by
CODES_A_DIMENSION = 4  # that a Gaussian of full covariance is fitted to at least
DOTS = 500  # of the prior's draws on the plane
SIDE = 64  # cells of a map
SHOWN = 12  # images a row
COVERAGE = 0.95
COLOURS = {
    PRIOR: GREY,
    KERNEL: VIOLET,
    MIXTURE: AMBER,
    AGGREGATE: SYMBOL_COLOURS["mu"],
}
MAX_COMPONENTS, MAX_SEED = 100, 999_999_999

opened = current_model()
model = opened.model
d = model.latent_dim


@dataclass(frozen=True, eq=False)
class Fits:
    """densities: name -> what is drawn from; components: of the mixture; codes: of images that none
    was fitted to; held_out: their mean log density, with its standard error; note: what could not
    be fitted as asked, and why."""

    densities: dict[str, Sampler]
    components: int = 0
    codes: torch.Tensor | None = None
    held_out: dict[str, tuple[float, float]] = field(default_factory=dict)
    note: str = ""

    @property
    def best(self) -> str:
        """Which of the estimates is nearest to q(z)."""
        estimates = [name for name in (KERNEL, MIXTURE) if name in self.held_out]
        return max(estimates, key=lambda name: self.held_out[name][0])


@dataclass(frozen=True, eq=False)
class Found:
    """z (DRAWS, d) of the prior, and which of them are in holes; bounds of KL(q(z) || p(z))."""

    z: torch.Tensor
    holes: PriorHoles
    least: tuple[float, float]
    most: tuple[float, float] | None


@st.cache_resource(show_spinner="Fitting to the encoded images…", max_entries=16, hash_funcs=HASHES)
def fits_of(opened: OpenModel, components: int) -> Fits:
    with torch.no_grad():
        densities: dict[str, Sampler] = {PRIOR: mixture_of(opened.model.prior())}
    if opened.latents is None:
        return Fits(densities)
    z, codes = parted(aggregate_draws(opened.latents))
    if opened.model.is_variational:
        densities[AGGREGATE] = AggregatePosterior(opened.latents)
    each = CODES_A_DIMENSION * opened.model.latent_dim
    most = len(z) // each
    if not most:
        return Fits(
            densities,
            note=f"{len(z):,} codes are too few to fit a density of {d} dimensions to: it would "
            f"take {each:,}.",
        )
    note = ""
    try:
        densities[KERNEL] = fit_kernel_density(z)
    except DataError as error:
        note = str(error)
    if components > most:
        note = f"The mixture has K = {most}: each of its Gaussians wants {each:,} codes."
    densities[MIXTURE] = fit_mixture(z, min(components, most))
    held_out = {
        name: held_out_density(fit, codes) for name, fit in densities.items() if name != AGGREGATE
    }
    return Fits(densities, min(components, most), codes, held_out, note)


@st.cache_resource(show_spinner="Looking for holes…", max_entries=16, hash_funcs=HASHES)
def found_of(opened: OpenModel, components: int, seed: int) -> Found | None:
    fits = fits_of(opened, components)
    if fits.codes is None:
        return None
    prior, q = fits.densities[PRIOR], fits.densities[fits.best]
    z = prior.sample(DRAWS, seed)
    most = None
    if AGGREGATE in fits.densities:
        every = fits.densities[AGGREGATE]
        most = log_ratio(every, prior, every.sample(DRAWS, seed))
    return Found(
        z,
        prior_holes(q, z, fits.codes, coverage=COVERAGE),
        log_ratio(q, prior, fits.codes),
        most,
    )


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def map_of(
    opened: OpenModel, plane: Plane, name: str, components: int
) -> tuple[np.ndarray, Extent]:
    """The density of `name` on the plane, 1 at its highest, the topmost row first."""
    fits = fits_of(opened, components)
    density, axes, origin = (
        fits.densities[name],
        torch.tensor(plane.axes),
        torch.tensor(plane.origin),
    )
    half = 3.6
    if opened.latents is not None:
        seen = np.abs(plane.project(opened.latents.mu.numpy()))
        half = max(half, float(np.quantile(seen, 0.998)) * 1.15)
    if isinstance(density, Mixture):
        density = on_plane(density, axes, origin)
    elif isinstance(density, KernelDensity):
        density = density.on_plane(axes, origin)
    values, extent = density_map(density, half, SIDE)
    return (values / values.max()).numpy(), extent


def choose_plane() -> Plane:
    """The plane of a model with two dimensions, else the one chosen."""
    if d <= 2 or opened.latents is None:
        return default_plane(opened)
    view = choice_from_link("view", (PCA, DIMS), PCA)
    st.segmented_control("Plane", (PCA, DIMS), required=True, key="view", persist_state="session")
    dims = choose_dims(opened, shown=view == DIMS)
    return default_plane(opened) if view == PCA else dims_plane(opened, dims)


@st.fragment
def explore() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        components = number_from_link("components", 1, MAX_COMPONENTS, 10)
        fits = fits_of(opened, components)
        shown = [n for n in ORDER if n in fits.densities and (n != AGGREGATE or d <= 2)]
        name = choice_from_link("density", shown, shown[min(1, len(shown) - 1)])
        if d > 1:
            st.segmented_control(
                "Density", shown, required=True, key="density", persist_state="session"
            )
        if opened.latents is not None:
            st.number_input(
                "Gaussians K",
                1,
                MAX_COMPONENTS,
                key="components",
                persist_state="session",
                width=140,
            )
        plane = choose_plane()
        if st.button("New draws", icon=":material/casino:"):
            st.session_state["seed"] = secrets.randbelow(100_000)
    seed = number_from_link("seed", 0, MAX_SEED, default=0)
    if fits.note:
        st.info(fits.note)
    found = found_of(opened, components, seed)
    if d == 1:
        show_line(fits)
    else:
        show_plane(plane, name, components, found)
    if found is not None:
        show_holes(found, fits)
    show_samples(fits, found, seed)
    show_in_address(
        "density",
        z=z_text(current_z(opened)),
        density=name if d > 1 else None,
        components=components,
        seed=seed,
    )
    if KERNEL in fits.densities and MIXTURE in fits.densities:
        show_code(
            PROGRAM.format(
                checkpoint=place_of(opened),
                components=fits.components,
                best=fits.best,
                draws=DRAWS,
                seed=seed,
                coverage=COVERAGE,
            )
        )
    explain(DENSITY)


def show_plane(plane: Plane, name: str, components: int, found: Found | None) -> None:
    values, extent = map_of(opened, plane, name, components)
    points = None
    if found is not None:
        points = PlanePoints(
            plane.project(found.z[:DOTS].numpy()),
            category=found.holes.outside[:DOTS].numpy().astype(np.uint8),
            names=("prior, where data are", "prior, no data"),
            images=False,
        )
    latent_plane(
        opened.id,
        key=f"density-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        points=points,
        heat=Heat(0.9 * values, extent, VIOLET, name),
        layers=(),
        look=(0.0, 0.0, round(extent[1], 2)),
        height=430,
        on_change=keep_z,
    )
    where = "" if d == 2 else f", all {d} dimensions projected on the plane"
    dots = "" if found is None else f" Points: {DOTS:,} of {DRAWS:,} draws of the prior."
    st.caption(f"Heat map: {name}{where}.{dots} The pointer decodes any z.")


def show_line(fits: Fits) -> None:
    half = 3.6 if opened.latents is None else max(3.6, 1.1 * float(opened.latents.mu.abs().max()))
    z = torch.linspace(-half, half, 400)
    lines = [
        Line(name, z.tolist(), density.log_prob(z[:, None]).exp().tolist(), COLOURS[name])
        for name, density in fits.densities.items()
    ]
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
    holes, least, most = found.holes, found.least, found.most
    low = decimal(least[0])
    bounds = f"≥ {low}" if most is None else f"{low} to {decimal(most[0])}"
    with st.container(horizontal=True):
        st.metric("Prior draws without data", f"{holes.share:.1%}", border=True, width="content")
        st.metric("KL(q(z) ‖ p(z)), nats", bounds, border=True, width="content")
    st.caption(
        f"± {holes.standard_error:.1%}. Without data: the {fits.best} is lower there than at "
        f"{holes.coverage:.0%} of the codes of images that it has not seen; were the prior q(z), "
        f"it would be {1 - holes.coverage:.0%}. The KL over all images there could be lies "
        + (
            "above that of the estimate, at unseen codes: codes are points here, without a σ."
            if most is None
            else "between that of the estimate, at unseen codes, and that of the test images' own "
            "q(z)."
        )
    )


def show_samples(fits: Fits, found: Found | None, seed: int) -> None:
    st.subheader("Draws, decoded")
    rows = {
        (prior_name(opened) if name == PRIOR else name): (
            fits.densities[name].sample(SHOWN, seed),
            name,
        )
        for name in ORDER
        if name in fits.densities
    }
    if found is not None:
        emptiest = found.holes.log_q.argsort()[: min(SHOWN, int(found.holes.outside.sum()))]
        if len(emptiest):
            rows["prior, farthest from data"] = found.z[emptiest], ""
    for k, (label, (codes, name)) in enumerate(rows.items()):
        density = ""
        if name in fits.held_out:
            mean, error = fits.held_out[name]
            density = f"  \n{decimal(mean)} ± {error:.2f} nats"
        image_row(
            f"**{label}**{density}",
            decoded(model, codes),
            key=f"drawn-images-{k}",
            testid="drawn-images",
            alt=f"Images decoded from draws: {label}",
            max_tile=54,
        )
    if fits.codes is not None:
        st.caption(
            f"In nats: the mean log density of the codes of {len(fits.codes):,} test images kept "
            "out of the fit, the higher the nearer to q(z)."
        )


if opened.latents is None:
    st.info(
        NO_MEANS
        if not model.has_encoder
        else f"{opened.id} has no stored latents, so there is nothing to set beside the prior."
    )
explore()
