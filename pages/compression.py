"""Compression: images kept as quantised codes, beside PCA, PNG and JPEG."""

from __future__ import annotations

import math
from typing import NamedTuple

import streamlit as st
import torch

from live.images import seen_by, test_dataset
from live.models import OpenModel, here_name
from ui.components.address import choice_from_link, show_in_address
from ui.components.curves import Line, Panel, curves
from ui.figures.bars import bars
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_codes, no_decoder
from ui.frame.session import current_model
from ui.frame.sidebar import model_label
from ui.frame.work import Report, working
from ui.images.pictures import data_note, image_row
from ui.kept import Results, results
from ui.palette import AMBER, BROWN, GREY, SYMBOL_COLOURS, VIOLET
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import images_of, place_of
from ui.text.show_code import program, show_code
from ui.view.dims import MOST_DIMS, names_of_dims
from ui.view.stored import HASHES, latents_of, stored_latents
from ui.widgets import clicked
from vae_core.latent.decoded import decoded
from vae_core.latent.projections import principal_components
from vae_core.measures.coding import (
    MISSING,
    WORD,
    Lossless,
    has_bits_back,
    has_constriction,
    write_codes,
    written_without_loss,
)
from vae_core.measures.compression import (
    KEPT,
    Coded,
    coded,
    entropy_bits,
    jpeg,
    nearest_in_bits,
    png_bits,
    prior_bits,
    quantise,
    steps,
)
from vae_core.runs.data import run_dataset

JUDGED = 250  # test images that quality is judged by
LEARNED = 10_000  # training images that PCA learns from
COMPONENTS = 64  # of the larger PCA
WRITTEN = 100  # test images that are written without loss
QUALITIES = (2, 5, 10, 20, 35, 50, 65, 80, 90, 95)  # of JPEG

opened = current_model()
if lacking := no_codes(opened) or no_decoder(opened):
    refuse_model(opened, f"{lacking} Without both nothing can be kept in their place.")
    explain("compression")
    st.stop()
model, latents, dataset = opened.model, latents_of(opened), test_dataset(opened)
d = model.latent_dim


class Curves(NamedTuple):
    """name -> results by falling bits; png: its bits."""

    of: dict[str, list[Coded]]
    png: float


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def bits_of(opened: OpenModel, step: float) -> tuple[list[float], float, float | None]:
    """Entropies of the dimensions (d,), all bits under the prior, and bits as they are written."""
    symbols = quantise(latents_of(opened).mu, step)
    written = WORD * len(write_codes(symbols)) / len(symbols) if has_constriction() else None
    return entropy_bits(symbols).tolist(), float(prior_bits(symbols, step).sum()), written


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def lossless(opened: OpenModel) -> Lossless | None:
    """Of the first test images, as the model sees them; None where these are grey."""
    images, rows = test_dataset(opened), latents_of(opened).indices[:WRITTEN]
    return None if images is None else written_without_loss(opened.model, images.floats(rows))


def measured(report: Report) -> Curves:
    """All curves; reports how far they are."""
    assert dataset is not None
    images = dataset.floats(latents.indices[:JUDGED])
    every = dataset.floats(latents.indices)
    train = dataset
    if not here_name(opened.id):
        train = seen_by(opened, run_dataset(opened.path.parent, opened.config["dataset"], "train"))
    components = principal_components(train.floats(slice(0, LEARNED)), max(d, COMPONENTS))
    coefficients = components.encode(every)

    def linear(z: torch.Tensor) -> torch.Tensor:
        return components.decode(z, model.image_shape)

    codes = {this_model(): (latents.mu, lambda z: decoded(model, z))}
    for count in sorted({min(d, coefficients.shape[1]), coefficients.shape[1]}):
        codes[f"PCA, {count} dimensions"] = (coefficients[:, :count], linear)
    found: dict[str, list[Coded]] = {}
    for k, (name, (z, decode)) in enumerate(codes.items()):
        report((k + 1) / (len(codes) + 2), f"{name}…")
        found[name] = [coded(z, decode, images, step) for step in steps(z)]
    report((len(codes) + 1) / (len(codes) + 2), "JPEG and PNG…")
    found["JPEG"] = [jpeg(images, quality) for quality in reversed(QUALITIES)]
    return Curves(found, png_bits(images))


