"""What a model has learned so far, in one look: its latent plane, samples and reconstructions."""

from __future__ import annotations

import streamlit as st
import torch

from live.models import OpenModel
from ui.components.image_grid import image_grid
from ui.components.latent_plane import PlaneResult, latent_plane
from ui.images import data_note
from ui.session import current_z, set_z, test_images
from ui.views import dims_by_kl, dims_plane, plane_points
from vae_core.models import decoded, prior_samples

SAMPLES = (3, 8)  # rows, columns
RECONSTRUCTED = 8


def show_learned(opened: OpenModel, key: str) -> None:
    """Show the model as it is now; called again with newer weights, everything follows.

    key: names these views in the session; the same key for the same model.
    """
    _show_plane(opened, key)
    samples, reconstructions = st.columns(2, gap="medium")
    with samples:
        _show_samples(opened, key)
    with reconstructions:
        _show_reconstructions(opened, key)


def _show_plane(opened: OpenModel, key: str) -> None:
    used, unused = dims_by_kl(opened)
    plane = dims_plane(opened, sorted([*used, *unused][:2]))
    latent_plane(
        opened.id,
        key=f"plane-{key}",
        z=current_z(opened),
        plane=plane,
        points=plane_points(opened, plane),
        height=400,
        on_change=_remember_z,
    )
    if opened.latents is not None:
        largest = " The two dimensions of largest KL." if opened.model.latent_dim > 2 else ""
        st.caption(
            f"Means μ of {len(opened.latents):,} test images, not samples.{largest} Move over the "
            "plane: the decoder follows."
        )


def _remember_z(shown: PlaneResult) -> None:
    if shown.z is not None:
        set_z(shown.z)


def _show_samples(opened: OpenModel, key: str) -> None:
    st.markdown("**Samples from the prior**, always the same z")
    _, samples = prior_samples(opened.model, SAMPLES[0] * SAMPLES[1], seed=0)
    image_grid(
        samples.reshape(*SAMPLES, *opened.model.image_shape),
        key=f"samples-{key}",
        testid="samples",
        alt=f"{SAMPLES[0] * SAMPLES[1]} images decoded from z drawn from the prior",
    )


def _show_reconstructions(opened: OpenModel, key: str) -> None:
    if opened.latents is None:
        return
    dataset = test_images(opened)
    first = opened.latents.take(range(RECONSTRUCTED))
    rows = [decoded(opened.model, first.mu)]
    if dataset is not None:
        rows.insert(0, dataset.floats(first.indices))
    above = "" if dataset is None else "**Test images** and, below, "
    st.markdown(f"{above}**what comes back** from their μ")
    image_grid(
        torch.stack(rows),
        key=f"reconstructions-{key}",
        testid="reconstructions",
        alt=f"{RECONSTRUCTED} test images and their reconstructions",
    )
    data_note(dataset is not None)
