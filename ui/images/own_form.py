"""What becomes of a visitor's own images: each choice, at first as guessed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from ui.components.address import choice_from_link, show_in_address
from ui.frame import limits
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import Preview
from vae_core.data.own.values import Scale, range_of
from vae_core.files.zip_names import ENCODINGS

SIZES = ((16, 16), (28, 28), (32, 32), (48, 48), (64, 64))
FIRST_SIZE = (32, 32)
FITS = {"crop": "cut to fit", "pad": "whole, on black"}
AXES = {"n": "images", "h": "height", "w": "width", "c": "channels"}
UNSAID = ""  # axes that cannot be guessed
ASKED = "to be chosen"  # where nobody can know which values are black and white
FRAMES = {"all": "each an image", "first": "the first alone"}


def choose_axes(options: Sequence[str]) -> str | None:
    """Which axes are chosen in place of the first, if there is a choice."""
    chosen = None
    if options:
        axes = choice_from_link("own_axes", options, options[0])
        chosen = None if axes == options[0] else axes
        st.selectbox(
            "Axes",
            options,
            format_func=lambda axes: ", ".join(AXES[axis] for axis in axes) or "to be chosen",
            key="own_axes",
            persist_state="session",
            help="What each axis of the array counts.",
            width=290,
        )
    show_in_address("own-axes", own_axes=chosen)
    return chosen


def choose_form(first: Preview) -> ImageForm:
    """Each choice about the images, at first as guessed; what would change nothing is not asked."""
    own = first.largest if first.smallest == first.largest else None
    if own is not None and max(own) > limits.MAX_IMAGE_SIDE:
        own = None
    sizes = [own, *(size for size in SIZES if size != own)] if own else list(SIZES)
    named = {by_name(size): size for size in sizes}
    first_size = by_name(own or FIRST_SIZE)
    chosen = choice_from_link("own_size", list(named), first_size)
    size = named[chosen]
    first_colour = "colour" if first.in_colour else "grey"
    colour = "grey"
    if first.stored_in_colour:
        colour = choice_from_link("own_colour", ("colour", "grey"), first_colour)
    fit = choice_from_link("own_fit", tuple(FITS), "crop") if size != own else "crop"
    scales = {range_of(scale): scale for scale in first.reading.scales}
    first_scale = ASKED if first.reading.doubt else range_of(first.reading.scale)
    if first.reading.doubt:
        scales = {ASKED: first.reading.scale} | scales
    scale = choice_from_link("own_scale", list(scales), first_scale)
    frames = choice_from_link("own_frames", tuple(FRAMES), "all") if first.stacks else "all"
    names = None
    if first.encodings:
        guess = first.encodings[0]
        encoding = choice_from_link("own_names", first.encodings, guess)
        names = None if encoding == guess else encoding
    _ask(first, named, scales, own, size)
    show_in_address(
        "own",
        own_size=None if chosen == first_size else chosen,
        own_colour=None if colour in (first_colour, "") or not first.stored_in_colour else colour,
        own_fit=None if fit == "crop" else fit,
        own_scale=None if scale == first_scale else scale,
        own_frames=None if frames == "all" else frames,
        own_names=names,
    )
    return ImageForm(
        size,
        fit,
        None if colour == first_colour else colour,  # what was guessed, as a guess: it is told
        None if scale == first_scale else scales[scale],
        frames,
        names,
    )


def _ask(
    first: Preview,
    named: dict[str, tuple[int, int]],
    scales: dict[str, Scale],
    own: tuple[int, int] | None,
    size: tuple[int, int],
) -> None:
    """The questions that are open, in a row.

    named: the sizes offered; scales: the ranges offered; own: the size that all images have.
    """
    with st.container(horizontal=True):
        st.selectbox(
            "Size",
            list(named),
            format_func=lambda name: f"{name}, as they are" if named[name] == own else name,
            key="own_size",
            persist_state="session",
            help="Height and width in pixels; small images are learned in minutes.",
            width=200,
        )
        if first.stored_in_colour:
            st.segmented_control(
                "Colour",
                ("colour", "grey"),
                required=True,
                key="own_colour",
                persist_state="session",
            )
        if size != own:
            st.segmented_control(
                "Other shapes",
                tuple(FITS),
                required=True,
                format_func=FITS.__getitem__,
                key="own_fit",
                persist_state="session",
                wrap=True,
            )
        if len(scales) > 1:
            st.selectbox(
                "Black and white",
                list(scales),
                format_func=partial(_shown_scale, first, scales),
                key="own_scale",
                persist_state="session",
                help=f"The values run from {first.values}. Which of them are black and white?",
                width=260,
            )
        if first.stacks:
            st.segmented_control(
                "Several in a file",
                tuple(FRAMES),
                required=True,
                format_func=FRAMES.__getitem__,
                key="own_frames",
                persist_state="session",
                wrap=True,
            )
        if first.encodings:
            st.selectbox(
                "Names are written in",
                first.encodings,
                format_func=lambda encoding: f"{ENCODINGS[encoding]} ({encoding})",
                key="own_names",
                persist_state="session",
                help="Where they look wrong: the archive does not say it.",
                width=240,
            )


def _shown_scale(first: Preview, scales: dict[str, Scale], name: str) -> str:
    """A scale and what it is known as."""
    kinds = {
        (first.values.low, first.values.high): "lowest to highest",
        (0, 255): "8 bits",
        (0, 4_095): "12 bits",
        (0, 65_535): "16 bits",
    }
    kind = "" if name == ASKED else kinds.get(scales[name], "")
    return f"{name}, {kind}" if kind else name


def by_name(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
