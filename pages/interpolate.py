"""Interpolate: the way from one image to another through latent space, as a film."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.images import test_dataset
from ui.components.action_button import action_button
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import InStep, PlaneResult, Way, latent_plane
from ui.figures.bars import bars
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_decoder
from ui.frame.session import current_model
from ui.images.pictures import data_note, png
from ui.numbers import digits
from ui.palette import SYMBOL_COLOURS
from ui.text.explain import explain
from ui.text.plain import file_name
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.ends import (
    MAX_BETWEEN,
    End,
    end_of_row,
    ends,
    ends_in_words,
    parse_typed_end,
    set_between,
    set_end,
    stops_between,
    way_texts,
)
from ui.view.planes import default_plane, plane_points
from ui.view.point import current_z, set_z, z_text
from ui.view.stored import test_rows
from ui.widgets import is_echo, set_widget
from vae_core.latent.animation import enlarged, gif_bytes
from vae_core.latent.decoded import decoded, prior_samples
from vae_core.latent.paths import interpolate_through, path_methods, step_lengths

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 2, 40
PLAYING = -1  # the frame of a film that has not come to rest yet
STRIP_SIDE = 112  # pixels of a frame in the exported strip

opened = current_model()
if lacking := no_decoder(opened):
    refuse_model(opened, f"{lacking} Without one there is no way from one image to another.")
    explain("interpolate")
    st.stop()
model = opened.model
latents = opened.latents
class_names: list[str] = opened.config.get("class_names") or []
labels = latents.labels if latents is not None and class_names else None
dataset = test_dataset(opened)


def choose(side: str, end: End | None) -> None:
    """Set an end; what was typed for it before, and was none, is no longer spoken of."""
    if end is not None:
        st.session_state.pop(f"not_understood-{side}", None)
    set_end(side, end)


def swap() -> None:
    a, b = ends(opened)
    choose("a", b)
    choose("b", a)
    set_between(stops_between(opened)[::-1])


def is_old(name: str, side: str) -> bool:
    """Whether the browser says so of an end that it shows no longer."""
    return is_echo(f"{name}-{side}", *(f"{each}-{side}" for each in ("class", "index", "typed")))


def to_class(side: str) -> None:
    if is_old("class", side):
        return
    rows = test_rows(opened, st.session_state[f"class-{side}"])
    choose(side, end_of_row(opened, int(rows[0])))


def to_index(side: str, rows: range | list[int]) -> None:
    index = st.session_state[f"index-{side}"]
    if index is not None and not is_old("index", side):
        choose(side, end_of_row(opened, rows[index]))


def to_random_image(side: str, n: int) -> None:
    choose(side, end_of_row(opened, secrets.randbelow(n)))


def to_prior(side: str) -> None:
    z, _ = prior_samples(model, 1, secrets.randbelow(2**31))
    choose(side, End(tuple(z[0].tolist())))


def to_typed(side: str) -> None:
    if is_old("typed", side):
        return
    end = parse_typed_end(opened, st.session_state[f"typed-{side}"])
    st.session_state[f"not_understood-{side}"] = end is None
    choose(side, end)


def on_plane(shown: PlaneResult) -> None:
    """Stops were moved: an end that was dragged is no test image any more."""
    if shown.stops is None:
        return
    first, *between, last = shown.stops.tolist()
    for side, old, z in zip("ab", ends(opened), (first, last), strict=True):
        if z_text(old.z) != z_text(z):
            choose(side, End(tuple(z)))
    set_between(between)


def choose_end(side: str, end: End) -> None:
    """A card: the end's images, and the ways to choose another."""
    with st.container(border=True, horizontal=True, vertical_alignment="top"):
        with st.container(width=180):
            show_end(side, end)
        with st.container(width=230):
            if latents is not None:
                choose_image(side, end.row, len(latents))
            if f"typed-{side}" not in st.session_state:  # the visitor was on another page
                st.session_state.pop(f"not_understood-{side}", None)
            set_widget(f"typed-{side}", z_text(end.z))
            st.text_input(
                f"z of {side.upper()}", key=f"typed-{side}", on_change=to_typed, args=(side,)
            )
            if st.session_state.get(f"not_understood-{side}"):
                st.error(f"That is no z: give {ends_in_words(opened)}, with commas between.")
            with st.container(horizontal=True):
                if latents is not None:
                    st.button(
                        "Random image",
                        key=f"image-{side}",
                        on_click=to_random_image,
                        args=(side, len(latents)),
                    )
                st.button(
                    "Draw z",
                    key=f"draw-{side}",
                    on_click=to_prior,
                    args=(side,),
                    help="Draw z from the prior",
                )


def choose_image(side: str, row: int | None, n: int) -> None:
    """A test image by its class and its place within the class, or by its place alone."""
    rows: range | list[int] = range(n)
    left, right = st.columns(2) if labels is not None else [st.container()] * 2
    if labels is not None:
        label = None if row is None else int(labels[row])
        set_widget(f"class-{side}", None if label is None else class_names[label])
        left.selectbox(
            f"Class of {side.upper()}",
            class_names,
            placeholder="–",
            key=f"class-{side}",
            on_change=to_class,
            args=(side,),
        )
        if label is not None:
            rows = test_rows(opened, class_names[label]).tolist()
    set_widget(f"index-{side}", None if row is None else rows.index(row))
    right.number_input(
        f"Index of {side.upper()}",
        0,
        len(rows) - 1,
        key=f"index-{side}",
        on_change=to_index,
        args=(side, rows),
        help=f"0 to {len(rows) - 1:,}",
    )