def this_model() -> str:
    return f"{model_label(opened.id)}, {d} dimension{'s' * (d > 1)}"


def show_bits(step: float) -> float:
    """What each dimension costs; returns the bits of an image."""
    by_dimension, under_prior, written = bits_of(opened, step)
    bits = sum(by_dimension)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        st.metric("Bits per image", f"{bits:.1f}", border=True)
        st.caption(
            f"{MISSING}."
            if written is None
            else f"Estimated, by entropy: {bits:.2f}. Coded, by an entropy coder: {written:.2f}."
        )
        raw = 8 * math.prod(model.image_shape)
        under = f" Under the prior it would be {under_prior:.1f}." if model.is_variational else ""
        st.caption(
            f"Uncompressed: {raw:,} bits, {raw / max(bits, 1e-9):,.0f} times as many.{under}"
        )
    most = sorted(range(d), key=by_dimension.__getitem__, reverse=True)[:MOST_DIMS]
    shown = list(range(d)) if d <= MOST_DIMS else most
    if d > MOST_DIMS:
        st.caption(f"{MOST_DIMS} of {d:,} dimensions shown, those of most bits.")
    with right:
        bars(
            [by_dimension[j] for j in shown],
            title="Bits by dimension",
            colour=VIOLET,
            note=f"entropy of round(μ / Δ) over {len(latents):,} test images",
            names=names_of_dims(shown),
        )
    return bits


def show_lossless() -> None:
    """Bits of an image that comes back whole, of a model of black and white pixels."""
    if dataset is None or not has_constriction() or not has_bits_back(model):
        return
    if (found := lossless(opened)) is None:
        return
    st.header("Without loss")
    with st.container(horizontal=True, gap="large"):
        st.metric("By bits back", f"{found.bits:.1f}", width="content")
        st.metric("−ELBO, in bits", f"{found.elbo:.1f}", width="content")
        st.metric("PNG", f"{found.png:.1f}", width="content")
    st.caption(
        f"Bits per image of {min(WRITTEN, len(latents)):,} test images, black and white as the "
        "model learned them, written one after another to be read back to the same pixels. PNG of "
        "one bit a pixel, all on one sheet."
    )


def show_curves(found: Curves, step: float, bits: float) -> None:
    chosen = next(result for result in found.of[this_model()] if result.setting == step)
    colours = dict(
        zip(
            found.of,
            (SYMBOL_COLOURS["mu"], *(AMBER, BROWN)[: len(found.of) - 2], GREY),
            strict=True,
        )
    )
    panels = []
    for title, unit, of in (
        ("PSNR, dB, by log₂ bits", " dB", lambda r: r.psnr),
        ("SSIM, by log₂ bits", "", lambda r: r.ssim),
    ):
        lines = [
            _line(name, [(r.bits, of(r)) for r in results], colours[name])
            for name, results in found.of.items()
        ]
        if model.is_variational:
            under = [(bits_of(opened, r.setting)[1], of(r)) for r in found.of[this_model()]]
            lines.append(_line("coded under the prior", under, SYMBOL_COLOURS["mu"], dashed=True))
        lines.append(_line("chosen", [(chosen.bits, of(chosen))], SYMBOL_COLOURS["z"]))
        panels.append(Panel(title, lines, f"Δ = {step:g}: {of(chosen):.3g}{unit}"))
    results = sorted(found.of[this_model()], key=lambda result: (result.bits, result.psnr))
    settings = [result.setting for result in results if result.bits >= 1]

    def choose(point: int) -> None:
        st.session_state["delta"] = settings[point]

    most = max(point for panel in panels for line in panel.lines for point in line.x)
    curves(
        panels,
        key="rate",
        testid="rate-curves",
        alt="Quality of the image by bits per image.",
        x_range=(0.0, float(math.ceil(most))),
        x_name="log₂",
        unit="",
        height=260,
        pick=this_model(),
        on_pick=choose,
    )
    learned = "of these images" if here_name(opened.id) else "training images"
    st.caption(
        "A click, or Enter, on a point of this model's line sets Δ. "
        f"Quality of {min(JUDGED, len(latents)):,} test images, PSNR of their mean squared error. "
        f"Bits: entropies over {len(latents):,}. PCA learned from {LEARNED:,} {learned} at "
        "most. JPEG holds them on one tall sheet, so that its header of some hundred bytes hardly "
        "counts, and keeps colours at full resolution. PNG, which loses nothing: "
        f"{found.png:,.0f} bits, 2^{math.log2(found.png):.1f}."
    )


