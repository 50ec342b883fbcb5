"""Compare: two to four models side by side: one pointer, the same images, the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import streamlit as st
import torch

from live.images import test_dataset
from live.models import OpenModel, run_token
from ui.components.action_button import action_button
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
from ui.view.samplers import prior_name
from ui.view.seed import offer_new, seed_in_view
from ui.view.stored import latents_of
from vae_core.latent.decoded import decoded, prior_samples
from vae_core.latent.latents import common_rows

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

IMAGES = 10
SAMPLES = (4, 5)
SIDES = "ABCD"
KEYS = ("other", "third", "fourth")
NOBODY = ""  # no third model, or no fourth
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

# Where two planes side by side would be too small, they stand one below the other.
LAYOUT = """
<style>
[data-testid="stColumn"]:has([class*="st-key-side-"]) { min-width: min(20rem, 100%); }
</style>
"""

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


def choose_more() -> list[OpenModel]:
    """A third model, and then a fourth, where the visitor wants one."""
    found: list[OpenModel] = []
    for key, label in (("third", "And"), ("fourth", "And with")):
        choices = [NOBODY, *partners()]
        chosen = choice_from_link(key, choices, NOBODY)
        with st.container(width=200):
            st.selectbox(
                label,
                choices,
                format_func=lambda i: model_label(i) if i else "–",
                key=key,
                persist_state="session",
            )
        if chosen == NOBODY:
            break
        found.append(open_here(chosen))
    return found


def data_of(model: OpenModel) -> tuple[str | None, tuple[int, int, int]]:
    """By what it is told whether models learned from the same images."""
    return model.config.get("dataset"), model.model.image_shape


def swap() -> None:
    other = st.session_state["other"]
    st.session_state["other"] = opened.id
    select_model(other)


def has_shared_z(model: OpenModel) -> bool:
    """Whether z of the first model is one of this one's, too."""
    return model.model.latent_dim == opened.model.latent_dim


def show_plane(side: str, model: OpenModel, rows: np.ndarray | None) -> None:
    """A model on its plane; released there, z is kept, for all that have as many numbers."""
    shared = has_shared_z(model)

    def released(shown: PlaneResult) -> None:
        if shared:
            keep_z(shown)
        elif shown.z is not None:
            st.session_state[f"z_of_{side}"] = (model.id, shown.z)

    view = default_plane(model)
    latent_plane(
        model.id,
        key=f"compare-{side}-{model.id}",
        z=current_z(opened) if shared else own_z(side, model),
        plane=view,
        points=plane_points(model, view, rows=rows),
        in_step=InStep(planes="images" if rows is not None else "places"),
        height=360,
        compact=True,
        named="" if side == "A" else f"-{side}",
        on_change=released,
    )
    st.caption(about_means(model, "Means μ of the test images, not samples."))


def linked_text() -> str:
    """What the other planes do while the pointer is on one."""
    others, does, its = ("others", "", "their") if len(models) > 2 else ("other", "s", "its")
    if common:
        return (
            f"Point at an image on one plane, and the {others} decode{does} the same image from "
            f"{its} own mean μ; between images, the same place of {its} plane is shown."
        )
    if all(model.model.latent_dim == 2 for model in models):
        return f"Point at a place on one plane, and the {others} decode{does} the same z."
    return (
        f"Point at a place on one plane, and the {others} show{does} the same place of {its} own."
    )


def own_z(side: str, model: OpenModel) -> tuple[float, ...]:
    """Where the cursor of a model stands that has a latent space of its own."""
    known, z = st.session_state.setdefault(f"z_of_{side}", (model.id, parse_z(linked(f"z-{side}"))))
    return tuple(z) if known == model.id and len(z) == model.model.latent_dim else first_z(model)


