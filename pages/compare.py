"""Compare: two models side by side, with the same pointer, the same images, the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.images import test_dataset
from live.models import OpenModel, run_token
from ui.components.address import choice_from_link, linked, show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import InStep, PlaneResult, latent_plane
from ui.frame.card import figures_of
from ui.frame.kinds import about_means, kind_of
from ui.frame.session import current_model, model_ids, open_here, select_model
from ui.frame.sidebar import model_label
from ui.images.pictures import data_note
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import compare_program
from ui.text.show_code import show_code
from ui.training.runs import run_of
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, first_z, parse_z, z_text
from ui.view.stored import latents_of
from vae_core.latent.decoded import decoded
from vae_core.latent.latents import common_rows

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

IMAGES = 10
LAST = "the end"
# What is worth a look together, and at what.
PAIRS = {
    ("mnist-2d", "mnist-2d-ae"): "VAE and autoencoder: nothing holds the codes of an autoencoder "
    "together, so look for holes between them, where no digit comes out.",
    ("mnist-2d", "mnist-pca-2d"): "VAE and PCA: two numbers by a curved and by a flat way.",
    ("mnist-2d", "mnist-2d-gan"): "VAE and GAN: sharper images, but no way back from an image.",
    (
        "mnist-2d",
        "mnist-16d",
    ): "Two dimensions and sixteen: better images, a plane that shows less.",
}

opened = current_model()
ids = model_ids()


def partners() -> list[str]:
    """The models to compare with: first those made for it, then others, itself last."""
    made = [b if a == opened.id else a for a, b in PAIRS if opened.id in (a, b)]
    others = [i for i in ids if i not in made and i != opened.id]
    return [i for i in made if i in ids] + others + [opened.id]


def epochs_of(model_id: str) -> list[str]:
    """The epochs of a run that can be opened, the last first; none of another model."""
    run = run_of(run_token(model_id)) if run_token(model_id) else None
    return [LAST, *map(str, sorted(run.snapshot_epochs(), reverse=True))] if run else []


def choose_other() -> OpenModel:
    """The second model, of a run as it was after an epoch of the visitor's choice."""
    choices = partners()
    other = choice_from_link("other", choices, choices[0])
    st.selectbox(
        "Compare with", choices, format_func=model_label, key="other", persist_state="session"
    )
    if epochs := epochs_of(other):
        epoch = choice_from_link("after", epochs, LAST)
        st.selectbox("After epoch", epochs, key="after", persist_state="session")
        if epoch != LAST:
            return open_here(f"{other}@{epoch}")
    return open_here(other)


def data_of(model: OpenModel) -> tuple[str | None, tuple[int, int, int]]:
    """By what it is told whether two models learned from the same images."""
    return model.config.get("dataset"), model.model.image_shape


def swap() -> None:
    other = st.session_state["other"]
    st.session_state["other"] = opened.id
    select_model(other)


def show_plane(side: str, model: OpenModel, rows: np.ndarray | None) -> None:
    """A model on its plane; released there, z is kept, for both where both have as many numbers."""
    shared = side == "A" or same_space

    def released(shown: PlaneResult) -> None:
        if shared:
            keep_z(shown)
        elif shown.z is not None:
            st.session_state["other_z"] = (b.id, shown.z)

    view = default_plane(model)
    latent_plane(
        model.id,
        key=f"compare-{side}-{model.id}",
        z=current_z(opened) if shared else other_z(),
        plane=view,
        points=plane_points(model, view, rows=rows),
        in_step=InStep(planes="images" if rows is not None else "places"),
        height=360,
        compact=True,
        named="" if side == "A" else "-B",
        on_change=released,
    )
    st.caption(about_means(model, "Means μ of the test images, not samples."))


def linked_text() -> str:
    """What the other plane does while the pointer is on one."""
    if common:
        return (
            "Point at an image on one plane, and the other decodes the same image from its own "
            "mean μ; between images, it shows the same place of its plane."
        )
    if opened.model.latent_dim == b.model.latent_dim == 2:
        return "Point at a place on one plane, and the other decodes the same z."
    return "Point at a place on one plane, and the other shows the same place of its own."


def other_z() -> tuple[float, ...]:
    """Where the cursor of B stands that has a latent space of its own."""
    known, z = st.session_state.setdefault("other_z", (b.id, parse_z(linked("z-B"))))
    return tuple(z) if known == b.id and len(z) == b.model.latent_dim else first_z(b)


def show_images(rows: Sequence[Tensor]) -> None:
    """The same test images, and what comes back of them from either model."""
    encoded = [
        latents_of(m).take(r[:IMAGES].tolist()) for m, r in zip((opened, b), rows, strict=True)
    ]
    images = [decoded(m.model, e.mu) for m, e in zip((opened, b), encoded, strict=True)]
    names = ["A", "B"]
    if (dataset := test_dataset(opened)) is not None:
        images.insert(0, dataset.floats(encoded[0].indices))
        names.insert(0, "x")
    st.subheader("The same images, encoded and decoded")
    image_grid(
        torch.stack(images),
        key="compared",
        testid="compared",
        alt=f"{len(encoded[0])} test images; from above {', '.join(names)}",
        captions=[f"{n}, test image {k}" for n in names for k in encoded[0].indices.tolist()],
        max_tile=92,
    )
    st.caption(f"From above: {', '.join(names)}. A and B are decoded from their means μ.")
    data_note(dataset is not None)


def show_figures() -> None:
    """What each model is and reaches, one beside the other."""
    left, right = dict(figures_of(opened)), dict(figures_of(b))
    for figures, model in ((left, opened), (right, b)):
        figures["objective"] = str(model.config.get("objective", "elbo"))
        if codes := (model.metrics or {}).get("codes"):
            figures["class told by nearest neighbours"] = f"{codes['knn']:.1%}"
    names = list(dict.fromkeys([*left, *right]))
    st.subheader("The same figures")
    st.table(
        {
            "": list(map(plain, names)),
            f"A: {plain(model_label(opened.id))}": [plain(left.get(n, "–")) for n in names],
            f"B: {plain(model_label(b.id))}": [plain(right.get(n, "–")) for n in names],
        }
    )


with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    with st.container(width=240):
        b = choose_other()
    st.button("Swap", icon=":material/swap_horiz:", on_click=swap, disabled=b.id == opened.id)
if text := PAIRS.get((opened.id, b.id)) or PAIRS.get((b.id, opened.id)):
    st.caption(text)
same_space = opened.model.latent_dim == b.model.latent_dim
same_data = data_of(opened) == data_of(b)
common: Sequence[Tensor] = ()
if same_data and opened.latents is not None and b.latents is not None:
    common = common_rows(opened.latents, b.latents)

for column, side, model in zip(st.columns(2, gap="medium"), "AB", (opened, b), strict=True):
    with column.container(key=f"side-{side}"):
        st.markdown(f"**{side}** · {plain(model_label(model.id))} · {kind_of(model)}")
        show_plane(side, model, common["AB".index(side)].numpy() if common else None)
st.caption(linked_text())
if common and len(common[0]):
    show_images(common)
elif not same_data:
    st.info("The two were trained on different data, so they have no test image in common.")
show_figures()
if "@" not in b.id:  # the files of a single epoch are no checkpoint
    show_code("compare", compare_program(opened, b, IMAGES))
explain("compare")
show_in_address(
    "compare",
    other=st.session_state["other"],
    after=st.session_state.get("after") if "@" in b.id else None,
    z=z_text(current_z(opened)),
    **{"z-B": None if same_space else z_text(other_z())},
)
