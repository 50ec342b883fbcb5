"""Of which images the means are shown: those of the test, those learned from, or both.

The former are stored with the model; the latter are encoded when asked to, where they are at hand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from live.images import TRAINING, training_dataset
from live.models import OpenModel
from ui.components.address import choice_from_link
from ui.frame.work import heavy_work, working
from ui.view.stored import latents_of, stored_latents
from ui.widgets import clicked

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents

TEST, TRAIN, BOTH = "test", "training", "both"
MOST = 10_000  # training images that are encoded
KEPT = 4  # models whose training images are kept encoded
_encoded: OrderedDict[Hashable, Latents] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Shown:
    """Means with their images.

    opened: the model, with `latents` for its stored ones; ids (n,): by which `live` knows each
    image; training (n,) bool: whether it was learned from, None where all are of the test.
    """

    opened: OpenModel
    which: str
    latents: Latents
    ids: np.ndarray
    training: np.ndarray | None = None

    @property
    def key(self) -> Hashable:
        """What tells them from others."""
        return stored_latents(self.opened), self.which

    @property
    def splits(self) -> np.ndarray:
        """ "test" or "training" of each, (n,)."""
        n = len(self.latents)
        return np.full(n, TEST) if self.training is None else np.where(self.training, TRAIN, TEST)


def image_choice() -> str:
    """Which images are to be shown."""
    return choice_from_link("of", (TEST, TRAIN, BOTH), TEST)


def choose_images() -> None:
    """A row of buttons for that."""
    st.segmented_control(
        "Images", (TEST, TRAIN, BOTH), required=True, key="of", persist_state="session",
        help="Training images are encoded when you ask for them, where they are at hand.",
    )  # fmt: skip


def shown_images(opened: OpenModel, which: str) -> Shown:
    """The means of the images chosen; of the test where the others are not encoded yet."""
    stored = latents_of(opened)
    of_test = Shown(opened, TEST, stored, np.arange(len(stored)))
    learned = _encoded.get(_key(opened))
    if which == TEST or learned is None:
        return of_test
    ids = TRAINING + learned.indices.numpy()
    if which == TRAIN:
        latents, training = learned, np.ones(len(learned), bool)
    else:
        latents = stored.joined(learned)
        ids = np.concatenate([of_test.ids, ids])
        training = np.arange(len(latents)) >= len(stored)
    return Shown(replace(opened, latents=latents), which, latents, ids, training)


def offer_to_encode(opened: OpenModel, which: str) -> None:
    """Where training images are asked for that are not encoded: a button, or why there is none."""
    if which == TEST:
        return
    if (learned := _encoded.get(_key(opened))) is not None:
        dataset = training_dataset(opened)
        if dataset is not None and len(learned) < len(dataset):
            st.caption(f"{len(learned):,} of {len(dataset):,} training images, spread over all.")
        return
    dataset = training_dataset(opened)
    if dataset is None:
        st.info("The training images are not at hand; the means of the test images are shown.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        n = min(MOST, len(dataset))
        st.caption(f"{n:,} of {len(dataset):,} training images are encoded when you ask for it.")
        if clicked("Encode them", type="primary", icon=":material/play_arrow:"):
            st.session_state["encode_of"] = opened.id
            st.rerun()


def encode_asked(opened: OpenModel) -> None:
    """Encode the training images where that was asked for; any click ends it."""
    from vae_core.latent.latents import encode_dataset

    dataset = None
    if st.session_state.pop("encode_of", None) == opened.id:
        dataset = training_dataset(opened)
    if dataset is None:
        return
    import torch

    rows = torch.linspace(0, len(dataset) - 1, min(MOST, len(dataset))).long()
    text = f"Encoding {len(rows):,} training images…"
    with working(text, stop=True) as report, heavy_work(report):
        _encoded[_key(opened)] = encode_dataset(
            opened.model, dataset, rows, on_progress=lambda share: report(share, text)
        )
    while len(_encoded) > KEPT:
        _encoded.popitem(last=False)


def _key(opened: OpenModel) -> Hashable:
    return stored_latents(opened)
