"""Factors: what each latent dimension stands for, a card for each."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane.means import CLASS
from ui.figures.disentanglement import show_scores
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_codes
from ui.frame.session import current_model
from ui.images.chosen import ChosenImage, choose_image, drawn_class
from ui.images.pictures import data_note
from ui.numbers import decimal
from ui.palette import SIGNED_COLOURS, VIOLET
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.dims import MOST_DIMS, dims_by_use, measure_of_use, names_of_dims
from ui.view.names import LONGEST, dimension_names, name_dimension
from ui.view.reach import PRIOR_EXTENT, grid_extent
from ui.view.stored import HASHES, latents_of
from vae_core.latent.decoded import decoded
from vae_core.latent.dimensions import (
    attribute_steps,
    by_factor,
    class_factor,
    correlation_ratios,
    correlations,
    traversal,
)

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 9  # images of a traversal
ATTRIBUTE_STEPS = tuple(k / 4 for k in range(-4, 9))  # of the attribute vector
NAME_WIDTH = 280  # pixels
TILES = 64, 160  # pixels of an image: on a phone, and as far as a wide page has room
CARDS = 16  # shown before the visitor asks for all
SPANS = {"prior quantiles": "prior", "where data are": "aggregate", "± k σ around μ": "sigmas"}
SPAN_NOTES = {
    "prior": "Each image stands for the same share of the prior N(0, 1): z = Φ⁻¹(u).",
    "aggregate": "Each image stands for the same share of the test set's μ in this dimension.",
    "sigmas": "μ of this image, less and plus k of its own σ: what its posterior leaves open.",
}
CHIPS = """
<style>
.chips { display: flex; flex-wrap: wrap; gap: 0.3rem; font-size: 0.8rem; }
.chips span { padding: 0.1rem 0.5rem; border-radius: 0.75rem;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
.kl-bar { height: 0.3rem; border-radius: 2px; background: #9E59FE; min-width: 2px; }
</style>
"""

opened = current_model()
if lacking := no_codes(opened):
    refuse_model(opened, f"{lacking} What its dimensions change is to be seen on Decode z.")
    explain("factors")
    st.stop()
latents = latents_of(opened)
model = opened.model
far = grid_extent(opened) > PRIOR_EXTENT  # the model does not keep to the prior
d = model.latent_dim
class_names: list[str] = opened.config.get("class_names") or []
factor_names: list[str] = opened.config.get("factor_names") or []
factor_values: list[list[str]] = opened.config.get("factor_values") or []


@st.cache_data(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def associations_of(opened: OpenModel) -> tuple[list[float] | None, list[list[float]] | None]:
    """Correlation ratios with the class (d,), correlations with the factors (d, k).

    Of a factor whose values are names the correlation ratios.
    """
    stored = latents_of(opened)
    by_class = None if stored.labels is None else correlation_ratios(stored.mu, stored.labels)
    if stored.factors is None:
        return None if by_class is None else by_class.tolist(), None
    by_column = correlations(stored.mu, stored.factors)
    for k, column in enumerate(stored.factors.unbind(1)):
        if factor_values and factor_values[k]:
            by_column[:, k] = correlation_ratios(stored.mu, column)
    return None if by_class is None else by_class.tolist(), by_column.tolist()


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=HASHES)
def traversals_of(
    opened: OpenModel, row: int, dims: tuple[int, ...], span: str, sigmas: float
) -> tuple[Tensor, Tensor]:
    """z (dims, STEPS, d) and their images (dims, STEPS, c, h, w)."""
    stored = latents_of(opened)
    z = torch.stack([traversal(stored, row, j, STEPS, span, sigmas) for j in dims])
    images = decoded(opened.model, z.flatten(0, 1))
    return z, images.unflatten(0, z.shape[:2])


@st.fragment
def explore() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        picture = st.container(width=104)
        chosen = choose_image(opened)
    row = chosen.row or 0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        spans = list(SPANS) if model.is_variational else list(SPANS)[:2]
        span = choice_from_link("range", spans, spans[far])
        st.segmented_control(
            "Range of a traversal",
            spans,
            required=True,
            key="range",
            persist_state="session",
            wrap=True,
        )
        sigmas = number_from_link("k", 1, 20, default=3)
        if SPANS[span] == "sigmas":
            st.slider("k", 1, 20, key="k", persist_state="session", width=200)
    with picture:
        image_grid(chosen.x[None], key="chosen-x", testid="chosen", alt=chosen.name, labels=["x"])
    data_note(chosen.is_data)
    show_cards(row, SPANS[span], float(sigmas))
    show_in_address(
        "factors",
        image=chosen.row,
        image_class=drawn_class(),
        range=span,
        k=sigmas if SPANS[span] == "sigmas" else None,
        all_cards=st.session_state["all_cards"],
    )
    show_attribute(row)
    st.fragment(show_scores)(opened, latents)
    explain("factors")
    show_code_of(chosen, SPANS[span], float(sigmas))


def show_cards(row: int, span: str, sigmas: float) -> None:
    used, unused = dims_by_use(opened)
    d_used, used = len(used), used[:MOST_DIMS]
    shown = used[:CARDS]
    if choice_from_link("all_cards", (False, True), default=False):
        shown = used
    if len(used) > CARDS:
        what = f"All {d_used}" if d_used == len(used) else f"{len(used)} of {d_used:,}"
        st.toggle(f"{what} dimensions in use", key="all_cards", persist_state="session")
    st.caption(
        f"{d_used:,} of {d:,} latent dimensions in use, the one of largest "
        f"{measure_of_use(opened)} first. {SPAN_NOTES[span]} The other dimensions stay at the "
        "image's μ."
    )
    st.html(CHIPS)
    show_dims(row, shown, span, sigmas)
    if unused:
        with st.expander(
            f"{len(unused)} unused dimension{'s' * (len(unused) > 1)}", expanded=not used
        ):
            some = f" {CARDS} of them shown." if len(unused) > CARDS else ""
            st.caption(f"Their μ hardly varies over the test set: the decoder ignores them.{some}")
            show_dims(row, unused[:CARDS], span, sigmas)


def show_dims(row: int, dims: list[int], span: str, sigmas: float) -> None:
    if not dims:
        return
    z, images = traversals_of(opened, row, tuple(dims), span, sigmas)
    most = max(latents.kl_per_dim[dims].tolist())
    for k, j in enumerate(dims):
        card(j, z[k, :, j], images[k], most)


def card(j: int, values: Tensor, images: Tensor, most: float) -> None:
    """One dimension: its figures, its name and what it goes with above its traversal."""
    (symbol,) = names_of_dims([j])
    name = dimension_names(opened).get(j, "")
    with st.container(border=True, key=f"card-{j}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            kl = float(latents.kl_per_dim[j])
            use = "active" if bool(latents.active[j]) else "unused"
            st.markdown(
                f"**{symbol}** · KL {kl:.2f} nats · {use}"
                if model.is_variational
                else f"**{symbol}** · variance of μ {float(latents.mu[:, j].var()):.2f}",
                width="content",
            )
            key = f"name-{opened.id}-{j}"
            st.session_state.setdefault(key, name)
            st.text_input(
                f"Name of {symbol}",
                key=key,
                max_chars=LONGEST,
                placeholder="What does it change? Name it",
                label_visibility="collapsed",
                width=NAME_WIDTH,
                on_change=lambda: name_dimension(opened, j, st.session_state[key]),
            )
            chips(j)
        if model.is_variational:
            st.html(f"<div class='kl-bar' style='width:{100 * kl / max(most, 1e-9):.1f}%'></div>")
        image_grid(
            images[None],
            key=f"traversal-{j}",
            testid=f"traversal-{j}",
            alt=f"Traversal of {symbol} {name}",
            captions=[f"{symbol} = {decimal(v)}" for v in values.tolist()],
            labels=[decimal(v, ".1f") for v in values.tolist()],
            min_tile=TILES[0],
            max_tile=TILES[1],
        )


def chips(j: int) -> None:
    """What the dimension goes with: the class, the known factors."""
    by_class, by_column = associations_of(opened)
    parts = []
    if by_class is not None:
        parts.append(_chip("class η", by_class[j], signed=False))
    if by_column is not None:
        by_number = None  # the factor that is the class
        if latents.factors is not None and latents.labels is not None:
            by_number = class_factor(latents.factors, latents.labels)
        named = factor_names or [f"factor {k + 1}" for k in range(len(by_column[j]))]
        texts = [bool(each) for each in factor_values] or [False] * len(named)
        parts += [
            _chip(f"{name} η" if of_texts else f"{name} r", r, signed=not of_texts)
            for k, (name, r, of_texts) in enumerate(zip(named, by_column[j], texts, strict=True))
            if k != by_number
        ]
    st.html(f"<div class='chips'>{''.join(parts)}</div>")


def _chip(name: str, value: float, *, signed: bool = True) -> str:
    colour = SIGNED_COLOURS[value > 0] if signed else VIOLET
    strength = f"{100 * min(abs(value), 1) * 0.55:.0f}%"
    figure = decimal(value)
    return (
        f"<span style='background:color-mix(in srgb, {colour} {strength}, transparent)'>"
        f"{escape(name)} {figure}</span>"
    )


def show_code_of(chosen: ChosenImage, span: str, sigmas: float) -> None:
    used, unused = dims_by_use(opened)
    show_code(
        "factors",
        program(
            "factors",
            CHECKPOINT=place_of(opened),
            ROW=chosen.row or 0,
            DIMS=[*used, *unused][:CARDS],
            STEPS=STEPS,
            SPAN=span,
            SIGMAS=sigmas,
        ),
    )


def show_attribute(row: int) -> None:
    """An attribute vector added to the chosen image's code."""
    attributes = [CLASS] if latents.labels is not None and len(class_names) > 1 else []
    if latents.factors is not None:
        values = factor_values or [[]] * len(factor_names)
        attributes += [n for n, v in zip(factor_names, values, strict=True) if len(v) != 1]
    if not attributes:
        st.caption(
            "The data have neither classes nor a table beside them, so there are no attribute "
            "vectors to add."
        )
        return
    st.header("Attribute vectors")
    attribute = choice_from_link("by", attributes, attributes[0])
    parted, names = latents, class_names
    if attribute != CLASS or CLASS not in attributes:
        k = factor_names.index(attribute)
        parted, found = by_factor(latents, k, factor_values[k] if factor_values else ())
        names = list(found)
    to = choice_from_link("to", names, names[1])
    away = choice_from_link("from", names, names[0])
    t = number_from_link("t", -1.0, 2.0, default=1.0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if len(attributes) > 1:
            st.selectbox("By", attributes, key="by", persist_state="session", width=160)
        st.selectbox("Towards", names, key="to", persist_state="session", width=160)
        st.selectbox("Away from", names, key="from", persist_state="session", width=160)
        st.slider(
            "How much of it is added",
            -1.0,
            2.0,
            step=0.05,
            key="t",
            persist_state="session",
            width=300,
        )
    assert parted.labels is not None
    empty = [n for n in {to, away} if not bool((parted.labels == names.index(n)).any())]
    if empty:
        st.info(f"There is no test image of {plain(', '.join(empty))}; choose another.")
        return
    classes = names.index(to), names.index(away)
    images = decoded(model, attribute_steps(parted, row, *classes, [t, *ATTRIBUTE_STEPS]))
    left, right = st.columns([1, 5], vertical_alignment="center")
    with left:
        image_grid(
            images[None, :1],
            key="attribute-image",
            testid="attribute",
            alt=f"The image with {decimal(t)} of the vector added",
            labels=[decimal(t, "+.2f")],
        )
    with right:
        image_grid(
            images[None, 1:],
            key="attributes",
            testid="attributes",
            alt=f"The image on its way from {away} to {to}",
            labels=[decimal(s, "+.2f") for s in ATTRIBUTE_STEPS],
            min_tile=40,
            max_tile=80,
        )
    of = "" if attribute == CLASS else f"{plain(attribute)} "
    added = f"mean of {of}{plain(to)} − mean of {of}{plain(away)}"
    st.caption(f"z = μ + t ({added}); t = 0 is the reconstruction g(μ).")
    by = None if attribute == attributes[0] else attribute
    show_in_address("attribute", **{"by": by, "to": to, "from": away, "t": t})


explore()
