"""The image that a page is about: a test image by class and index, or a drawing."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from live.images import test_dataset
from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link
from ui.kept import keep, kept
from ui.view.stored import test_rows
from ui.widgets import set_widget
from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

ANY = "any class"
TEST, DRAWN = "Test image", "Drawing"


@dataclass(frozen=True)
class ChosenImage:
    """x (1, c, h, w) in [0, 1]; row: of the stored latents, None for what is none of them.

    name: in words. is_data: or else the decoder's own image.
    """

    x: Tensor
    row: int | None
    name: str
    is_data: bool


def choose_image(opened: OpenModel, *, drawable: bool = False) -> ChosenImage:
    """The controls, and the image that they choose; the address names it `image`, `source`."""
    sources = [TEST, DRAWN] if drawable else [TEST]
    source = choice_from_link("source", sources, TEST)
    if drawable:
        st.segmented_control("Image", sources, required=True, key="source", persist_state="session")
    if source == DRAWN:
        if (drawing := _drawing(opened)) is not None:
            return ChosenImage(drawing, None, "your drawing", is_data=True)
        st.caption("Nothing drawn yet: the test image stays.")
    return _test_image(opened)


def drawn_class() -> str | None:
    """The class that Random draws from, as the address says it; None for any."""
    chosen: str = st.session_state.get("image_class", ANY)
    return None if chosen == ANY else chosen


def preparation(opened: OpenModel) -> Literal["mnist", "fit"]:
    """How a drawing becomes an image such as the model was trained on."""
    return "mnist" if opened.config.get("dataset") == "mnist" else "fit"


def keep_drawing(opened: OpenModel, pixels: bytes) -> None:
    """Remember a drawing, h * w * c bytes; ConfigError when that is no image of the model's."""
    if len(pixels) != math.prod(opened.model.image_shape):
        raise ConfigError(
            f"The drawing has {len(pixels)} values, but the model reads images of "
            f"{opened.model.image_shape}; draw it again."
        )
    st.session_state["drawing"] = (opened.id, pixels)
    keep("drawing", {"model": opened.id, "pixels": pixels.hex()})


def _drawing(opened: OpenModel) -> Tensor | None:
    import torch

    drawn_for, pixels = st.session_state.setdefault("drawing", _kept_drawing())
    channels, height, width = opened.model.image_shape
    if drawn_for != opened.id or len(pixels) != channels * height * width:
        return None
    values = torch.frombuffer(bytearray(pixels), dtype=torch.uint8)
    return (values.reshape(1, height, width, channels).permute(0, 3, 1, 2) / 255).contiguous()


def _kept_drawing() -> tuple[str, bytes]:
    """The model for which this visitor has drawn last, and the pixels; empty where none is kept."""
    found = kept("drawing")
    try:
        return str(found["model"]), bytes.fromhex(found["pixels"])
    except (KeyError, TypeError, ValueError):
        return "", b""


def _test_image(opened: OpenModel) -> ChosenImage:
    latents, dataset = opened.latents, test_dataset(opened)
    n = len(latents) if latents is not None else len(dataset) if dataset is not None else 0
    if not n:
        from vae_core.latent.decoded import prior_samples

        st.caption("The model has no stored latents and its data are not at hand.")
        _, images = prior_samples(opened.model, 1, seed=0)
        return ChosenImage(images, None, "a decoded draw from the prior", False)
    number_from_link("image", 0, n - 1, default=0)
    row: int = min(st.session_state["image"], n - 1)
    set_widget("image", row)
    names = opened.config.get("class_names") or []
    if names and latents is not None and latents.labels is not None:
        choice_from_link("image_class", [ANY, *names], ANY)
        st.selectbox(
            "Class",
            [ANY, *names],
            key="image_class",
            persist_state="session",
            width=124,
            on_change=_draw_lots,
            args=(opened, n),
        )
    st.number_input("Test image", 0, n - 1, key="image", persist_state="session", width=130)
    st.button("Random", icon=":material/casino:", on_click=_draw_lots, args=(opened, n))
    name = f"test image {row}"
    if names and latents is not None and latents.labels is not None:
        name += f", class {names[int(latents.labels[row])]}"
    if dataset is not None:
        index = row if latents is None else int(latents.indices[row])
        return ChosenImage(dataset.floats(slice(index, index + 1)), row, name, True)
    from vae_core.latent.decoded import decoded

    assert latents is not None
    return ChosenImage(decoded(opened.model, latents.mu[row : row + 1]), row, name, False)


def _draw_lots(opened: OpenModel, n: int) -> None:
    rows = test_rows(opened, drawn_class() or None).tolist()
    st.session_state["image"] = secrets.choice(rows or range(n))
