"""Encoded μ: where the encoder puts every image of the test set."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch
from torch import Tensor

from live.images import test_dataset
from ui.components.address import choice_from_link, linked, refuse, show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import Plane, PlaneResult, latent_plane, packed, unpacked
from ui.components.latent_plane.means import colourings
from ui.frame.kinds import NO_MEANS, NO_POSTERIOR
from ui.frame.session import current_model
from ui.frame.work import heavy_work, working
from ui.images.chosen import preparation
from ui.images.pictures import data_note
from ui.kept import keep, kept, results
from ui.text.plain import file_name
from ui.view.dims import choose_dims, names_of_dims
from ui.view.planes import dims_plane, keep_z, pca_plane, pca_shares, plane_points
from ui.view.point import current_z, z_text
from ui.view.space import show_space
from ui.view.stored import latents_of, stored_latents
from vae_core.data.texts import texts_of
from vae_core.latent.decoded import decoded
from vae_core.latent.projections import tsne_projection

DIMS, PCA, TSNE = "two dimensions", "PCA", "t-SNE"
POINTERS = {"select": "Select points", "cursor": "Move z"}
SHOWN = 24  # selected points whose images are shown
LINKED = 200  # selected points that a link carries
TSNE_POINTS = (1_000, 2_000, 5_000, 10_000)

opened = current_model()
if not opened.model.has_encoder:
    st.info(f"{NO_MEANS} Its images are on the pages Decode z, Manifold and Interpolate.")
    st.stop()
latents = latents_of(opened)
d = opened.model.latent_dim


def choose_view() -> tuple[str, tuple[int, int], str]:
    """The row of controls above the plane: the view, its dimensions, the colours, the pointer.

    Returns the view, the two dimensions and what points are coloured by.
    """
    views = [DIMS, PCA, TSNE] if d > 2 else [DIMS]
    view = choice_from_link("view", views, DIMS)
    colour = choice_from_link("colour", colourings(opened), colourings(opened)[0])
    choice_from_link("pointer", list(POINTERS), "select")
    choice_from_link("draw", (False, True), default=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if d > 2:
            st.segmented_control("View", views, required=True, key="view", persist_state="session")
        dims = choose_dims(opened, shown=view == DIMS)
        st.selectbox(
            "Colour by", colourings(opened), key="colour", persist_state="session", width=220
        )
        st.segmented_control(
            "Pointer",
            list(POINTERS),
            required=True,
            format_func=POINTERS.__getitem__,
            key="pointer",
            persist_state="session",
            disabled=view == TSNE,
            help="Select: click a point, draw a lasso, or hold Shift for a box.",
        )
        st.toggle(
            "Draw",
            key="draw",
            persist_state="session",
            disabled=view == TSNE,
            help="Draw an image, or drop a file: where does the encoder put it?",
        )
    return view, dims, colour


def tsne_rows(n: int) -> np.ndarray:
    return np.linspace(0, len(latents) - 1, min(n, len(latents))).astype(int)


def tsne_key(n: int) -> tuple[str, float, float, bool, int]:
    """What tells one embedding from all others of this visitor."""
    return (*stored_latents(opened), n)


def ask_for_tsne(n: int) -> None:
    st.session_state["tsne_of"] = n
    st.rerun()


def choose_tsne() -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and their t-SNE embedding; computed on request, and kept."""
    found = results("tsne")
    number, button = st.columns([1, 3], vertical_alignment="bottom")
    n = number.selectbox(
        "Points", TSNE_POINTS, format_func="{:,}".format, key="points", persist_state="session"
    )
    key, rows = tsne_key(n), tsne_rows(n)
    if key not in found:
        if button.button("Compute t-SNE", type="primary", icon=":material/play_arrow:"):
            ask_for_tsne(n)
        st.info(
            f"t-SNE of {len(rows):,} of {len(latents):,} means runs when you start it; "
            "2,000 points take about 10 seconds."
        )
        return None
    st.caption(
        f"{len(rows):,} of {len(latents):,} shown. Near points are near in latent space; distances "
        "between far clusters say nothing, and no z can be decoded here."
    )
    embedding, fraction = found[key]
    if fraction < 1:
        st.caption(f"Stopped after {fraction:.0%} of the steps.")
        if st.button("Compute it whole", icon=":material/play_arrow:"):
            ask_for_tsne(n)
    return rows, embedding


def compute_tsne(n: int) -> None:
    """Compute the embedding of n means; a click on the page, on Stop for one, ends it early.

    Not in the fragment: a click there would wait for the fragment's end.
    """
    found, key = results("tsne"), tsne_key(n)
    with working("t-SNE begins…", stop=True, stop_help="Keeps what has been reached") as report:

        def reached(fraction: float, embedding: Tensor) -> bool:
            found[key] = (embedding.numpy(), fraction)
            report(fraction, f"t-SNE: {fraction:.0%}")  # ends the run when Stop was pressed
            return True

        with heavy_work(report):
            embedding = tsne_projection(latents.mu[tsne_rows(n)], on_progress=reached)
        found[key] = (embedding.numpy(), 1.0)


@st.fragment
def explore() -> None:
    view, dims, colour = choose_view()
    points = choice_from_link("points", TSNE_POINTS, default=2_000)
    if view != TSNE:
        plane = pca_plane(opened) if view == PCA else dims_plane(opened, dims)
        show_points(view, plane, colour)
    elif computed := choose_tsne():
        show_points(view, None, colour, *computed)
    space = show_space(opened) if d > 2 else {}
    across, up = names_of_dims(dims) if view == DIMS and d > 2 else (None, None)
    show_in_address(
        "view",
        view=view if d > 2 else None,
        x=across,
        y=up,
        points=points if view == TSNE else None,
        colour=colour,
        pointer=st.session_state["pointer"],
        draw=st.session_state["draw"],
        selected=",".join(map(str, chosen_rows()[:LINKED])),
        z=z_text(current_z(opened)),
        **space,
    )


