"""Decode z: a slider for every latent dimension, beside the plane and the image."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence

import streamlit as st

from ui.components.action_button import action_button
from ui.components.address import show_in_address
from ui.components.gesture import gesture, watch_gestures
from ui.components.latent_plane import InStep, PlaneResult, latent_plane
from ui.frame.kinds import NEAREST
from ui.frame.session import current_model
from ui.kept import results
from ui.numbers import percent
from ui.text.explain import explain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.axes import FEWEST, axes_of, most_axes, too_many_dims
from ui.view.dims import dims_by_use, measure_of_use, names_of_dims
from ui.view.planes import default_plane, plane_points
from ui.view.point import current_z, set_z, z_text
from ui.view.reach import slider_reach
from ui.widgets import set_widget
from vae_core.latent.decoded import prior_samples
from vae_core.latent.latents import class_mean, prior_percentile

MAX_HISTORY = 50
MANY = 6  # sliders; more of them stand side by side where there is room
# The image stays in view while long rows of sliders are scrolled past it, above them where there is
# no room for both.
LAYOUT = """
<style>
[data-testid="stHorizontalBlock"]:has(.st-key-picture) { flex-wrap: wrap-reverse; }
[data-testid="stColumn"]:has(.st-key-controls) { min-width: min(10rem, 100%); }
[data-testid="stColumn"]:has(.st-key-picture) {
  position: sticky; top: 3.75rem; z-index: 2; align-self: flex-end; min-width: min(24rem, 100%);
  background: var(--page-background);
}
[class*="st-key-many"] {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr));
}
</style>
"""

opened = current_model()
along_axes = too_many_dims(opened)
history: list[tuple[float, ...]] = st.session_state.setdefault("z_history", [])


def move(z: Sequence[float], *, remember: bool = True) -> None:
    """Go to z: sliders, plane, URL; the old place can be come back to."""
    if remember:
        history.append(current_z(opened))
        del history[:-MAX_HISTORY]
    set_z(z)
    reach = reach_of_sliders()
    for j, value in enumerate(axes_of(opened).at(z) if along_axes else z):
        set_widget(f"slider-{j}", min(reach, max(-reach, float(value))))
    st.session_state["slid"] = None
    results("moves")[opened.id] = z_text(z), list(history)


def reach_of_sliders() -> float:
    return axes_of(opened).reach if along_axes else slider_reach(opened)


def moves_to(z: Sequence[float]) -> list[tuple[float, ...]]:
    """Where Undo leads from z, as a session of the visitor's that ended there left it."""
    there, moves = results("moves").get(opened.id, ("", []))
    return moves if there == z_text(z) else []


def slider_moved(j: int) -> None:
    """A step of a slider; the steps of one gesture, as of a key that is held, are one Undo."""
    z, value = list(current_z(opened)), st.session_state[f"slider-{j}"]
    if along_axes:
        z = axes_of(opened).moved(z, j, value)
    else:
        z[j] = value
    slid = (j, gesture())
    move(z, remember=slid != st.session_state.get("slid"))
    st.session_state["slid"] = slid


def plane_moved(shown: PlaneResult) -> None:
    if shown.z is not None:
        move(shown.z)


def undo() -> None:
    move(history.pop(), remember=False)
    st.session_state["undone"] = True


def draw() -> None:
    z, _ = prior_samples(opened.model, 1, secrets.randbelow(2**31))
    move(z[0].tolist())


def to_class() -> None:
    if opened.latents is not None and (name := st.session_state["to_class"]) is not None:
        label = opened.config["class_names"].index(name)
        move(class_mean(opened.latents, label).tolist())
        st.session_state["to_class"] = None  # so that the same class can be chosen again


def to_image() -> None:
    if opened.latents is not None and (index := st.session_state["to_image"]) is not None:
        move(opened.latents.mu[index].tolist())
        st.session_state["to_image"] = None


def sliders(dims: Sequence[int], names: Sequence[str], values: Sequence[float]) -> None:
    """names, values: of all sliders, of which those of `dims` stand here."""
    reach = reach_of_sliders()
    with st.container(key=f"many-{dims[0]}" if len(dims) > MANY else None):
        for j in dims:
            st.session_state.setdefault(f"slider-{j}", min(reach, max(-reach, values[j])))
            st.slider(
                names[j],
                -reach,
                reach,
                step=0.01,
                key=f"slider-{j}",
                on_change=slider_moved,
                args=(j,),
            )


