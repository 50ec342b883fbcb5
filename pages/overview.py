"""Overview: the model at work, and the way to every other page."""

from __future__ import annotations

import streamlit as st

from live.models import here_name
from ui.components.address import show_in_address
from ui.components.image_grid import image_grid
from ui.components.latent_plane import latent_plane
from ui.frame.kinds import about_means
from ui.frame.navigation import SECTIONS, page_path
from ui.frame.session import current_model
from ui.text.explain import explain
from ui.text.programs import place_of
from ui.text.show_code import program, show_code
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, z_text
from ui.view.samplers import PRIOR, choose_sampler, drawn
from ui.view.seed import offer_new, seed_in_view

SAMPLES = (2, 12)
CARDS = """
<style>
.st-key-cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }
.st-key-cards a { align-items: start; height: 100%; }
.st-key-cards a p { white-space: normal; }
@media print { .st-key-guide { display: none; } }
</style>
"""
GUIDE = {
    "encoded": "Where the encoder puts every test image; select some and look at them.",
    "decode": "A slider for every latent dimension, and the image it makes.",
    "manifold": "The images on a grid over the prior: what the decoder has learned.",
    "interpolate": "The way from one image to another through latent space.",
    "lessons": "Lessons beside the pages, step by step: what to look at, and questions.",
    "train": "Train a model of your own and watch its latent space sort itself out.",
    "runs": "All your trainings and their curves, beside and over one another.",
    "marginal": "Why p(x) is hard: a mean over z by draws from the prior, and from the encoder.",
    "elbo": "What lies between the ELBO and log p(x), computed for an image of your choice.",
    "kl": "Two Gaussians and the KL between them by hand; what β does, from 0.25 to 20.",
    "factors": "A card for every latent dimension: what it changes, and what it goes with.",
    "geometry": "Distances measured by images: magnification, principal directions, geodesics.",
    "compare": "Two to four models side by side, under one pointer: VAE, autoencoder, PCA, GAN.",
    "layers": "The decoder layer by layer; the transposed convolution as a matrix.",
    "density": "Where the data lie in latent space, and where the prior has mass and they do not.",
    "anomalies": "Which images the model finds strange; noise, and what takes it away.",
    "compression": "Images kept as quantised codes: bits against quality, beside PNG and JPEG.",
    "labels": "How well classes are told when few images are labelled.",
    "clusters": "What clustering finds in latent space, beside the classes.",
}
TITLES = {file: title for pages in SECTIONS.values() for file, title, *_ in pages}

opened = current_model()
model = opened.model

posterior, likelihood = " **q(z|x)**", " **p(x|z)**"
if not model.is_variational:
    posterior = likelihood = ""
if not model.has_decoder:
    st.markdown("latent plane **z** → the nearest code → its image. Move over the plane.")
elif model.has_encoder:
    st.markdown(
        f"data **x** → encoder{posterior} → latent plane **z** → decoder{likelihood} → image. "
        "Move over the plane: the decoder follows."
    )
else:
    st.markdown("latent plane **z** → generator → image. Move over it: the generator follows.")


@st.fragment
def plane() -> None:
    view = default_plane(opened)
    shown = latent_plane(
        opened.id,
        key=f"overview-plane-{opened.id}",
        z=current_z(opened),
        plane=view,
        points=plane_points(opened, view),
        height=460,
    )
    keep_z(shown)
    what = "Points are the means μ of the test images, not samples."
    if not model.has_decoder and not model.has_encoder:
        what = "Points are the codes that were given."
    means = about_means(opened, what)
    if not here_name(opened.id) and model.has_encoder and opened.latents is None:
        means = "The checkpoint holds no means of test images."
    st.caption(f"{means} Rings: prior, 1 and 2 σ.")
    show_in_address("z", z=z_text(current_z(opened)))


@st.fragment
def samples() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Samples", width="stretch")
        offer_new("samples")
    seed = seed_in_view()
    choice = choose_sampler(opened)
    images, text = drawn(opened, choice, SAMPLES[0] * SAMPLES[1], seed)
    image_grid(
        images.reshape(*SAMPLES, *model.image_shape),
        key="samples",
        testid="samples",
        alt=f"{SAMPLES[0] * SAMPLES[1]} images decoded from random z, seed {seed}",
    )
    image = "the decoder's mean" if model.has_encoder else "what the generator makes of it"
    st.caption(f"{text}. Each image is {image}.")
    show_in_address("seed", seed=seed)
    show_guide()
    explain("overview")
    if choice.kind == PRIOR:
        rows, columns = SAMPLES
        place = place_of(opened)
        code = program("overview", CHECKPOINT=place, SEED=seed, ROWS=rows, COLUMNS=columns)
        show_code("overview", code)


def show_guide() -> None:
    st.html(CARDS)
    with st.container(key="guide"):
        st.header("What each page is for")
    with st.container(key="cards"):
        for file, text in GUIDE.items():  # an element each: there are many to draw
            st.page_link(page_path(file), label=f"**{TITLES[file]}** · {text}")


plane()
if model.has_decoder:
    samples()
else:
    show_guide()
    explain("overview")
