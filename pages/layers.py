"""Layers: what the decoder makes of z, layer by layer, and how a transposed convolution works."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from torch.nn import functional

from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.latent_plane import InStep, latent_plane
from ui.figures.layers import matrix, show_maps, show_matrices, size_text
from ui.frame.session import current_model
from ui.text.explain import explain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, z_text
from vae_core.models.feature_maps import feature_maps
from vae_core.models.transposed_convolution import convolution_matrix, kernel_places, upsampled_size

CONVOLUTIONAL = "mnist-16d"
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
        st.info(
            "This decoder is fully connected: its layers have no maps, only units, shown as "
            f"strips. A convolutional one shows more; choose {CONVOLUTIONAL} in the sidebar."
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
    show_code(program("layers", CHECKPOINT=place_of(opened), Z=z))
    explain("layers", "Layers")


@st.fragment
def show_example() -> None:
    st.subheader("Transposed convolution, by hand")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        side = _number("y-side", "Side of y", 1, 3, 2)
        k = _number("kernel", "Side of the kernel", 1, 3, 3)
        stride = _number("stride", "Stride", 1, 3, 1)
        most = ((side - 1) * stride + k - 1) // 2  # more would leave nothing
        padding = _number("padding", "Padding", 0, min(2, most), 0)
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
    size, kernel_size = (side, side), (k, k)
    kernel = torch.arange(1.0, k * k + 1).view(k, k)
    y = torch.arange(1.0, side * side + 1).view(side, side)
    large = upsampled_size(size, kernel_size, stride, padding)
    places = kernel_places(size, kernel_size, stride, padding)
    c = convolution_matrix(kernel, size, stride, padding)
    x = (c.T @ y.flatten()).view(large)
    chosen = None if pixel == EVERY else int(pixel) - 1
    lit_y, lit_c = np.zeros(side * side, bool), np.zeros(c.shape, bool)
    stamp, shown = None, x
    if chosen is not None:
        lit_y[chosen], lit_c[chosen] = True, True
        stamp = places[chosen].view(large).numpy()
        shown = (c[chosen] * y.flatten()[chosen]).view(large)
    show_matrices(
        [
            matrix(y.numpy(), title="y", lit=lit_y.reshape(size), side=CELL),
            matrix(
                kernel.numpy(),
                title="kernel w",
                places=np.arange(k * k).reshape(k, k),
                side=CELL,
            ),
            matrix(
                shown.numpy(),
                title="x = Cᵀy" if stamp is None else f"y<sub>{pixel}</sub> · w, its part of x",
                places=stamp,
                side=CELL,
            ),
        ],
        testid="example-images",
    )
    show_matrices(
        [
            matrix(c.numpy(), title=f"C, {size_text(c.shape)}", places=places.numpy(), lit=lit_c),
            matrix(
                c.T.numpy(),
                title=f"Cᵀ, {size_text(c.T.shape)}",
                places=places.T.numpy(),
                lit=lit_c.T,
            ),
        ],
        testid="example-matrices",
    )
    by_torch = functional.conv_transpose2d(
        y[None, None], kernel[None, None], stride=stride, padding=padding
    )[0, 0]
    apart = float((x - by_torch).abs().max())
    st.markdown(
        f"{side} × {side} → {size_text(large)}: y as a vector, times Cᵀ. The same by "
        f"`torch.nn.functional.conv_transpose2d`: **{apart:g}** apart."
    )
    show_code(
        program(
            "transposed_convolution",
            W=kernel.tolist(),
            Y=y.tolist(),
            SIZE=size,
            STRIDE=stride,
            PADDING=padding,
        )
    )
    explain("layers", "Transposed convolution")


def _number(key: str, label: str, low: int, high: int, default: int) -> int:
    value = number_from_link(key, low, high, default)
    st.number_input(label, low, high, key=key, persist_state="session", width=150)
    return value


show_layers()
show_example()
