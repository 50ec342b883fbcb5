"""Latent dimensions: in which order, by which names, and which two are in view."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from live.models import OpenModel
from ui.components.address import choice_from_link
from ui.components.latent_plane.points import dimension_name

MOST_DIMS = 64  # of which each has a slider and is offered for a plane


def dims_by_use(opened: OpenModel) -> tuple[list[int], list[int]]:
    """The latent dimensions in use and those that are not, each by falling `measure_of_use`."""
    if opened.latents is None:
        return list(range(opened.model.latent_dim)), []
    order = opened.latents.use.argsort(descending=True).tolist()
    active = opened.latents.active.tolist()
    return [j for j in order if active[j]], [j for j in order if not active[j]]


def measure_of_use(opened: OpenModel) -> str:
    """By what dimensions are ordered: without a posterior there is no KL."""
    return "KL" if opened.model.is_variational else "variance of μ"


def choose_dims(opened: OpenModel, *, shown: bool = True) -> tuple[int, int]:
    """Two latent dimensions, across and up; a choice only where there are more than two.

    shown: whether the choice stands on the page just now; it is kept while it does not.
    """
    d = opened.model.latent_dim
    if d == 1:
        return 0, 0
    order = [0, 1] if d == 2 else [j for dims in dims_by_use(opened) for j in dims]
    order = order[:MOST_DIMS]
    across, up = choose_two(names_of_dims(order), shown=shown)
    return order[across], order[up]


def choose_two(names: Sequence[str], *, shown: bool = True) -> tuple[int, int]:
    """Which of two or more names go across and up; a choice only where there are more than two."""
    two = len(names) == 2
    x = choice_from_link("x", names[:1] if two else names, names[0])
    others = [name for name in names if name != x]
    y = choice_from_link("y", others, names[0] if x == names[1] else names[1])
    if shown and not two:
        st.selectbox("Across", names, key="x", persist_state="session", width=90)
        st.selectbox("Up", others, key="y", persist_state="session", width=90)
    return names.index(x), names.index(y)


def names_of_dims(dims: Sequence[int]) -> list[str]:
    return [dimension_name(j) for j in dims]
