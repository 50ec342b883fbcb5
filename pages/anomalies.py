"""Anomalies: which images the model finds strange, and what it makes of noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st
import torch

from live.images import test_dataset
from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.curves import curves
from ui.components.image_grid import image_grid
from ui.figures.anomalies import roc_panel, score_panel
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_decoder, no_encoder
from ui.frame.session import current_model, models_beside
from ui.frame.sidebar import model_label
from ui.frame.work import working
from ui.images.anomalies import (
    Sample,
    class_of,
    images_at,
    kinds_of_anomalies,
    normal_latents,
    samples_of,
)
from ui.images.pictures import data_note, image_row
from ui.kept import Results, results
from ui.numbers import decimal
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import anomalies_program
from ui.text.show_code import show_code
from ui.view.point import current_z, set_z, z_text
from ui.view.stored import HASHES, stored_latents, test_rows
from ui.widgets import clicked
from vae_core.checkpoints.card import left_out_class
from vae_core.data.corruption import corrupt, median_filtered
from vae_core.data.rows import draw_rows
from vae_core.errors import DataError
from vae_core.latent.decoded import rebuilt
from vae_core.measures.anomaly import (
    Auroc,
    anomaly_scores,
    auroc,
    class_gaussians,
    scores_of,
)
from vae_core.measures.image_quality import psnr, ssim

if TYPE_CHECKING:
    from torch import Tensor


IMAGES = 500  # of each kind, at most
DRAWS = 64  # of log p(x)
SHOWN = 10  # images in a row
WIDTHS = 552, 352  # pixels of the histograms and of the ROC: side by side on a wide page
CLEANED = 100  # images over which PSNR and SSIM are means
SCORE_NAMES = {
    "elbo": "−ELBO",
    "log_px": "−log p(x)",
    "reconstruction": "reconstruction",
    "relative": "relative error",
    "smoothed": "smoothed error",
    "latent": "distance",
}
UNITS = {"relative": "%", "smoothed": "%", "latent": "σ"}
NOISES = {
    "Gaussian": ("gaussian", "σ of the noise"),
    "salt and pepper": ("salt-and-pepper", "Share of pixels"),
    "occlusion": ("occlusion", "Side of the square, as a share of the image's"),
}

opened = current_model()
model = opened.model


class Found(NamedTuple):
    """Scores (n,) of normal images and (m,) of anomalies."""

    normal: Tensor
    anomalies: Tensor
    roc: Auroc


@st.fragment
def explore() -> None:
    kinds = kinds_of_anomalies(opened)
    names = [SCORE_NAMES[s] for s in scores_of(model) if s != "latent" or opened.latents]
    against = choice_from_link("against", kinds, kinds[0])
    name = choice_from_link("score", names, names[0])
    with st.container(horizontal=True, gap="medium"):
        st.selectbox("Anomalies", kinds, key="against", persist_state="session", width=190)
        st.segmented_control(
            "Score", names, required=True, key="score", persist_state="session", wrap=True
        )
    score = next(key for key, shown in SCORE_NAMES.items() if shown == name)
    data_note(test_dataset(opened) is not None)
    if class_of(against) and class_of(against) != left_out_class(opened.config):
        st.caption(
            f":material/info: This model has learned from {plain(against)} too, so hardly any "
            "score can part it from the others. **Class left out** among the settings of Train "
            "live makes one that has never seen it."
        )
    if score in ("elbo", "log_px") and (opened.metrics or {}).get("grey_cross_entropy"):
        st.caption(
            f"The pixels are grey and the likelihood is Bernoulli: this {name} is made of a "
            "cross-entropy, and ranks images, but is no likelihood of them."
        )
    normal, anomalies = samples_of(opened, against, IMAGES)
    if min(len(normal.x), len(anomalies.x)) < 2:
        st.info(
            f"{len(normal.x)} normal images and {len(anomalies.x)} of {plain(against)}: a ROC "
            "needs two of each. Choose other anomalies."
        )
    elif (found := scored(score, against, normal, anomalies)) is not None:
        show_curves(found, score, normal, anomalies)
        show_strangest(found, score, normal, anomalies)
    show_in_address("anomalies", against=against, score=name, z=z_text(current_z(opened)))
    denoise()
    explain("anomalies")
    if test_dataset(opened) is not None and opened.latents is not None:
        show_code(
            "anomalies", anomalies_program(opened, against, score, images=IMAGES, draws=DRAWS)
        )


def scored(score: str, against: str, normal: Sample, anomalies: Sample) -> Found | None:
    """The scores, once computed kept; None before the visitor has asked."""
    kept: Results[tuple[Tensor, Tensor, Auroc]] = results("anomalies")
    key = (*stored_latents(opened), score, against)
    if key in kept:
        return Found(*kept[key])
    slow = score == "log_px"
    place = st.empty()
    if slow and not clicked(
        "Sample log p(x)", place=place, type="primary", icon=":material/play_arrow:"
    ):
        st.caption(f"{DRAWS} draws for each of {len(normal.x) + len(anomalies.x):,} images.")
        return None
    x = torch.cat([normal.x, anomalies.x])
    try:
        with working("Scoring images…", stop=slow) as report:
            scores = anomaly_scores(
                model,
                x,
                score,
                generator=torch.Generator().manual_seed(0),
                samples=DRAWS if slow else 1,
                normal=class_gaussians(normal_latents(opened, against))
                if score == "latent"
                else None,
                on_progress=lambda done: report(done, f"Scoring {len(x):,} images…"),
            )
    except DataError as error:  # the rest of the page can be shown
        st.info(plain(str(error)))
        return None
    place.empty()
    of_normal, of_anomalies = scores[: len(normal.x)], scores[len(normal.x) :]
    kept[key] = of_normal, of_anomalies, auroc(of_normal, of_anomalies)
    return Found(*kept[key])


def show_curves(found: Found, score: str, normal: Sample, anomalies: Sample) -> None:
    percent = 100 if UNITS.get(score) == "%" else 1
    panel, x_range = score_panel(percent * found.normal, percent * found.anomalies)
    both = st.container(horizontal=True, gap="medium")  # below one another on a narrow page
    with both.container(width=WIDTHS[0]):
        curves(
            [panel],
            key="scores",
            testid="scores",
            alt=f"Histograms of {SCORE_NAMES[score]}",
            x_range=x_range,
            x_name=UNITS.get(score, "nats"),
            unit="percent",
            height=220,
        )
    with both.container(width=WIDTHS[1], key="wide-roc"):
        curves(
            [roc_panel(found.roc)],
            key="roc",
            testid="roc",
            alt="Receiver operating characteristic",
            x_range=(0, 100),
            x_name="FPR %",
            unit="",
            height=220,
        )
    st.caption(
        f"{len(normal.x):,} of {normal.of:,} test images, {len(anomalies.x):,} of "
        f"{anomalies.of:,} anomalies ({plain(anomalies.name)}). FPR: the share of test images "
        "above the threshold."
    )


def show_strangest(found: Found, score: str, normal: Sample, anomalies: Sample) -> None:
    order = found.normal.argsort()
    show_row("Least strange test images", "least", normal, found.normal, order, score)
    show_row("Strangest test images", "most", normal, found.normal, order.flip(0), score)
    order = found.anomalies.argsort()
    title = f"Anomalies that pass most easily: {anomalies.name}"
    show_row(title, "passing", anomalies, found.anomalies, order, score)
    st.caption("Below each image is its reconstruction. A click brings its z to every other page.")


def show_row(
    title: str, key: str, sample: Sample, scores: Tensor, order: Tensor, score: str
) -> None:
    """The first images in this order over their reconstructions."""
    shown = order[:SHOWN]
    x = sample.x[shown]
    captions = [
        f"{sample.caption(int(i))}: {SCORE_NAMES[score]} {decimal(float(scores[i]))}" for i in shown
    ]

    def select(tile: int) -> None:
        i = int(shown[tile % len(shown)])
        with torch.inference_mode():
            set_z([round(v, 3) for v in model.encode(sample.x[i : i + 1])[0][0].tolist()])
        if sample.rows is not None and opened.latents is not None:
            st.session_state["image"] = int(sample.rows[i])

    st.markdown(f"**{plain(title)}**")
    image_grid(
        torch.stack([x, rebuilt(model, x)]),
        key=f"images-{key}",
        testid=f"images-{key}",
        alt=title,
        captions=[*captions, *(f"reconstruction of {caption}" for caption in captions)],
        labels=[*(figure(float(scores[i])) for i in shown), *[""] * len(shown)],
        max_tile=96,
        selectable=True,
        on_select=select,
    )


def figure(score: float) -> str:
    """A score in few digits."""
    return decimal(score, ".0f" if abs(score) >= 100 else ".1f" if abs(score) >= 1 else ".3f")


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=HASHES)
def noisy(x: Tensor, corruption: str, amount: float) -> Tensor:
    return corrupt(x, torch.Generator().manual_seed(0), corruption=corruption, amount=amount)


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=HASHES)
def cleaned(opened: OpenModel | None, x: Tensor) -> Tensor:
    """What a model makes of images with noise x (n, c, h, w); None: a median filter."""
    return median_filtered(x) if opened is None else rebuilt(opened.model, x)


@st.fragment
def denoise() -> None:
    st.header("Denoising")
    noise = choice_from_link("noise", list(NOISES), "Gaussian")
    corruption, label = NOISES[noise]
    amount = number_from_link("amount", 0.0, 1.0, default=0.3)
    with st.container(horizontal=True, gap="medium"):
        st.segmented_control(
            "Noise", list(NOISES), required=True, key="noise", persist_state="session", wrap=True
        )
        st.slider(label, 0.0, 1.0, step=0.05, key="amount", persist_state="session", width=300)
    rows = test_rows(opened)
    x = images_at(opened, rows[draw_rows(len(rows), CLEANED)])
    with_noise, trained = (
        noisy(x, corruption, amount),
        next(models_beside(opened, "denoising"), None),
    )
    clean = "test images" if test_dataset(opened) is not None else "decoded images"
    shown = {
        clean: x,
        "with noise": with_noise,
        model_label(opened.id): cleaned(opened, with_noise),
    }
    if trained is not None and trained.id != opened.id:
        shown[model_label(trained.id)] = cleaned(trained, with_noise)
    shown["median, 3 × 3"] = cleaned(None, with_noise)
    for k, (name, images) in enumerate(shown.items()):
        image_row(
            f"**{plain(name)}**" + (quality(images, x) if k else ""),
            images[:SHOWN],
            key=f"noise-images-{k}",
            testid=f"noise-images-{k}",
            alt=name,
            max_tile=96,
        )
    st.caption(f"{SHOWN} of {len(x)} images; PSNR and SSIM are means over all of these.")
    if trained is None:
        st.caption(
            "This model was never shown noise. To compare: choose the objective *denoising* on "
            "the page Train live, for the same data."
        )
    else:
        own = trained.config["training"].get("objective_settings", {})
        known = {"corruption", "amount"} <= own.keys()
        noise_of = f"{own['corruption']} noise of {own['amount']}" if known else "noise"
        st.caption(
            f"{plain(model_label(trained.id))} is a denoising autoencoder: it learned from images "
            f"with {plain(noise_of)} to rebuild the clean ones."
        )
    show_in_address("denoising", noise=noise, amount=amount)


def quality(images: Tensor, references: Tensor) -> str:
    decibels = float(psnr(images, references).mean())
    shown = "∞" if math.isinf(decibels) else decimal(decibels, ".1f")
    return f"  \nPSNR {shown} dB · SSIM {decimal(float(ssim(images, references).mean()))}"


if lacking := no_encoder(opened) or no_decoder(opened):
    refuse_model(
        opened, f"{lacking} So no image has a score, and none can be rebuilt without its noise."
    )
    explain("anomalies")
elif opened.latents is None and test_dataset(opened) is None:
    st.info(f"{plain(opened.id)} has no stored latents and its data are not at hand.")
    explain("anomalies")
else:
    explore()
