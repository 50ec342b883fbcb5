"""Clusters: what k-means and Gaussian mixtures find among the codes, beside the classes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.images import test_dataset
from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import latent_plane
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_codes
from ui.frame.session import current_model
from ui.frame.work import working
from ui.images.pictures import data_note, paired, pixels_fit
from ui.numbers import decimal
from ui.text.explain import explain
from ui.text.plain import cell
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, z_text
from ui.view.stored import HASHES, latents_of
from ui.widgets import set_widget
from vae_core.latent.decoded import decoded
from vae_core.latent.projections import principal_components
from vae_core.measures.codes.clusters import (
    METHODS,
    agreement,
    cluster_means,
    numbered,
)

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.data.image_dataset import ImageDataset

AT_ONCE = 100  # images
MAX_CLUSTERS = 40
SHOWN = {"clusters": "Clusters", "classes": "Classes"}
FIGURES = {
    "adjusted_rand": "adjusted Rand",
    "adjusted_information": "AMI",
    "normalised_information": "NMI",
    "purity": "purity",
}

opened = current_model()
if lacking := no_codes(opened):
    refuse_model(opened, f"{lacking} Without codes there is nothing to cluster.")
    explain("clusters")
    st.stop()
latents = latents_of(opened)
class_names: list[str] = opened.config.get("class_names") or []


@st.cache_resource(show_spinner="Looking for clusters…", max_entries=32, hash_funcs=HASHES)
def clusters_of(opened: OpenModel, method: str, k: int) -> Tensor:
    stored = latents_of(opened)
    return numbered(METHODS[method](stored.mu, k), stored.labels)


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs=HASHES)
def different_codes(opened: OpenModel) -> int:
    return len(latents_of(opened).mu.unique(dim=0))


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=HASHES)
def other_codes(opened: OpenModel) -> dict[str, Tensor]:
    """As many principal components of the images as mu has dimensions, and their pixels."""
    dataset = test_dataset(opened)
    if dataset is None or not pixels_fit(len(latents), dataset.image_shape):
        return {}
    stored = latents_of(opened)
    pixels = dataset.floats(stored.indices).flatten(1)
    return {
        "PCA": principal_components(pixels, stored.mu.shape[1]).encode(pixels),
        "pixels": pixels,
    }


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def figures_of(opened: OpenModel, code: str, method: str, k: int) -> dict[str, float]:
    stored = latents_of(opened)
    assert stored.labels is not None
    if code == "μ":
        found = clusters_of(opened, method, k)
    else:
        found = METHODS[method](other_codes(opened)[code], k)
    return asdict(agreement(found, stored.labels))


@st.fragment
def explore() -> None:
    method, k = choose()
    clusters = clusters_of(opened, method, k)
    show_plane(clusters)
    show_means(clusters)
    show_agreement(method, k)
    show_members(clusters)
    show_in_address(
        "clusters",
        clustering=method,
        clusters=k,
        shown=None if st.session_state["shown"] == "clusters" else st.session_state["shown"],
        z=z_text(current_z(opened)),
    )
    explain("clusters")
    show_code("clusters", program("clusters", [method], CHECKPOINT=place_of(opened), K=k))


def choose() -> tuple[str, int]:
    """The row of controls: the method and how many clusters."""
    most = max(2, min(MAX_CLUSTERS, different_codes(opened)))  # one alone: k-means says so
    methods = list(METHODS)
    choice_from_link("clustering", methods, methods[0])
    number_from_link("clusters", 2, MAX_CLUSTERS, default=min(len(class_names) or 10, MAX_CLUSTERS))
    set_widget("clusters", min(st.session_state["clusters"], most))
    choice_from_link("shown", list(SHOWN), "clusters")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.segmented_control(
            "Method", methods, required=True, key="clustering", persist_state="session"
        )
        if most > 2:
            st.slider("Clusters k", 2, most, key="clusters", persist_state="session", width=280)
        if latents.labels is not None:
            st.segmented_control(
                "Colours",
                list(SHOWN),
                required=True,
                format_func=SHOWN.__getitem__,
                key="shown",
                persist_state="session",
            )
    return st.session_state["clustering"], st.session_state["clusters"]


def show_plane(clusters: Tensor) -> None:
    plane = default_plane(opened)
    points = plane_points(opened, plane)
    if points is not None and (latents.labels is None or st.session_state["shown"] == "clusters"):
        points = replace(
            points,
            category=clusters.numpy(),
            names=tuple(f"cluster {j + 1}" for j in range(int(clusters.max()) + 1)),
            value=None,
        )
    latent_plane(
        opened.id,
        key=f"clusters-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        points=points,
        height=400,
        on_change=keep_z,
    )
    d = opened.model.latent_dim
    seen = " They are found in all of them and seen along the two main axes." if d > 2 else ""
    st.caption(
        f"{len(latents):,} means μ of {d:,} dimension{'s' * (d > 1)}, clustered without a look at "
        f"the classes.{seen}"
    )


def show_agreement(method: str, k: int) -> None:
    """How far clusters of mu, of principal components and of pixels agree with the classes."""
    st.header("Clusters and classes")
    if latents.labels is None:
        st.caption("The data have no classes that clusters could agree with.")
        return
    rows = ["| codes | " + " | ".join(FIGURES.values()) + " |", "|---|" + "--:|" * len(FIGURES)]
    with working("Clusters of μ…") as report:
        others = other_codes(opened)
        codes = ["μ", *(["PCA"] if others else [])]
        if others and method == "k-means":
            codes.append("pixels")
        for done, code in enumerate(codes):
            report(done / len(codes), f"Clusters of {code}…")
            found = figures_of(opened, code, method, k)
            rows.append(
                f"| {code} | " + " | ".join(decimal(found[name], ".3f") for name in FIGURES) + " |"
            )
    st.markdown("\n".join(rows))
    d = opened.model.latent_dim
    notes = (
        "1: the clusters are the classes. The adjusted Rand index and the adjusted mutual "
        "information (AMI) are 0 by chance; normalised information (NMI) and purity grow with k."
    )
    if others:
        notes += f" PCA: {d} component{'s' * (d > 1)} of the images."
    else:
        notes += " PCA and pixels need the data set, which is not at hand or too large."
    if others and method != "k-means":
        p = others["pixels"].shape[1]
        notes += (
            f" Pixels are left out: a Gaussian over {p:,} has {p * (p + 1) // 2:,} covariances, "
            "more than the images can tell."
        )
    st.caption(notes)


def show_means(clusters: Tensor) -> None:
    """The decoder's image of each cluster's mean code, over the mean of its images."""
    held = clusters.unique().tolist()
    images = decoded(opened.model, cluster_means(latents.mu, clusters)[held])
    dataset = test_dataset(opened)
    title, about = "The mean of each cluster, decoded", "The decoder's image of the mean μ of each"
    if not opened.model.has_decoder:
        title, about = (
            "The middle of each cluster",
            "The image of the code nearest to the mean of each",
        )
    below = ""
    if dataset is not None:
        means = torch.stack([mean_image(dataset, clusters == j) for j in held])
        images = paired(images, means)
        below = " Below it: the mean of the same images' pixels."
    st.header(title)
    names = [composition(clusters, j) for j in held]
    image_grid(
        images[None],
        key="means",
        testid="cluster-means",
        alt=f"The decoded means of {len(held)} clusters",
        captions=[f"cluster {j + 1}: {text}" for j, (text, _) in zip(held, names, strict=True)],
        labels=[label for _, label in names],
        gap=12,
        min_tile=52,
        max_tile=88,
    )
    st.caption(f"{about} cluster.{below}")
    data_note(dataset is not None or not opened.model.has_decoder)


def mean_image(dataset: ImageDataset, inside: Tensor) -> Tensor:
    """Of the images of one cluster, (c, h, w): a few at a time, as they may be large."""
    indices = latents.indices[inside]
    total = sum(dataset.floats(part).sum(0) for part in indices.split(AT_ONCE))
    return torch.as_tensor(total) / len(indices)


def composition(clusters: Tensor, j: int) -> tuple[str, str]:
    """What cluster j has, in words and in short: how many images, most of them of which class."""
    inside = clusters == j
    images = f"{int(inside.sum()):,} images"
    if latents.labels is None:
        return images, f"{int(inside.sum()):,}"
    counts = latents.labels[inside].bincount()
    most = int(counts.argmax())
    name = class_names[most] if class_names else str(most)
    share = f"{float(100 * counts[most] / counts.sum()):.0f}%"
    return f"{images}, {share} {name}", f"{name[:8]}: {share}"


def show_members(clusters: Tensor) -> None:
    """How many images of each class each cluster has."""
    if latents.labels is None:
        return
    classes = int(latents.labels.max()) + 1
    names = class_names or [str(c) for c in range(classes)]
    table = (clusters * classes + latents.labels).bincount(
        minlength=(int(clusters.max()) + 1) * classes
    )
    with st.expander("Clusters by class", icon=":material/table:"):
        st.dataframe(
            [
                {"cluster": j + 1, **dict(zip(map(cell, names), counts, strict=False))}
                for j, counts in enumerate(table.reshape(-1, classes).tolist())
            ],
            hide_index=True,
        )


explore()
