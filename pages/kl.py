"""KL and β: the divergence between two Gaussians by hand, and what its weight does to a model."""

from __future__ import annotations

import secrets

import streamlit as st
import torch

from ui.components.address import choice_from_link, linked, refuse, show_in_address
from ui.components.curves import curves
from ui.components.image_grid import image_grid
from ui.components.latent_plane.points import dimension_name
from ui.components.two_gaussians import MU, SIGMA, Gaussian, is_gaussian, two_gaussians
from ui.figures.beta import Trained, beta_panels, trained
from ui.numbers import bound_name, decimal, reconstruction_name
from ui.text.explain import explain
from ui.text.programs import training_program
from ui.text.show_code import program, show_code
from ui.view.parts import choose_part

Q, P = (1.5, 0.6), (0.0, 1.0)
PARTS = {"gaussians": "Two Gaussians", "beta": "The weight β"}


@st.fragment
def show_divergence() -> None:
    if not {"q", "p"} <= st.session_state.keys():  # a link says where they begin
        st.session_state["q"], st.session_state["p"] = _linked("q", Q), _linked("p", P)
        st.session_state["gaussians"] = secrets.token_hex(4)  # others than those that were moved
    q, p = two_gaussians(
        st.session_state["q"],
        st.session_state["p"],
        key=f"two-gaussians-{st.session_state['gaussians']}",
    )
    st.session_state["q"], st.session_state["p"] = q, p
    st.caption(
        "Drag the top of a curve to move its mean, its flank to change its width; with Tab and "
        "arrow keys too. Orange counts up, blue down: the areas' sum is the KL, which is 0 only "
        "where both curves are one."
    )
    show_in_address("kl", q=_text(q) if q != Q else None, p=_text(p) if p != P else None)
    explain("kl", "Two Gaussians")
    show_code("kl", program("kl", Q=q, P=p))


@st.fragment
def show_betas() -> None:
    models = {f"{one.beta:g}": one for one in trained()}
    if not models:
        st.info("The models of this slider are not here: `make beta` trains them.")
        return
    chosen = choice_from_link("beta", list(models), "1")
    st.select_slider("β, the weight of the KL", list(models), key="beta", persist_state="session")
    show_in_address("beta", beta=chosen if chosen != "1" else None)
    show_trained(models[chosen], list(models.values()))
    explain("kl", "The weight β")
    show_code("beta", training_program("beta", models[chosen].config))


def show_trained(one: Trained, models: list[Trained]) -> None:
    """The terms of one of the models, its manifold, what comes back of images, and draws."""
    metrics = one.metrics
    over = " and ".join(dimension_name(dim) for dim in one.dims)
    with st.container(horizontal=True, gap="large"):
        for name, value in (
            (reconstruction_name(grey=False), f"{decimal(-metrics['reconstruction'])} nats"),
            ("KL", f"{decimal(metrics['kl'])} nats"),
            (bound_name(grey=False), f"{decimal(-metrics['elbo'])} nats"),
            ("active units", f"{metrics['active_units']} of {len(metrics['kl_per_dim'])}"),
        ):
            st.metric(name, value, width="content")
    image_grid(
        torch.stack([one.x, one.rebuilt, one.samples]),
        key="beta-images",
        testid="beta-images",
        alt=f"Test images, their reconstructions and draws from the prior, beta {one.beta:g}",
        max_tile=58,
    )
    st.caption("From above: test images, what comes back of them, draws from the prior.")
    left, right = st.columns([2, 3], gap="medium")
    with left:
        image_grid(
            one.manifold,
            key="beta-manifold",
            testid="beta-manifold",
            alt=f"Images on a grid over {over}, beta {one.beta:g}",
            gap=4,
            max_height=330,
        )
        st.caption(f"The manifold over {over}, the two that hold the most nats; the others are 0.")
    with right:
        show_curves(models, one)


def show_curves(models: list[Trained], one: Trained) -> None:
    """Both terms and the ELBO of all, over β."""
    curves(
        beta_panels(models, one),
        key="betas",
        testid="betas",
        alt="Both terms of the ELBO by the beta of the training.",
        x_range=(models[0].beta, models[-1].beta),
        x_name="β",
        log_x=True,
        legend=False,
        height=130,
    )


def _linked(name: str, default: Gaussian) -> Gaussian:
    """The Gaussian that the link gives as "mu,sigma", or else the default one."""
    if not (text := linked(name)):
        return default
    try:
        given = tuple(float(part) for part in text.split(","))
    except ValueError:
        given = ()
    if is_gaussian(given):
        return given[0], given[1]
    spans = f"{MU[0]:g} to {MU[1]:g} and a σ from {SIGMA[0]:g} to {SIGMA[1]:g}"
    refuse(name, f"a μ from {spans} are expected; {_text(default)} is shown")
    return default


def _text(gaussian: Gaussian) -> str:
    return ",".join(f"{value:g}" for value in gaussian)


if choose_part(PARTS, "beta" if linked("beta") else "gaussians") == "gaussians":
    show_divergence()
else:
    show_betas()