def _line(
    name: str, points: list[tuple[float, float]], colour: str, *, dashed: bool = False
) -> Line:
    """Points (bits, quality) over the logarithm of bits, from half a bit on, rising."""
    kept = sorted((math.log2(b), q) for b, q in points if b >= 1 and math.isfinite(q))
    return Line(
        name, [round(x, 4) for x, _ in kept], [round(y, 4) for _, y in kept], colour, dashed
    )


def show_images(rows: dict[str, tuple[str, torch.Tensor]]) -> None:
    """By name a note and images, each name with its own in a row."""
    for k, (name, (note, images)) in enumerate(rows.items()):
        image_row(
            f"**{plain(name)}**  \n{note}",
            images,
            key=f"coded-images-{k}",
            testid="coded-images",
            alt=f"{name} {note}".strip(),
            max_tile=96,
        )


@st.fragment
def explore() -> None:
    options = steps(latents.mu)
    step = choice_from_link("delta", options, options[len(options) // 2])
    st.select_slider(
        "Step Δ of the quantiser", options, key="delta", persist_state="session", width=520
    )
    bits = show_bits(step)
    kept: Results[tuple[dict[str, list[Coded]], float]] = results("rate_curves")
    key = stored_latents(opened)
    rows = {}
    if dataset is not None:
        rows["Original"] = "", dataset.floats(latents.indices[:KEPT])
    z = step * quantise(latents.mu[:KEPT], step).float()
    rows[model_label(opened.id)] = f"{bits:.1f} bits", decoded(model, z)
    if dataset is None:
        st.info(
            "The model's data set is not at hand: there are no images to measure against, and no "
            "PCA, PNG or JPEG of them."
        )
    elif key not in kept:
        place = st.empty()
        if clicked(
            "Measure quality, beside PCA, PNG and JPEG",
            place=place,
            type="primary",
            icon=":material/play_arrow:",
        ):
            with working("Finding principal components…", stop=True) as report:
                curves = measured(report)
            kept[key] = curves.of, curves.png
            place.empty()
    if key in kept:
        for name, other in list(Curves(*kept[key]).of.items())[1:]:
            found = nearest_in_bits(other, bits)
            setting = "quality" if name == "JPEG" else "Δ ="
            rows[name] = f"{found.bits:.1f} bits, {setting} {found.setting:g}", found.images
        show_curves(Curves(*kept[key]), step, bits)
    show_images(rows)
    data_note(dataset is not None)
    if key in kept:
        st.caption("PCA and JPEG: what comes nearest to the model's bits.")
    show_in_address("compression", delta=step)
    show_lossless()
    explain("compression")
    show_code(
        "compression",
        program(
            "compression",
            [images_of(opened)],
            CHECKPOINT=place_of(opened),
            IMAGES=JUDGED,
            STEP=step,
            STEPS=options,
            QUALITIES=QUALITIES,
        ),
    )


if len(latents) < 2 or not bool(latents.mu.std(0).max() > 0):
    refuse_model(opened, "All stored codes are the same; there is nothing to quantise.")
    explain("compression")
else:
    explore()
