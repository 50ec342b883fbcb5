"""The way in view: its ends a and b and the stops between, remembered and in the URL.

As text an end is `test:17`, the mean of a test image, or `0.500,-1.200`, a z.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from live.models import OpenModel
from ui.components.address import linked, refuse
from ui.view.point import MAX_IN_ADDRESS, parse_z, written, z_in_words

MAX_BETWEEN = 8
_TEST_IMAGE = re.compile(r"test:(\d{1,9})")
_NO_COMMA_BETWEEN = re.compile(r";|[^,\s]\s+[^,\s]")  # the numbers, so commas are decimal


@dataclass(frozen=True)
class End:
    """A place in latent space: z (d,), and the row of the stored latents whose mean it is."""

    z: tuple[float, ...]
    row: int | None = None

    @property
    def text(self) -> str:
        return written(self.z) if self.row is None else f"test:{self.row}"


def end_of_row(opened: OpenModel, row: int) -> End | None:
    """The mean of a test image; None where the model has not stored so many."""
    if opened.latents is None or not 0 <= row < len(opened.latents):
        return None
    return End(tuple(opened.latents.mu[row].tolist()), row)


def parse_end(opened: OpenModel, text: str) -> End | None:
    """The end that a text names; None when it names none of this model's."""
    if image := _TEST_IMAGE.fullmatch(text.strip()):
        return end_of_row(opened, int(image[1]))
    z = parse_z(text)
    return End(z) if len(z) == opened.model.latent_dim else None


def parse_typed_end(opened: OpenModel, text: str) -> End | None:
    """As `parse_end`, of what is typed or pasted: `z = (−0.65, −0.02)` and `−0,65; −0,02` too."""
    bare = re.sub(r"^\s*z\s*=", "", text.replace("−", "-")).strip(" \t()[]")
    if _NO_COMMA_BETWEEN.search(bare):
        bare = bare.replace(",", ".")
    return parse_end(opened, re.sub(r"\s*[,;]\s*|\s+", ",", bare))


def ends(opened: OpenModel) -> tuple[End, End]:
    """Both ends: as they were set last, or as the link says, or the first two test images."""
    a, b = (parse_end(opened, _remembered(opened, side)) for side in "ab")
    default_a, default_b = end_of_row(opened, 0), end_of_row(opened, 1)
    if default_a is None or default_b is None:
        from vae_core.latent.decoded import prior_samples

        draws, _ = prior_samples(opened.model, 2, seed=0)
        default_a, default_b = (End(tuple(z.tolist())) for z in draws)
    return a or default_a, b or default_b


def stops_between(opened: OpenModel) -> list[tuple[float, ...]]:
    """The stops that the way passes on its way from a to b."""
    stops = [parse_z(text) for text in _remembered(opened, "via").split(";")[:MAX_BETWEEN]]
    return [z for z in stops if len(z) == opened.model.latent_dim]


def set_end(side: str, end: End | None) -> None:
    """Remember end "a" or "b"; None changes nothing."""
    if end is not None:
        st.session_state[f"way-{side}"] = end.text


def set_between(stops: Sequence[Sequence[float]]) -> None:
    st.session_state["way-via"] = ";".join(map(written, stops))


def way_texts(opened: OpenModel) -> dict[str, str]:
    """The whole way as the address says it, but for places that are too long for one."""
    a, b = ends(opened)
    via = ";".join(map(written, stops_between(opened)))
    texts = {"a": a.text, "b": b.text, "via": via}
    if opened.model.latent_dim <= MAX_IN_ADDRESS:
        return texts
    return {name: text if _TEST_IMAGE.fullmatch(text) else "" for name, text in texts.items()}


def _remembered(opened: OpenModel, name: str) -> str:
    """End "a" or "b", or the stops "via", as text; at first the link's."""
    key = f"way-{name}"
    if key not in st.session_state:
        st.session_state[key] = linked(name)
        if linked(name):
            _check_linked(opened, name)
    return str(st.session_state[key])


def _check_linked(opened: OpenModel, name: str) -> None:
    if name == "via":
        stops = linked("via").split(";")
        if len(stops_between(opened)) < len(stops):
            d = opened.model.latent_dim
            refuse("via", f"{MAX_BETWEEN} stops at most, each {d} numbers; others are left out")
    elif parse_end(opened, linked(name)) is None:
        place = {"a": "first", "b": "second"}[name]
        refuse(name, f"{ends_in_words(opened)} is expected; the {place} test image is shown")


def ends_in_words(opened: OpenModel) -> str:
    """What `parse_end` takes for this model."""
    z = f"a z of {z_in_words(opened.model.latent_dim)}"
    return z if opened.latents is None else f"test:0 to test:{len(opened.latents) - 1} or {z}"
