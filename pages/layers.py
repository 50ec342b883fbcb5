"""Layers: what the decoder makes of z, layer by layer, and how a transposed convolution works."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from ui.components.address import choice_from_link, linked, number_from_link, show_in_address
from ui.components.latent_plane import InStep, latent_plane
from ui.figures.layers import matrix, show_maps, show_matrices, size_text, whole_numbers
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_decoder, no_layers
from ui.frame.session import current_model
from ui.text.explain import explain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.parts import choose_part
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, z_text
from vae_core.models.feature_maps import feature_maps
from vae_core.models.transposed_convolution import WorkedExample, counting, most_padding

CELL = 30  # pixels of the small images of the example
BESIDE = 400  # pixels of a layer's maps at least, where they stand beside its name
LONGEST = 120  # characters of the example's numbers
EVERY = "all"
PARTS = {"layers": "Layer by layer", "example": "Transposed convolution, by hand"}
PLANE = "layers"  # whose pointer the maps follow
WITHOUT_MAPS = (  # by the number of layers, the last of which gives the image
    "What this decoder computes with is no layer of PyTorch's own, so there is none to look into. "
    "One of nn.Module's shows more.",
    "This decoder has one layer, which gives the image: there is nothing between the two. A "
    "deeper one shows more.",
    "The layers of this decoder have no maps, only units, shown row by row. A convolutional one "
    "shows more.",
)

opened = current_model()
model = opened.model


@st.fragment
def show_layers() -> None:
    plane = default_plane(opened)
    latent_plane(
        opened.id,
        key=f"layers-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        points=plane_points(opened, plane),
        height=340,
        in_step=InStep(maps=PLANE),
        on_change=keep_z,
    )
    z = current_z(opened)
    layers = feature_maps(model, torch.tensor(z))
    st.caption(
        "Move over the plane: the layers below follow. "
        f"From z ({model.latent_dim}) to the image in {len(layers) - 1} layers; orange above zero, "
        "blue below, each layer on its own scale."
    )
    if all(len(layer.shape) < 3 for layer in layers[:-2]):
        refuse_model(opened, WITHOUT_MAPS[min(len(layers) - 1, 2)], network="conv")
    *layers, image = layers
    for k, layer in enumerate(layers):
        with st.container(border=True, key=f"layer-{k}", horizontal=True):
            with st.container(width=200):
                st.markdown(f"**{k + 1}. {layer.name}**  \n{size_text(layer.shape)}")
                if layer.settings:
                    st.markdown(f"`{layer.settings}`")
            with st.container(width=BESIDE, key=f"wide-{k}"):
                show_maps(layers, k, PLANE)
    with st.container(border=True, key="layer-image", horizontal=True):
        st.markdown(f"**{image.name}**  \n{size_text(image.shape)}", width=200)
        st.caption(f"{image.settings}: the image beside the plane.", width=BESIDE)
    show_in_address("layers", z=z_text(z))
    explain("layers", "Layers")
    show_code("layers", program("layers", CHECKPOINT=place_of(opened), Z=z))


@st.fragment
def show_example() -> None:
    example, pixel, step = choose_example()
    show_example_images(example, pixel)
    show_example_matrices(example, pixel)
    show_example_zeros(example, step)
    apart = float((example.x - example.x_by_torch).abs().max())
    st.markdown(
        f"{size_text(example.size)} → {size_text(example.upsampled)}: y as a vector, times Cᵀ. The "
        f"same by `torch.nn.functional.conv_transpose2d`: **{apart:g}** apart."
    )
    explain("layers", "Transposed convolution")
    show_code(
        "transposed_convolution",
        program(
            "transposed_convolution",
            W=example.kernel.tolist(),
            Y=example.y.tolist(),
            SIZE=example.size,
            STRIDE=example.stride,
            PADDING=example.padding,
        ),
    )


def choose_example() -> tuple[WorkedExample, int | None, int]:
    """The controls: the example, which pixel's stamp alone is shown, if one's, and a pixel of x."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        side = _number("y-side", "Side of y", 1, 3, 2)
        k = _number("kernel", "Side of the kernel", 1, 5, 3)
        stride = _number("stride", "Stride", 1, 3, 1)
        most = min(2, most_padding((side, side), (k, k), stride))
        padding = _number("padding", "Padding", 0, most, 0)
    chosen = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        y = _numbers("y-values", "Numbers of y", side)
        w = _numbers("w-values", "Numbers of the kernel", k)
    example = WorkedExample(y, w, stride, padding)
    with chosen:
        pixels = [EVERY, *map(str, range(1, side * side + 1))]
        pixel = choice_from_link("pixel", pixels, EVERY)
        st.segmented_control(
            "Stamp of pixel", pixels, required=True, key="pixel", persist_state="session"
        )
        step = _number("x-pixel", "Pixel of x", 1, example.x.numel(), 1)
    show_in_address(
        "example",
        **{"y-side": side, "x-pixel": step},
        **{key: st.session_state[key] for key in ("y-values", "w-values")},
        kernel=k, stride=stride, padding=padding, pixel=pixel,
    )  # fmt: skip
    return example, None if pixel == EVERY else int(pixel) - 1, step - 1