def show_samples() -> None:
    """Draws from the prior of each, decoded: the same z where they have as many numbers."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Samples from the prior", width="stretch")
        offer_new("samples")
    seed, n = seed_in_view(), SAMPLES[0] * SAMPLES[1]
    for column, side, model in zip(st.columns(len(models)), SIDES, models, strict=False):
        with column:
            if not model.model.has_decoder:
                st.caption(f"{side} has no decoder.")
                continue
            _, images = prior_samples(model.model, n, seed)
            image_grid(
                images.reshape(*SAMPLES, *model.model.image_shape),
                key=f"samples-{side}",
                testid="samples",
                alt=f"{n} images decoded by {side} from z of its prior, seed {seed}",
                max_tile=72,
            )
            st.caption(f"**{side}** · {plain(model_label(model.id))}, z ~ {prior_name(model)}")
    st.caption("Models with as many latent dimensions and the same prior decode the same z.")
    show_in_address("seed", seed=seed or None)


def show_images(rows: Sequence[Tensor]) -> None:
    """The same test images, and what comes back of them from each model."""
    encoded = [latents_of(m).take(r[:IMAGES].tolist()) for m, r in zip(models, rows, strict=True)]
    images = [decoded(m.model, e.mu) for m, e in zip(models, encoded, strict=True)]
    names = list(SIDES[: len(models)])
    if (dataset := test_dataset(opened)) is not None:
        images.insert(0, dataset.floats(encoded[0].indices))
        names.insert(0, "x")
    st.header("The same images, encoded and decoded")
    image_grid(
        torch.stack(images),
        key="compared",
        testid="compared",
        alt=f"{len(encoded[0])} test images; from above {', '.join(names)}",
        captions=[f"{n}, test image {k}" for n in names for k in encoded[0].indices.tolist()],
        max_tile=92,
    )
    st.caption(
        f"From above: {', '.join(names)}. {in_words(SIDES[: len(models)])} are decoded from their "
        "means μ."
    )
    data_note(dataset is not None)


def in_words(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def show_figures() -> None:
    """What each model is and reaches, one beside the other."""
    tables = [dict(figures_of(model)) for model in models]
    for figures, model in zip(tables, models, strict=True):
        figures["objective"] = str(model.config.get("objective", "elbo"))
        if codes := (model.metrics or {}).get("codes"):
            figures["class told by nearest neighbours"] = f"{codes['knn']:.1%}"
    names = list(dict.fromkeys(name for figures in tables for name in figures))
    st.header("The same figures")
    columns = {
        f"{side}: {plain(model_label(model.id))}": [plain(figures.get(n, "–")) for n in names]
        for side, model, figures in zip(SIDES, models, tables, strict=False)
    }
    st.table({"figure": list(map(plain, names)), **columns})


with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    with st.container(width=240):
        b = choose_other()
    models = [opened, b, *choose_more()]
    action_button(
        "Swap",
        key="swap",
        testid="swap",
        icon="swap_horiz",
        on_click=swap,
        disabled=b.id == opened.id,
    )
for first, second in combinations([model.id for model in models], 2):
    if text := PAIRS.get((first, second)) or PAIRS.get((second, first)):
        st.caption(text)
same_data = len({data_of(model) for model in models}) == 1
common: Sequence[Tensor] = ()
if same_data and all(model.latents is not None for model in models):
    common = common_rows(*map(latents_of, models))

st.html(LAYOUT)
for start in range(0, len(models), 2):
    for k, column in enumerate(st.columns(2, gap="medium")[: len(models) - start], start):
        with column.container(key=f"side-{SIDES[k]}"):
            model = models[k]
            st.markdown(f"**{SIDES[k]}** · {plain(model_label(model.id))} · {kind_of(model)}")
            show_plane(SIDES[k], model, common[k].numpy() if common else None)
st.caption(linked_text())
st.fragment(show_samples)()
if common and len(common[0]):
    show_images(common)
elif not same_data:
    number = "two" if len(models) == 2 else len(models)
    st.info(f"The {number} were trained on different data, so they have no test image in common.")
show_figures()
explain("compare")
if not any("@" in model.id for model in models):  # the files of a single epoch are no checkpoint
    show_code("compare", compare_program(models, IMAGES))
show_in_address(
    "compare",
    **{key: st.session_state.get(key) for key in KEYS[: len(models) - 1]},
    **dict.fromkeys(KEYS[len(models) - 1 :]),
    after=st.session_state.get("after") if "@" in b.id else None,
    z=z_text(current_z(opened)),
    **{
        f"z-{SIDES[k]}": None
        if k >= len(models) or has_shared_z(models[k])
        else z_text(own_z(SIDES[k], models[k]))
        for k in range(1, len(SIDES))
    },
)
