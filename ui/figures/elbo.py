"""The panels of the page ELBO gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ui.components.curves import Line, Panel
from ui.components.latent_plane.points import dimension_name
from ui.numbers import decimal
from ui.palette import AMBER, BROWN, GREY, SKY, SYMBOL_COLOURS, VIOLET
from vae_core.measures.likelihood.estimates import (
    importance_bounds,
    minibatch_estimates,
    running_mean,
)
from vae_core.measures.shares import margin

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.measures.likelihood.gradient_variance import GradientDraws
    from vae_core.measures.likelihood.posterior_gap import DiagonalGaussian, Gap
    from vae_core.measures.likelihood.quadrature import Cells

FIRST_SHOWN = 10  # of a running figure: those before would flatten the rest
LINE_POINTS = 160


def density_panel(cells: Cells, q: DiagonalGaussian, best: DiagonalGaussian) -> Panel:
    """The posterior, the encoder's q and q* over the one latent dimension."""
    z, order = cells.centres[:, 0].sort()
    exact = cells.log_density[order].exp()
    lines = [Line("p(z|x)", z.tolist(), exact.tolist(), SYMBOL_COLOURS["z"])]
    for name, gaussian, colour, dashed in (
        ("q", q, SYMBOL_COLOURS["sigma"], False),
        ("q*", best, AMBER, True),
    ):
        density = torch.distributions.Normal(gaussian.mu, gaussian.sigma).log_prob(z).exp()
        lines.append(Line(name, z.tolist(), density.tolist(), colour, dashed))
    return Panel("Exact posterior and Gaussians", lines)


def elbo_panel(log_px_z: Tensor, gap: Gap) -> Panel:
    """The ELBO's estimate by the first L of the draws, (n,), as L grows."""
    mean, error = running_mean(log_px_z)
    kept, draws = _thinned(FIRST_SHOWN, len(log_px_z))
    elbo, spread = (mean - gap.kl_to_prior)[kept], error[kept]
    return Panel(
        "ELBO by L draws",
        [
            *_band(draws, elbo, spread, SKY),
            Line("estimate", draws, elbo.tolist(), SKY),
            _level("ELBO(q)", gap.elbo, draws, VIOLET),
        ],
        f"{draws[-1]:,} draws: {decimal(float(elbo[-1]))}{margin(float(spread[-1]))}",
    )


def iwae_panel(log_weights: Tensor, counts: Sequence[int], gap: Gap) -> Panel:
    """The importance-weighted bound over log₂ K, between the ELBO and log p(x)."""
    bounds, errors = importance_bounds(log_weights, counts)
    powers = list(range(len(counts)))
    return Panel(
        "Bound by K weights",
        [
            *_band(powers, bounds, errors, AMBER),
            Line("bound", powers, bounds.tolist(), AMBER),
            _level("ELBO(q)", gap.elbo, powers, VIOLET),
            _level(name_of_log_px(gap), gap.log_px, powers, GREY),
        ],
        f"K = {counts[-1]:,}: {decimal(float(bounds[-1]))}{margin(float(errors[-1]))}",
    )


def name_of_log_px(gap: Gap) -> str:
    return "log p(x)" if gap.effective_draws is None else "log p(x), sampled"


def gradient_panels(drawn: GradientDraws, symbol: str, dims: Sequence[int]) -> list[Panel]:
    """Running means of the gradient estimates in each of `dims` of "μ" or "log σ²"."""
    kept, draws = _thinned(FIRST_SHOWN, len(drawn.z))
    first = 0 if symbol == "μ" else drawn.z.shape[1]
    panels = []
    for j in dims:
        lines = [
            Line(
                name,
                draws,
                running_mean(estimate[:, first + j])[0][kept].tolist(),
                colour,
                dashed,
            )
            for name, estimate, colour, dashed in (
                ("score function", drawn.score, AMBER, False),
                ("with a baseline", drawn.score_with_baseline, BROWN, True),
                ("pathwise", drawn.pathwise, SKY, False),
            )
        ]
        note = f"variance × {float(drawn.variance_ratio[first + j]):,.0f}"
        panels.append(Panel(f"∂/∂{symbol}{dimension_name(j)[1:]}", lines, note))
    return panels


def sum_panel(elbos: Tensor, seed: int) -> Panel:
    """(N/M) times the sum over the first M images in a random order, in thousands of nats."""
    estimates = minibatch_estimates(elbos, torch.Generator().manual_seed(seed)) / 1_000
    kept, images = _thinned(FIRST_SHOWN, len(elbos))
    return Panel(
        "(N/M) Σ ELBO over M images, in thousands",
        [
            Line("estimate", images, estimates[kept].tolist(), SKY),
            _level("sum over all N", float(estimates[-1]), images, VIOLET),
        ],
    )


def _band(x: Sequence[int], middle: Tensor, half: Tensor, colour: str) -> list[Line]:
    return [
        Line("± standard error", x, edge.tolist(), colour, faint=True)
        for edge in (middle + half, middle - half)
    ]


def _level(name: str, value: float, x: Sequence[int], colour: str) -> Line:
    return Line(name, [x[0], x[-1]], [value, value], colour, dashed=True)


def _thinned(first: int, n: int) -> tuple[list[int], list[int]]:
    """About LINE_POINTS places of n, from the `first`-th, the last included; and their counts."""
    first = min(first, n) - 1
    kept = [*range(first, n - 1, max(1, (n - first) // LINE_POINTS)), n - 1]
    return kept, [i + 1 for i in kept]
