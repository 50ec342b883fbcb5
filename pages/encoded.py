"""Encoded μ: where the encoder puts every image of the test set."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from live.images import stored_images
from live.models import in_view_of
from ui.components.address import choice_from_link, linked, refuse, show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import (
    Plane,
    PlanePoints,
    PlaneResult,
    latent_plane,
    packed,
    unpacked,
)
from ui.components.latent_plane.means import colourings
from ui.encoded.embedding import METHODS, choose_embedding, compute_asked
from ui.encoded.filters import choose_filters, found_by, searchable
from ui.encoded.images import (
    BOTH,
    TEST,
    TRAIN,
    Shown,
    choose_images,
    encode_asked,
    image_choice,
    offer_to_encode,
    shown_images,
)
from ui.frame.instead import refuse_model
from ui.frame.kinds import NO_POSTERIOR, no_codes
from ui.frame.session import current_model
from ui.images.chosen import preparation
from ui.images.pictures import data_note
from ui.kept import keep, kept
from ui.text.explain import explain
from ui.text.plain import cell, file_name
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.dims import MOST_DIMS, choose_dims, names_of_dims
from ui.view.planes import dims_plane, keep_z, pca_plane, pca_shares, plane_points
from ui.view.point import current_z, z_text
from ui.view.space import show_space
from vae_core.data.texts import spreadsheet_csv, spreadsheet_texts, texts_of
from vae_core.files.markdown import JOINER
from vae_core.latent.decoded import decoded

DIMS, PCA, SPLIT = "two dimensions", "PCA", "test or training"
PLAIN = "nothing"
POINTERS = {"select": "Select points", "cursor": "Move z"}
SHOWN = 24  # selected points whose images are shown
LINKED = 200  # selected points that a link carries
COORDINATES = {PCA: "pc", "t-SNE": "tsne", "UMAP": "umap"}  # as downloads name them

Columns = dict[str, np.ndarray]

opened = current_model()
if lacking := no_codes(opened):
    refuse_model(opened, f"{lacking} Its images are on Decode z, Manifold and Interpolate.")
    explain("encoded")
    st.stop()
d = opened.model.latent_dim


def choose_view() -> tuple[str, tuple[int, int], str, str, DeltaGenerator]:
    """The row of controls above the plane: the view, its dimensions, the colours, the pointer.

    Returns the view, the two dimensions, what points are coloured by, of which images they are, and
    the place for what chooses among these.
    """
    views = [DIMS, PCA, *METHODS] if d > 2 else [DIMS]
    view = choice_from_link("view", views, DIMS if d <= MOST_DIMS else PCA)
    choice_from_link("pointer", list(POINTERS), "select")
    choice_from_link("draw", (False, True), default=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if d > 2:
            st.segmented_control(
                "View", views, required=True, key="view", persist_state="session", wrap=True
            )
        dims = choose_dims(opened, shown=view == DIMS)
        which = image_choice()
        colours = [*colourings(opened), *([SPLIT] if which == BOTH else [])] or [PLAIN]
        colour = choice_from_link("colour", colours, colours[0])
        st.selectbox("Colour by", colours, key="colour", persist_state="session", width=160)
        st.segmented_control(
            "Pointer",
            list(POINTERS),
            required=True,
            format_func=POINTERS.__getitem__,
            key="pointer",
            persist_state="session",
            disabled=view in METHODS,
            help="Select: click a point, draw a lasso, or hold Shift for a box.",
        )
        st.toggle(
            "Draw",
            key="draw",
            persist_state="session",
            disabled=view in METHODS or not opened.model.has_encoder,
            help="Draw an image, or drop a file: where does the encoder put it?",
        )
        among = st.popover("Filter", icon=":material/filter_alt:", key="among")
    return view, dims, colour, which, among


def choose_rows_by(shown: Shown, among: DeltaGenerator) -> tuple[np.ndarray, str | None]:
    """Images, filters, a search that selects; the rows shown, and what the address says of them."""
    with among:
        choose_images()
        if searchable(shown):
            st.text_input(
                "Search",
                key="search",
                placeholder="a file, a class …",
                max_chars=80,
                on_change=lambda: choose_rows(found_by(shown, st.session_state["search"]).tolist()),
                help="Selects the images whose file, class or category holds the text.",
            )
        kept, said = choose_filters(shown)
    if not kept.all():
        st.caption(f"{int(kept.sum()):,} of {len(kept):,} pass the filters.")
    return kept, said


@st.fragment
def explore() -> None:
    view, dims, colour, which, among = choose_view()
    offer, shown = st.container(), shown_images(opened, which)
    passed, filtered = choose_rows_by(shown, among)
    with offer:  # runs all anew: widgets that had no turn before that would be forgotten
        offer_to_encode(opened, which)
    if view not in METHODS:
        plane = pca_plane(opened) if view == PCA else dims_plane(opened, dims)
        xy = plane.project(shown.latents.mu.numpy())
        show_points(shown, view, plane, colour, np.flatnonzero(passed), xy)
    elif embedded := choose_embedding(METHODS[view], shown):
        rows, xy = embedded
        every = np.full((len(passed), 2), np.nan)
        every[rows] = xy
        show_points(shown, view, None, colour, rows[passed[rows]], every)
    space = show_space(opened) if d > 2 else {}
    across, up = names_of_dims(dims) if view == DIMS and d > 2 else (None, None)
    method = METHODS.get(view)
    show_in_address(
        "view",
        view=view if d > 2 else None,
        x=across,
        y=up,
        points=st.session_state["points"] if method else None,
        **{m.key: st.session_state[m.key] if m is method else None for m in METHODS.values()},
        of=None if which == TEST else which,
        colour=colour,
        pointer=st.session_state["pointer"],
        draw=st.session_state["draw"],
        filter=filtered,
        selected=",".join(map(str, chosen_rows(shown)[:LINKED])),
        z=z_text(current_z(opened)),
        **space,
    )
    explain("encoded")
    if opened.latents is not None and d > 1 and view not in METHODS:
        when = "principal components" if view == PCA else "two dimensions"
        code = program("encoded", [when], CHECKPOINT=place_of(opened), DIMS=dims)
        show_code("encoded", code)


def show_points(
    shown: Shown, view: str, plane: Plane | None, colour: str, drawn: np.ndarray, xy: np.ndarray
) -> None:
    """The means of the rows `drawn` on the plane, or where xy (n, 2) has all, and the selection."""
    chosen = chosen_rows(shown)
    selected = np.flatnonzero(np.isin(drawn, chosen)).tolist()
    draws = st.session_state["draw"] and opened.model.has_encoder and plane is not None

    def on_plane(result: PlaneResult) -> None:
        keep_z(result)
        if sorted(result.selected) != selected:
            choose_rows(drawn[list(result.selected)].tolist())

    latent_plane(
        opened.id,
        key=f"encoded-{opened.id}-{view}",
        z=None if plane is None else current_z(opened),
        plane=plane,
        points=points_of(shown, plane, colour, drawn, xy),
        selected=selected,
        mode="select" if plane is None else st.session_state["pointer"],
        draw=preparation(opened) if draws else None,
        height=560,
        on_change=on_plane,
    )
    if view == PCA:
        first, second = pca_shares(opened)
        st.caption(f"PC 1 holds {first:.0%} of the variance of μ, PC 2 {second:.0%}.")
    about = f"{len(drawn):,} of {len(shown.latents):,} means μ shown, not samples."
    if plane is not None:
        ellipses = NO_POSTERIOR
        if opened.model.is_variational:
            ellipses = (
                "Ellipses: q(z|x) of few selected points, of more the mixture's mean and "
                "covariance, at 1 and 2 σ."
            )
        about += f" {ellipses} Rings: prior at 1 and 2 σ."
    st.caption(about)
    where = {f"{COORDINATES.get(view, 'xy')}_{k + 1}": xy[:, k] for k in (0, 1)}
    where = {} if view == DIMS else where
    show_selected(shown, chosen, where)
    downloads(shown, chosen, drawn, where)


def points_of(
    shown: Shown, plane: Plane | None, colour: str, drawn: np.ndarray, xy: np.ndarray
) -> PlanePoints | None:
    by = None if colour in (SPLIT, PLAIN) else colour
    points = plane_points(shown.opened, plane, by, embedding=xy[drawn], rows=drawn)
    if points is None or shown.training is None:
        return points
    points = replace(points, rows=shown.ids[drawn])
    if colour == SPLIT:
        category = shown.training[drawn].astype(int)
        points = replace(points, category=category, names=(TEST, TRAIN), value=None, label="")
    return points


def chosen_rows(shown: Shown) -> list[int]:
    """The means selected, the same in every view; at first those that the link names."""
    selections = st.session_state.setdefault("selections", {})
    if opened.id not in selections:
        n = len(shown.latents)
        whole = kept_rows(n)
        asked = whole if selections else linked_rows(n)  # the link is of the model it names
        selections[opened.id] = whole if asked == whole[:LINKED] else asked
    rows = [row for row in selections[opened.id] if row < len(shown.latents)]
    if in_view := in_view_of(opened.id):
        in_view.selected = tuple(rows)
    return rows


def linked_rows(n: int) -> list[int]:
    parts = linked("selected").split(",") if linked("selected") else []
    rows = [int(p) for p in parts if p.isdecimal() and len(p) < 9 and int(p) < n]
    if len(rows) < len(parts) or len(rows) > LINKED:
        refuse("selected", f"{LINKED} rows at most, each 0 to {n - 1}; others are left out")
    return rows[:LINKED]


def kept_rows(n: int) -> list[int]:
    """What this visitor has selected of the model, and no link could carry."""
    rows = kept(f"selection-{opened.id}").get("rows", ())
    return [i for i in unpacked(rows, n) if 0 <= i < n]


def choose_rows(rows: list[int]) -> None:
    st.session_state["selections"][opened.id] = rows
    keep(f"selection-{opened.id}", {"rows": packed(rows)})


def show_selected(shown: Shown, chosen: list[int], where: Columns) -> None:
    if not chosen:
        st.info("Click a point or draw a lasso around some: their images appear here.")
        return
    rows = chosen[:SHOWN]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"{len(chosen):,} selected", width="stretch")
        st.button("Clear selection", on_click=choose_rows, args=([],))
    if len(chosen) > SHOWN:
        kept = f" A copied link keeps the first {LINKED}." if len(chosen) > LINKED else ""
        st.caption(f"{SHOWN} of {len(chosen):,} shown; the downloads hold all.{kept}")
    some = shown.latents.take(rows)
    images = [decoded(opened.model, some.mu)]
    data = stored_images(opened, shown.ids[rows].tolist())
    if data is not None:
        images.insert(0, data / 255)
        if opened.model.has_decoder:
            st.caption("Above: the images. Below: what the decoder makes of their μ.")
        else:
            images.pop()
    sources = [] if some.sources is None else texts_of(some.sources)
    image_grid(
        torch.stack(images),
        key="selected",
        testid="selected",
        alt=f"{len(rows)} selected images",
        captions=sources * len(images) or None,
    )
    data_note(data is not None or not opened.model.has_decoder)
    table = {
        cell(name): spreadsheet_texts(column, JOINER)
        for name, column in columns_of(shown, rows, where).items()
    }
    names = sorted(table, key=lambda name: name.startswith(("mu_", "sigma_")))
    st.dataframe(table, hide_index=True, height=min(38 + 35 * len(rows), 320), column_order=names)


def columns_of(shown: Shown, rows: Sequence[int], where: Columns) -> Columns:
    named = ("class_names", "factor_names", "factor_values")
    told = shown.latents.take(rows).table(*(opened.config.get(name, ()) for name in named))
    if not opened.model.has_likelihood and "log_px_given_mu" in told:
        told["squared_error"] = -told.pop("log_px_given_mu")
    if shown.training is not None:
        told = {"split": shown.splits[list(rows)], **told}
    return told | {name: column[list(rows)] for name, column in where.items()}


def downloads(shown: Shown, chosen: Sequence[int], drawn: np.ndarray, where: Columns) -> None:
    """What is selected, else all that is drawn, with its place in the view."""
    rows = list(chosen or drawn)
    what = f"{len(chosen):,} selected" if chosen else f"all {len(rows):,}"
    row = st.container(horizontal=True)
    row.download_button(
        f"CSV, {what}",
        lambda: spreadsheet_csv(columns_of(shown, rows, where)),
        file_name(f"{opened.config.get('dataset')}-latents.csv"),
        "text/csv",
        on_click="ignore",
    )
    row.download_button(
        f"NPZ, {what}",
        lambda: npz_bytes(columns_of(shown, rows, where)),
        file_name(f"{opened.config.get('dataset')}-latents.npz"),
        on_click="ignore",
    )


def npz_bytes(columns: Columns) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **columns)
    return buffer.getvalue()


encode_asked(opened)
compute_asked(shown_images(opened, st.session_state.get("of", TEST)))
explore()