def explore() -> None:
    watch_gestures()
    if along_axes:
        sliders_of_axes()
    else:
        sliders_of_dims()
    z = current_z(opened)
    share = prior_percentile(z)
    st.markdown(
        f"‖z‖ = **{math.hypot(*z):.2f}**, farther out than **{percent(share)}** of the prior "
        f"N(0, I) in {len(z)} dimensions."
    )
    action_button("Undo", key="undo", testid="undo", on_click=undo, disabled=not history)
    if st.session_state.pop("undone", False):  # a button that is disabled now tells of no click
        st.rerun()  # the plane, too
    show_in_address("z", z=z_text(z), axes=st.session_state["axes"] if along_axes else None)


def sliders_of_dims() -> None:
    active, unused = dims_by_use(opened)
    z = current_z(opened)
    names = names_of_dims(range(len(z)))
    sliders(active, names, z)
    if len(active) > 1 and opened.latents is not None:
        st.caption(f"Ordered by {measure_of_use(opened)}, the most telling first.")
    if unused:
        with st.expander(f"{len(unused)} unused dimension{'s' * (len(unused) > 1)}"):
            st.caption("Their μ hardly varies over the test set: the decoder ignores them.")
            sliders(unused, names, z)


def sliders_of_axes() -> None:
    """More dimensions than sliders: these stand along the directions in which codes vary most."""
    axes = axes_of(opened)
    st.number_input(
        "Axes",
        FEWEST,
        most_axes(opened),
        key="axes",
        persist_state="session",
        on_change=forget_sliders,
    )
    sliders(range(len(axes.names)), axes.names, axes.at(current_z(opened)))
    what = "the first" if opened.latents is None else "the main axes (PCA) of μ, from its mean,"
    d = opened.model.latent_dim
    st.caption(f"Along {what} of {d:,} dimensions; the rest of z stays as it is.")


def forget_sliders() -> None:
    """Let all of them stand where z is: some may have been another model's."""
    for k in range(most_axes(opened)):
        st.session_state.pop(f"slider-{k}", None)


def picture() -> None:
    view, z = default_plane(opened), current_z(opened)
    latent_plane(
        opened.id,
        key=f"decode-plane-{opened.id}",
        z=z,
        plane=view,
        points=plane_points(opened, view),
        in_step=None
        if along_axes
        else InStep(sliders=names_of_dims(range(opened.model.latent_dim))),
        height=400,
        compact=not along_axes,
        on_change=plane_moved,
    )
    if not opened.model.has_decoder:
        st.caption(NEAREST)
    if opened.model.latent_dim > 2 and opened.latents is not None:
        st.caption("The plane lies along the two main axes of μ (PCA).")


def jumps() -> None:
    with st.container(horizontal=True):
        st.button("Reset", on_click=move, args=([0.0] * opened.model.latent_dim,))
        st.button("Random", on_click=draw, help="Draw z from the prior")
    if opened.latents is None:
        return
    if opened.latents.labels is not None and opened.config.get("class_names"):
        st.selectbox(
            "Jump to the mean of a class",
            opened.config["class_names"],
            index=None,
            key="to_class",
            on_change=to_class,
        )
    st.number_input(
        "Start from a test image",
        0,
        len(opened.latents) - 1,
        value=None,
        placeholder=f"0 to {len(opened.latents) - 1:,}",
        key="to_image",
        on_change=to_image,
    )


if len(current_z(opened)) and st.session_state.get("sliders_of") != opened.id:
    history[:] = moves_to(current_z(opened))
    move(current_z(opened), remember=False)  # another model's sliders stand elsewhere
    st.session_state["sliders_of"] = opened.id
st.html(LAYOUT)
left, right = st.columns([2, 5] if len(current_z(opened)) <= MANY else [3, 4], gap="medium")
with left.container(key="controls"):
    if along_axes:
        explore()
    else:  # what a slider changes, and no more: the plane follows in the browser, so it is not sent
        st.fragment(explore)()
    jumps()
with right.container(key="picture"):
    picture()
explain("decode")
if opened.model.has_decoder:
    z = current_z(opened)
    show_code("decode", program("decode", CHECKPOINT=place_of(opened), Z=z))
