"""A classifier seen through the plane: what it learned from labels, and the way out of a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.blobs import publish
from live.models import OpenModel
from live.weights.classifier import CODES, IMAGES, packed, pixels_of
from ui.components.image_grid import image_grid
from ui.components.latent_plane.means import class_names
from ui.text.plain import plain
from ui.view.planes import default_plane
from ui.view.stored import HASHES, latents_of
from vae_core.latent.decoded import decoded
from vae_core.measures.codes.regions import (
    Counterfactual,
    LinearClassifier,
    Tells,
    fit_linear,
    nearest_on_plane,
    nearest_other,
    of_images,
)

if TYPE_CHECKING:
    from torch import Tensor

BY = {CODES: "code", IMAGES: "image"}
FRAMES, BEYOND = 9, 1.5  # of the way to another class, and how far beyond the border it goes on
LEAST_FAR = 3.0  # standard deviations of the prior: half as far as a border is looked for


@dataclass(frozen=True, eq=False)
class Learned:
    """classifier: of codes or of images, as `by` has it; real: whether these images are data."""

    classifier: LinearClassifier
    by: str
    real: bool

    @property
    def published(self) -> dict[str, str]:
        """As `latent_plane` takes its `classifiers`."""
        return {self.by: publish(packed(self.classifier, real=self.real))}

    def tells(self, opened: OpenModel) -> Tells:
        if self.by == CODES:
            return self.classifier.log_probs
        return of_images(opened.model, self.classifier)


@dataclass(frozen=True, eq=False)
class WayOut:
    """From a z to the nearest of another class and beyond: z (FRAMES, d), their images, and below
    each the class told there and its probability."""

    other: Counterfactual
    z: Tensor
    images: Tensor
    texts: list[str]


@st.cache_resource(show_spinner="Learning from the labels…", max_entries=32, hash_funcs=HASHES)
def learned_from(opened: OpenModel, rows: tuple[int, ...], by: str) -> Learned | None:
    """Logistic regression of the stored latents' rows; None where all are of one class."""
    latents, some = latents_of(opened), torch.tensor(rows)
    assert latents.labels is not None
    if len(latents.labels[some].unique()) < 2:
        return None
    x, real = (latents.mu[some], True) if by == CODES else pixels_of(opened, some)
    return Learned(fit_linear(x, latents.labels[some]), by, real)


@st.cache_resource(
    show_spinner="Looking for the nearest border…", max_entries=64, hash_funcs=HASHES
)
def way_out(
    opened: OpenModel, rows: tuple[int, ...], by: str, z: tuple[float, ...]
) -> WayOut | None:
    """By what was learned from `rows`; None where no other class is met."""
    learned = learned_from(opened, rows, by)
    if learned is None:
        return None
    start, tells, labels = torch.tensor(z), learned.tells(opened), learned.classifier.labels
    other = (
        nearest_other(learned.classifier, start) if by == CODES else _on_plane(opened, learned, z)
    )
    if other is None:
        return None
    way = start + torch.linspace(0, BEYOND, FRAMES)[:, None] * (other.z - start)
    told, names = tells(way).exp().max(1), class_names(opened)
    texts = [
        f"{names[k][:9]} {share:.0%}"
        for k, share in zip(labels[told.indices].tolist(), told.values.tolist(), strict=True)
    ]
    return WayOut(other, way, decoded(opened.model, way), texts)


def _on_plane(opened: OpenModel, learned: Learned, z: tuple[float, ...]) -> Counterfactual | None:
    plane = default_plane(opened)
    far = max(LEAST_FAR, float(abs(plane.project(latents_of(opened).mu.numpy())).max()))
    axes = torch.tensor(plane.axes, dtype=torch.float32)
    tells, labels = learned.tells(opened), learned.classifier.labels
    return nearest_on_plane(tells, labels, torch.tensor(z), axes, most=2 * far)


def show_way_out(opened: OpenModel, learned: Learned | None, way: WayOut | None) -> None:
    """What would have to change for another class to be told, as images."""
    if learned is None:
        st.caption("All labels are of one class: there are no regions.")
        return
    x = "μ" if learned.by == CODES else "the pixels" if learned.real else "what is decoded from μ"
    about = (
        f"Regions: logistic regression of {x} of the {learned.classifier.images:,} labelled "
        "images. Entropy, a layer too, shows where it is in doubt."
    )
    if way is None:
        st.caption(f"{about} No other class than that of z is told anywhere along the plane.")
        return
    st.header("From z to the nearest z of another class")
    image_grid(
        way.images[None],
        key="way-out",
        testid="way-out",
        alt=f"{FRAMES} images decoded from z across the nearest border and beyond",
        labels=way.texts,
        captions=[
            f"{text}, {float((z - way.z[0]).norm()):.2f} from z"
            for text, z in zip(way.texts, way.z, strict=True)
        ],
        min_tile=88 if max(map(len, way.texts)) > 8 else 64,
        max_tile=104,
        gap=6,
    )
    d = opened.model.latent_dim
    where = f"In all {d} dimensions" if d > 2 else "In latent space"
    where = "Along the plane" if learned.by == IMAGES else where
    name = class_names(opened)[way.other.label]
    st.caption(
        f"{where}, the border to **{plain(name)}** is {way.other.distance:.2f} away; the last "
        f"images lie beyond it. Below each: the class that its {BY[learned.by]} is told to be, and "
        f"how likely. {about}"
    )
