"""What the page Anomalies scores: normal images and those that are to be told from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.images import seen_by, test_dataset
from live.models import OpenModel
from ui.view.stored import latents_of, test_rows
from vae_core.checkpoints.card import left_out_class
from vae_core.data.datasets import dataset_available, dataset_names, load_dataset
from vae_core.data.rows import draw_rows
from vae_core.latent.decoded import decoded
from vae_core.measures.anomaly import STRANGERS, strangers

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.latent.latents import Latents


@dataclass(frozen=True)
class Sample:
    """Images x (n, c, h, w) that the scores are of, and how they are called.

    rows (n,): of the stored latents, none for what is not among them. of: how many there are.
    """

    x: Tensor
    name: str
    of: int
    rows: Tensor | None = None

    def caption(self, i: int) -> str:
        return self.name if self.rows is None else f"test image {int(self.rows[i])}"


def kinds_of_anomalies(opened: OpenModel) -> list[str]:
    """Other data sets of the same shape, images made of the model's own, its classes."""
    _, height, width = opened.model.image_shape
    unseen = left_out_class(opened.config)
    return [
        *([] if unseen is None else [f"class {unseen}"]),
        *sets_like(opened.model.image_shape, opened.config.get("dataset") or ""),
        *(kind for kind in STRANGERS if height == width or kind != "quarter turn"),
        *(f"class {name}" for name in opened.config.get("class_names") or [] if name != unseen),
    ]


def class_of(against: str) -> str | None:
    """The class that a kind of anomalies is, if it is one."""
    return against.removeprefix("class ") if against.startswith("class ") else None


@st.cache_data(show_spinner="Looking for other data sets…", max_entries=16)
def sets_like(shape: tuple[int, int, int], own: str) -> list[str]:
    """The data sets at hand whose images have this shape."""
    at_hand = [n for n in dataset_names() if n != own and dataset_available(n, split="test")]
    return [n for n in at_hand if load_dataset(n, "test").image_shape == shape]


def images_at(opened: OpenModel, rows: Tensor) -> Tensor:
    """Test images, or decoded means in their place."""
    dataset = test_dataset(opened)
    if dataset is None:
        assert opened.latents is not None
        return decoded(opened.model, opened.latents.mu[rows])
    return dataset.floats(rows if opened.latents is None else opened.latents.indices[rows])


def normal_latents(opened: OpenModel, against: str) -> Latents:
    """The stored codes of the classes that count as normal."""
    return latents_of(opened).take(test_rows(opened, class_of(against), but=True).tolist())


def samples_of(opened: OpenModel, against: str, most: int) -> tuple[Sample, Sample]:
    """The normal images and the anomalies, so many of each at most."""
    one = class_of(against)
    rows = test_rows(opened, one, but=True)
    some = rows[draw_rows(len(rows), most)]
    normal = Sample(images_at(opened, some), "normal", len(rows), some)
    if one is not None:
        rows = test_rows(opened, one)
        some = rows[draw_rows(len(rows), most)]
        return normal, Sample(images_at(opened, some), against, len(rows), some)
    if against in STRANGERS:
        made = strangers(normal.x, against, torch.Generator().manual_seed(0))
        return normal, Sample(made, against, len(made))
    other = seen_by(opened, load_dataset(against, "test"))
    x = other.floats(draw_rows(len(other), most))
    return normal, Sample(x, against, len(other))
