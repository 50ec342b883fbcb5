"""What Density shows of a model: densities of its codes, and where its prior has none of them.

Each is found once for all visitors, and anew only when what it depends on has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from live.models import OpenModel
from ui.components.latent_plane import Plane
from ui.frame.work import Report
from ui.view.stored import HASHES, latents_of
from vae_core.errors import DataError
from vae_core.latent.aggregate_posterior import AggregatePosterior
from vae_core.latent.latents import reach
from vae_core.latent.samplers import (
    CODES_A_DIMENSION,
    Mixture,
    Sampler,
    aggregate_draws,
    fit_mixture,
    parted,
)
from vae_core.measures.codes.aggregate_density import (
    Extent,
    KernelDensity,
    PriorHoles,
    density_map,
    fit_kernel_density,
    held_out_density,
    log_ratio,
    mixture_of,
    on_plane,
    prior_holes,
)

PRIOR, KERNEL, MIXTURE, AGGREGATE = "prior", "kernel density", "mixture", "q(z)"
DRAWS = 2_000  # of the prior, and of q(z), that holes and the KL are found by
COVERAGE = 0.95
SIDE = 64  # cells of a map
LEAST_HALF = 3.6  # of a map or a line, in standard deviations of the prior

_kept = partial(st.cache_resource, show_spinner=False, max_entries=16, hash_funcs=HASHES)


@dataclass(frozen=True, eq=False)
class Fits:
    """densities: name -> what is drawn from; components: of the mixture; codes: of images that none
    was fitted to; held_out: their mean log density, with its standard error; note: what could not
    be fitted as asked, and why."""

    densities: dict[str, Sampler]
    components: int = 0
    codes: Tensor | None = None
    held_out: dict[str, tuple[float, float]] = field(default_factory=dict)
    note: str = ""

    @property
    def best(self) -> str:
        """Which of the estimates is nearest to q(z)."""
        estimates = [name for name in (KERNEL, MIXTURE) if name in self.held_out]
        return max(estimates, key=lambda name: self.held_out[name][0])


@dataclass(frozen=True, eq=False)
class Found:
    """z (DRAWS, d) of the prior, and which of them are in holes; bounds of KL(q(z) || p(z)).

    missed: which of the codes lie outside the region that holds a share COVERAGE of the prior.
    """

    z: Tensor
    holes: PriorHoles
    missed: PriorHoles
    least: tuple[float, float]
    most: tuple[float, float] | None


def fits_of(opened: OpenModel, components: int, report: Report) -> Fits:
    """The prior and, where there are codes enough, the estimates of q(z); reports (share, what)."""
    densities: dict[str, Sampler] = {PRIOR: _prior(opened)}
    if opened.latents is None:
        return Fits(densities)
    z, codes = _codes(opened)
    if opened.model.is_variational:
        densities[AGGREGATE] = _aggregate(opened)
    each = CODES_A_DIMENSION * opened.model.latent_dim
    most = len(z) // each
    if not most:
        return Fits(
            densities,
            note=f"{len(z):,} codes are too few to fit a density of {opened.model.latent_dim} "
            f"dimensions to: it would take {each:,}.",
        )
    note, k = "", min(components, most)
    report(0.0, "Fitting a kernel density")
    try:
        densities[KERNEL] = _kernel(opened)
    except DataError as error:
        note = str(error)
    if components > most:
        note = f"The mixture has K = {most}: each of its Gaussians wants {each:,} codes."
    report(0.2, f"Fitting a mixture of {k}")
    densities[MIXTURE] = _mixture(opened, k)
    report(0.6, "Asking them about other images")
    held_out = {
        name: _held_out(opened, name, k, fit)
        for name, fit in densities.items()
        if name != AGGREGATE
    }
    return Fits(densities, k, codes, held_out, note)


@_kept()
def _prior(opened: OpenModel) -> Mixture:
    with torch.no_grad():
        return mixture_of(opened.model.prior())


@_kept()
def _codes(opened: OpenModel) -> tuple[Tensor, Tensor]:
    """Those to fit to, and those to judge the fits by."""
    return parted(aggregate_draws(latents_of(opened)))


@_kept()
def _aggregate(opened: OpenModel) -> AggregatePosterior:
    return AggregatePosterior(latents_of(opened))


@_kept()
def _kernel(opened: OpenModel) -> KernelDensity:
    return fit_kernel_density(_codes(opened)[0])


@_kept()
def _mixture(opened: OpenModel, components: int) -> Mixture:
    return fit_mixture(_codes(opened)[0], components)


@_kept(max_entries=64)
def _held_out(opened: OpenModel, name: str, components: int, _fit: Sampler) -> tuple[float, float]:
    return held_out_density(_fit, _codes(opened)[1])


def found_of(opened: OpenModel, fits: Fits, seed: int, report: Report) -> Found | None:
    """Where the prior has mass and the codes have none; None where no density was fitted."""
    if fits.codes is None:
        return None
    report(0.8, "Looking for holes")
    found: Found = _found(opened, fits.components, seed, fits)
    return found


@_kept()
def _found(opened: OpenModel, components: int, seed: int, _fits: Fits) -> Found:
    prior, q, codes = _fits.densities[PRIOR], _fits.densities[_fits.best], _fits.codes
    assert codes is not None
    z = prior.sample(DRAWS, seed)
    most = None
    if AGGREGATE in _fits.densities:
        every = _fits.densities[AGGREGATE]
        most = log_ratio(every, prior, every.sample(DRAWS, seed))
    return Found(
        z,
        prior_holes(q, z, codes, coverage=COVERAGE),
        prior_holes(prior, codes, z, coverage=COVERAGE),
        log_ratio(q, prior, codes),
        most,
    )


def map_of(
    opened: OpenModel, plane: Plane, name: str, fits: Fits, report: Report
) -> tuple[np.ndarray, Extent]:
    """The density of `name` on the plane, 1 at its highest, the topmost row first."""
    report(0.9, "Drawing the map")
    drawn: tuple[np.ndarray, Extent] = _map(
        opened, plane, name, fits.components, fits.densities[name]
    )
    return drawn


@_kept(max_entries=64)
def _map(
    opened: OpenModel, plane: Plane, name: str, components: int, _density: Sampler
) -> tuple[np.ndarray, Extent]:
    axes, origin = torch.tensor(plane.axes), torch.tensor(plane.origin)
    half = LEAST_HALF
    if opened.latents is not None:
        seen = plane.project(opened.latents.mu.numpy())
        half = max(half, 1.15 * reach(seen.reshape(-1, 1), 0.998))
    if isinstance(_density, Mixture):
        _density = on_plane(_density, axes, origin)
    elif isinstance(_density, KernelDensity):
        _density = _density.on_plane(axes, origin)
    values, extent = density_map(_density, half, SIDE)
    return (values / values.max()).numpy(), extent