def show_example_images(example: WorkedExample, pixel: int | None) -> None:
    """y, the kernel, and x or what one pixel of y puts into it."""
    lit, stamp = np.zeros(example.size, bool), None
    shown, title = example.x, "x = Cᵀy"
    if pixel is not None:
        lit.flat[pixel] = True
        stamp = example.places[pixel].view(example.upsampled).numpy()
        shown, title = example.stamp(pixel), f"y<sub>{pixel + 1}</sub> · w, its part of x"
    order = np.arange(example.kernel.numel()).reshape(example.kernel.shape)
    show_matrices(
        [
            matrix(example.y.numpy(), title="y", lit=lit, side=CELL),
            matrix(example.kernel.numpy(), title="kernel w", places=order, side=CELL),
            matrix(shown.numpy(), title=title, places=stamp, side=CELL),
        ],
        testid="example-images",
    )


def show_example_matrices(example: WorkedExample, pixel: int | None) -> None:
    """C and its transpose, with the row of one pixel of y lit up."""
    st.header("As a matrix")
    c, places = example.matrix, example.places
    lit = np.zeros(c.shape, bool)
    if pixel is not None:
        lit[pixel] = True
    show_matrices(
        [
            matrix(m.numpy(), title=f"{name}, {size_text(m.shape)}", places=p.numpy(), lit=on)
            for name, m, p, on in (("C", c, places, lit), ("Cᵀ", c.T, places.T, lit.T))
        ],
        testid="example-matrices",
    )


def show_example_zeros(example: WorkedExample, step: int) -> None:
    """x by a convolution of y with zeros between and around, one of its pixels worked out."""
    window, lit = np.zeros(example.spread.shape, bool), np.zeros(example.upsampled, bool)
    window[example.window(step)], lit.flat[step] = True, True
    order = np.arange(example.kernel.numel()).reshape(example.kernel.shape)
    st.header("The same by inserted zeros")
    st.markdown(
        f"Zeros between the pixels of y: stride − 1 = {example.stride - 1}; around them: kernel − "
        f"1 − padding = {len(example.kernel) - 1 - example.padding}. Then a convolution of stride "
        "1 with the kernel turned by 180°."
    )
    show_matrices(
        [
            matrix(example.spread.numpy(), title="y with zeros", lit=window, side=CELL),
            matrix(example.flipped.numpy(), title="w, turned", places=np.flip(order), side=CELL),
            matrix(example.x_by_zeros.numpy(), title="x", lit=lit, side=CELL),
        ],
        testid="example-zeros",
    )
    covered = example.spread[example.window(step)]
    products = [
        f"{pixel:g} · {weight:g}"
        for pixel, weight in zip(covered.flatten(), example.flipped.flatten(), strict=True)
        if pixel
    ]
    st.caption(
        f"Pixel {step + 1} of x: {' + '.join(products) or 'zeros alone'} = "
        f"{example.x_by_zeros.flatten()[step]:g}.".replace("-", "−")
    )


def _numbers(key: str, label: str, side: int) -> torch.Tensor:
    """The side x side whole numbers that the visitor gives, row by row; else 1, 2, …."""
    if key not in st.session_state:
        st.session_state[key] = linked(key)[:LONGEST]
    counted = counting(side)
    text = st.text_input(
        label,
        key=key,
        persist_state="session",
        max_chars=LONGEST,
        placeholder="; ".join(" ".join(f"{v:g}" for v in row) for row in counted),
        help=f"{side * side} whole numbers from −99 to 99, row by row; empty to count them.",
        width=304,
    )
    numbers = whole_numbers(text)
    if not numbers and not text.strip():
        return counted
    if len(numbers) != side * side:
        st.caption(f":material/warning: {side * side} whole numbers from −99 to 99, please.")
        return counted
    return torch.tensor(numbers, dtype=counted.dtype).view(side, side)


def _number(key: str, label: str, low: int, high: int, default: int) -> int:
    value = number_from_link(key, low, high, default)
    st.number_input(label, low, high, key=key, persist_state="session", width=128)
    return value


if choose_part(PARTS, "layers") == "example":
    show_example()
elif lacking := no_decoder(opened) or no_layers(opened):
    refuse_model(opened, f"{lacking} Without layers there are none to look into.")
    explain("layers", "Layers")
else:
    show_layers()
