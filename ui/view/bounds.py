"""What stands between a model's bound and log p(x) for an image, kept for all visitors."""

from __future__ import annotations

import streamlit as st
import torch
from torch import Tensor

from live.images import test_dataset
from live.models import OpenModel
from ui.view.stored import HASHES
from vae_core.measures.likelihood.estimates import elbo_by_image
from vae_core.measures.likelihood.gradient_variance import GradientDraws, gradient_draws
from vae_core.measures.likelihood.importance import image_log_weights
from vae_core.measures.likelihood.posterior_gap import (
    EXACT_DIM,
    DiagonalGaussian,
    Gap,
    best_gaussian,
    elbo_gap,
    encoded_posterior,
)
from vae_core.measures.likelihood.quadrature import Cells, posterior_cells

DRAWS = 1_000  # of the ELBO's estimate and of each gradient
WEIGHTS = 4_096  # of the importance-weighted bound
SAMPLES = 2_000  # of log p(x) where it is not exact
SUMMED = 2_000  # test images of the sum over a data set


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def cells_of(opened: OpenModel, x: Tensor) -> Cells | None:
    """The cells of the exact posterior, where it is in reach."""
    return posterior_cells(opened.model, x) if opened.model.latent_dim <= EXACT_DIM else None


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def gap_of(
    opened: OpenModel, x: Tensor, _cells: Cells | None
) -> tuple[DiagonalGaussian, DiagonalGaussian, Gap]:
    """q, q* and the terms."""
    best = best_gaussian(opened.model, x, _cells)
    gap = elbo_gap(opened.model, x, best, cells=_cells, samples=SAMPLES)
    return encoded_posterior(opened.model, x), best, gap


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def log_weights_of(opened: OpenModel, x: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return image_log_weights(opened.model, x, samples=WEIGHTS, generator=generator)


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def gradients_of(opened: OpenModel, x: Tensor, seed: int) -> GradientDraws:
    q, generator = encoded_posterior(opened.model, x), torch.Generator().manual_seed(seed)
    return gradient_draws(opened.model, x, q.mu, q.logvar, draws=DRAWS, generator=generator)


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def elbos_of(opened: OpenModel) -> Tensor | None:
    """The ELBO of each of the first test images, by a draw; None where there are no data."""
    dataset = test_dataset(opened)
    if dataset is None:
        return None
    first = torch.arange(min(SUMMED, len(dataset)))
    return elbo_by_image(opened.model, dataset, first, generator=torch.Generator().manual_seed(0))
