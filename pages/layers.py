"""Layers: what the decoder makes of z, layer by layer, and how a transposed convolution works."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.latent_plane import InStep, latent_plane
from ui.figures.layers import matrix, show_maps, show_matrices, size_text
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_decoder, no_layers
from ui.frame.session import current_model
from ui.text.explain import explain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, z_text
from vae_core.models.feature_maps import feature_maps
from vae_core.models.transposed_convolution import WorkedExample, most_padding

CELL = 30  # pixels of the small images of the example
EVERY = "all"
PLANE = "layers"  # whose pointer the maps follow

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
        refuse_model(
            opened,
            "This decoder is fully connected: its layers have no maps, only units, shown as "
            "strips. A convolutional one shows more.",
            network="conv",
        )
    *layers, image = layers
    for k, layer in enumerate(layers):
        with st.container(border=True, key=f"layer-{k}", horizontal=True):
            with st.container(width=200):
                st.markdown(f"**{k + 1}. {layer.name}**  \n{size_text(layer.shape)}")
                if layer.settings:
                    st.caption(f"`{layer.settings}`")
            with st.container(width=690):
                show_maps(layers, k, PLANE)
    with st.container(border=True, key="layer-image", horizontal=True):
        st.markdown(f"**{image.name}**  \n{size_text(image.shape)}", width=200)
        st.caption(f"`{image.settings}`: the image beside the plane.", width=690)
    show_in_address("layers", z=z_text(z))
    show_code("layers", program("layers", CHECKPOINT=place_of(opened), Z=z))
    explain("layers", "Layers")


@st.fragment
def show_example() -> None:
    st.subheader("Transposed convolution, by hand")
    example, pixel = choose_example()
    show_example_images(example, pixel)
    show_example_matrices(example, pixel)
    apart = float((example.x - example.x_by_torch).abs().max())
    st.markdown(
        f"{size_text(example.size)} → {size_text(example.upsampled)}: y as a vector, times Cᵀ. The "
        f"same by `torch.nn.functional.conv_transpose2d`: **{apart:g}** apart."
    )
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
    explain("layers", "Transposed convolution")


def choose_example() -> tuple[WorkedExample, int | None]:
    """The row of controls: the example, and which pixel's stamp alone is shown, if one's."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        side = _number("y-side", "Side of y", 1, 3, 2)
        k = _number("kernel", "Side of the kernel", 1, 3, 3)
        stride = _number("stride", "Stride", 1, 3, 1)
        most = min(2, most_padding((side, side), (k, k), stride))
        padding = _number("padding", "Padding", 0, most, 0)
        pixels = [EVERY, *map(str, range(1, side * side + 1))]
        pixel = choice_from_link("pixel", pixels, EVERY)
        st.segmented_control(
            "Stamp of pixel", pixels, required=True, key="pixel", persist_state="session"
        )
    show_in_address(
        "example",
        **{"y-side": side},
        kernel=k, stride=stride, padding=padding, pixel=pixel,
    )  # fmt: skip
    return WorkedExample(side, k, stride, padding), None if pixel == EVERY else int(pixel) - 1


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


def _number(key: str, label: str, low: int, high: int, default: int) -> int:
    value = number_from_link(key, low, high, default)
    st.number_input(label, low, high, key=key, persist_state="session", width=150)
    return value


if lacking := no_decoder(opened) or no_layers(opened):
    refuse_model(opened, f"{lacking} Without layers there are none to look into.")
else:
    show_layers()
show_example()
