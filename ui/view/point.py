"""The point z in view, the same on every page, and how the address says it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from live.models import OpenModel, in_view_of
from ui.components.address import linked, refuse
from ui.kept import keep, kept
from ui.view.reach import slider_reach

MAX_IN_ADDRESS = 512  # numbers; a longer z the server keeps
MAX_ABS_Z = 1000  # a plain autoencoder keeps to no prior


def current_z(opened: OpenModel) -> tuple[float, ...]:
    """The point of latent space in view: what was set last, the link's, or the first test mean.

    Another model's stays in view where it lies among this one's.
    """
    d = opened.model.latent_dim
    if "z" not in st.session_state:
        st.session_state["z"] = parse_z(linked("z")) or _kept_z(opened)
        if linked("z") and len(st.session_state["z"]) != d:
            refuse("z", f"a z is {z_in_words(d)}; the first test image is shown")
    elsewhere = st.session_state.get("z_of", opened.id) != opened.id
    far = elsewhere and max(map(abs, st.session_state["z"]), default=0.0) > slider_reach(opened)
    if far or len(st.session_state["z"]) != d:
        st.session_state["z"] = st.session_state["first_z"] = first_z(opened)
    st.session_state["z_of"] = opened.id
    z: tuple[float, ...] = st.session_state["z"]
    if d > MAX_IN_ADDRESS and st.session_state.get("z_kept") is not z:
        st.session_state["z_kept"] = z
        keep(f"z-{opened.id}", {"z": z})
    if in_view := in_view_of(opened.id):
        in_view.z = z
    return z


def set_z(z: Sequence[float]) -> None:
    """Remember z for all pages."""
    st.session_state["z"] = tuple(float(v) for v in z)


def first_z(opened: OpenModel) -> tuple[float, ...]:
    if opened.latents is None:
        return (0.0,) * opened.model.latent_dim
    return tuple(round(v, 3) for v in opened.latents.mu[0].tolist())


def z_text(z: Sequence[float]) -> str:
    """z as the address says it, and as `parse_z` reads it; nothing of one that is too long."""
    return "" if len(z) > MAX_IN_ADDRESS else written(z)


def written(z: Sequence[float]) -> str:
    """z as `parse_z` reads it, however long it is."""
    return ",".join(f"{value:.3f}" for value in z)


def z_in_words(d: int) -> str:
    """What `parse_z` takes for a model of d latent dimensions."""
    return f"{d} numbers from −{MAX_ABS_Z:,} to {MAX_ABS_Z:,}"


def _kept_z(opened: OpenModel) -> tuple[float, ...]:
    """Where this visitor was in a latent space that no address can tell; empty where not known."""
    if opened.model.latent_dim <= MAX_IN_ADDRESS:
        return ()
    told = kept(f"z-{opened.id}").get("z", [])
    fits = isinstance(told, list) and all(isinstance(value, float) for value in told)
    return tuple(told) if fits else ()


def parse_z(text: str) -> tuple[float, ...]:
    try:
        z = tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        return ()
    return z if all(math.isfinite(v) and abs(v) <= MAX_ABS_Z for v in z) else ()