def show_points(
    view: str,
    plane: Plane | None,
    colour: str,
    rows: np.ndarray | None = None,
    embedding: np.ndarray | None = None,
) -> None:
    """The means on the plane, or at their embedding, and what is selected of them."""
    drawn = np.arange(len(latents)) if rows is None else rows
    selected = np.flatnonzero(np.isin(drawn, chosen_rows())).tolist()

    def on_plane(shown: PlaneResult) -> None:
        keep_z(shown)
        if sorted(shown.selected) != selected:
            choose_rows(drawn[list(shown.selected)].tolist())

    latent_plane(
        opened.id,
        key=f"encoded-{opened.id}-{view}",
        z=None if plane is None else current_z(opened),
        plane=plane,
        points=plane_points(opened, plane, colour, embedding=embedding, rows=rows),
        selected=selected,
        mode="select" if plane is None else st.session_state["pointer"],
        draw=preparation(opened) if st.session_state["draw"] and plane is not None else None,
        height=560,
        on_change=on_plane,
    )
    if view == PCA:
        first, second = pca_shares(opened)
        st.caption(f"PC 1 holds {first:.0%} of the variance of μ, PC 2 {second:.0%}.")
    about = f"{len(drawn):,} of {len(latents):,} means μ shown, not samples."
    if plane is not None:
        ellipses = NO_POSTERIOR
        if opened.model.is_variational:
            ellipses = (
                "Ellipses: q(z given x) of few selected points, of more the mixture's mean and "
                "covariance, at 1 and 2 σ."
            )
        about += f" {ellipses} Rings: prior at 1 and 2 σ."
    st.caption(about)
    show_selected(chosen_rows())
    downloads(chosen_rows())


def chosen_rows() -> list[int]:
    """The stored means selected, the same in every view; at first those that the link names."""
    selections = st.session_state.setdefault("selections", {})
    if opened.id not in selections:
        whole = kept_rows()
        asked = whole if selections else linked_rows()  # the link is of the model it names
        selections[opened.id] = whole if asked == whole[:LINKED] else asked
    rows: list[int] = selections[opened.id]
    return rows


def linked_rows() -> list[int]:
    parts = linked("selected").split(",") if linked("selected") else []
    rows = [int(p) for p in parts if p.isdecimal() and len(p) < 9 and int(p) < len(latents)]
    if len(rows) < len(parts) or len(rows) > LINKED:
        last = len(latents) - 1
        refuse("selected", f"{LINKED} rows at most, each 0 to {last}; others are left out")
    return rows[:LINKED]


def kept_rows() -> list[int]:
    """What this visitor has selected of the model, and no link could carry."""
    rows = kept(f"selection-{opened.id}").get("rows", ())
    return [i for i in unpacked(rows, len(latents)) if 0 <= i < len(latents)]


def choose_rows(rows: list[int]) -> None:
    st.session_state["selections"][opened.id] = rows
    keep(f"selection-{opened.id}", {"rows": packed(rows)})


def show_selected(chosen: list[int]) -> None:
    if not chosen:
        st.info("Click a point or draw a lasso around some: their images appear here.")
        return
    rows = chosen[:SHOWN]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{len(chosen):,} selected", width="stretch")
        st.button("Clear selection", on_click=choose_rows, args=([],))
    if len(chosen) > SHOWN:
        kept = f" A copied link keeps the first {LINKED}." if len(chosen) > LINKED else ""
        st.caption(f"{SHOWN} of {len(chosen):,} shown; the downloads hold all.{kept}")
    some = latents.take(rows)
    images = [decoded(opened.model, some.mu)]
    dataset = test_dataset(opened)
    if dataset is not None:
        images.insert(0, dataset.floats(some.indices))
        st.caption("Above: test images. Below: what the decoder makes of their μ.")
    sources = [] if some.sources is None else texts_of(some.sources)
    image_grid(
        torch.stack(images),
        key="selected",
        testid="selected",
        alt=f"{len(rows)} selected images",
        captions=sources * len(images) or None,
    )
    data_note(dataset is not None)
    st.dataframe(columns_of(rows), hide_index=True, height=min(38 + 35 * len(rows), 320))


def columns_of(rows: Sequence[int]) -> dict[str, np.ndarray]:
    named = ("class_names", "factor_names", "factor_values")
    return latents.take(rows).table(*(opened.config.get(name, ()) for name in named))


def downloads(chosen: Sequence[int]) -> None:
    rows = chosen or range(len(latents))
    what = f"{len(chosen):,} selected" if chosen else f"all {len(latents):,}"
    row = st.container(horizontal=True)
    row.download_button(
        f"CSV, {what}",
        lambda: pd.DataFrame(columns_of(rows)).to_csv(index=False),
        file_name(f"{opened.config.get('dataset')}-latents.csv"),
        "text/csv",
        on_click="ignore",
    )
    row.download_button(
        f"NPZ, {what}",
        lambda: npz_bytes(columns_of(rows)),
        file_name(f"{opened.config.get('dataset')}-latents.npz"),
        on_click="ignore",
    )


def npz_bytes(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **columns)
    return buffer.getvalue()


if asked := st.session_state.pop("tsne_of", None):
    compute_tsne(asked)
explore()