def show_end(side: str, end: End) -> None:
    """The decoded image; the real one before it where the data set is at hand."""
    images, names = [decoded(model, torch.tensor([end.z]))[0]], ["decoded"]
    if end.row is not None and latents is not None and dataset is not None:
        images.insert(0, dataset.floats(latents.indices[[end.row]])[0])
        names.insert(0, "real")
    what = "z" if end.row is None else f"test image {end.row:,}"
    st.markdown(f"**{side.upper()}** · {what}")
    image_grid(
        torch.stack(images)[None],
        key=f"end-{side}",
        testid=f"end-{side}",
        alt=f"End {side.upper()}, {what}: {' and '.join(names)}",
        labels=names,
        gap=8,
        max_tile=112,
    )


def show_plane(stops: Tensor, method: str, steps: int) -> None:
    """The way on the plane: its stops can be moved, and the film's frame is shown large."""
    view = default_plane(opened)
    latent_plane(
        opened.id,
        key=f"way-{opened.id}",
        z=current_z(opened),
        plane=view,
        points=plane_points(opened, view),
        way=Way(
            stops.numpy(),
            "spherical" if method == "spherical" else "linear",
            steps,
            most=MAX_BETWEEN + 2,
        ),
        in_step=InStep(grid="filmstrip"),
        mode="stops",
        height=340,
        on_change=on_plane,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "1 is A, the last stop is B: drag them; a click adds a stop. A frame on which the film "
            "rests becomes the z of every page."
        )
        if len(stops) > 2:
            st.button("Remove the stops between", on_click=set_between, args=([],))


def show_film(path: Tensor, images: Tensor, lengths: Tensor, frame: int) -> None:
    """The film strip and its player; the frame it rests on becomes the z of all pages."""

    def rest(k: int) -> None:
        st.session_state["frame"] = k
        set_z(path[k].tolist())

    gone = [0.0, *lengths.cumsum(0).tolist()]
    image_grid(
        images[None],
        key="filmstrip",
        testid="filmstrip",
        alt=f"{len(images)} images decoded along the way from A to B",
        captions=[
            f"{k + 1} of {len(images)}, {distance:.2f} from A" for k, distance in enumerate(gone)
        ],
        min_tile=86,
        max_tile=140,
        gap=6,
        player=True,
        frame=None if frame == PLAYING else frame,
        on_frame=rest,
    )


def show_lengths(path: Tensor, images: Tensor, lengths: Tensor) -> None:
    straight = float(step_lengths(path[[0, -1]]))
    changes = step_lengths(images.flatten(1))
    left, right = st.columns(2, gap="medium")
    with left:
        bars(
            lengths.tolist(),
            title="Step length in latent space",
            colour=SYMBOL_COLOURS["z"],
            note=f"total {float(lengths.sum()):.2f}, straight line {straight:.2f}",
        )
    with right:
        bars(
            changes.tolist(),
            title="Change of the image",
            colour=SYMBOL_COLOURS["mu"],
            note=f"a step {span_in_words(float(changes.min()), float(changes.max()))}",
        )
    st.caption(
        "Both are Euclidean, from each frame to the next: of z, and of all pixels in [0, 1]. "
        "Equal steps of z need not change the image equally."
    )


def span_in_words(low: float, high: float) -> str:
    """From one to the other, with as many digits as tell them apart."""
    for count in (2, 3, 4):
        texts = digits(low, count), digits(high, count)
        if texts[0] != texts[1]:
            return " to ".join(texts)
    return digits(low, 2)


def downloads(images: Tensor) -> None:
    name = file_name(f"{opened.config.get('dataset')}-interpolation")
    for label, make, ending in (
        ("GIF", lambda: gif_bytes(images), "gif"),
        ("PNG", lambda: png(enlarged(images, STRIP_SIDE)[None], gap=4), "png"),
    ):
        st.download_button(
            label,
            make,
            f"{name}.{ending}",
            f"image/{ending}",
            icon=":material/download:",
            on_click="ignore",
        )


@st.fragment
def explore() -> None:
    a, b = ends(opened)
    between = stops_between(opened)

    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with row:
        method = choice_from_link("method", list(path_methods()), "linear")
        st.segmented_control(
            "Way",
            list(path_methods()),
            required=True,
            key="method",
            persist_state="session",
            help="Spherical: the direction turns evenly, the norm changes evenly (slerp).",
        )
        steps = number_from_link("steps", *STEPS, default=16)
        st.slider(
            "Steps a leg" if between else "Steps",
            *STEPS,
            key="steps",
            persist_state="session",
            width=220,
            help="Frames from each stop to the next, with both of them.",
        )
        action_button("Swap ends", key="swap", testid="swap-ends", icon="swap_horiz", on_click=swap)

    stops = torch.tensor([a.z, *between, b.z])
    path = interpolate_through(stops, steps, method)
    images = decoded(model, path)
    lengths = step_lengths(path)

    show_plane(stops, method, steps)
    film = st.container()
    with row:
        downloads(images)

    for column, side, end in zip(st.columns(2), "ab", (a, b), strict=True):
        with column:
            choose_end(side, end)
    if a.row is not None or b.row is not None:
        data_note(dataset is not None)
    show_lengths(path, images, lengths)
    z = z_text(current_z(opened))
    frame = number_from_link("frame", PLAYING, len(path) - 1, default=PLAYING)
    show_in_address(
        "way",
        method=method,
        steps=steps,
        frame=None if frame == PLAYING else frame,
        z=z,
        **way_texts(opened),
    )
    # Last: a film that rests tells of its new z at once, and by then the browser knows the ends'
    # new values; its old ones would come along and be taken for the visitor's.
    with film:
        show_film(path, images, lengths, frame)
    explain("interpolate")
    show_code(
        "interpolate",
        program(
            "interpolate",
            CHECKPOINT=place_of(opened),
            STOPS=stops.tolist(),
            STEPS=steps,
            METHOD=method,
        ),
    )


explore()
