"""Marginal p(x): a mean over z, by draws from the prior and by draws from the encoder's q."""

from __future__ import annotations

import streamlit as st
import torch
from torch import Tensor

from live.models import OpenModel
from ui.components.address import show_in_address
from ui.components.curves import curves
from ui.components.image_grid import image_grid
from ui.figures.marginal import lowest, running_panel, settled_text, show_graphical_model
from ui.frame.kinds import kind_of, name_of, no_likelihood
from ui.frame.session import current_model
from ui.frame.work import working
from ui.images.chosen import choose_image, drawn_class
from ui.images.pictures import data_note
from ui.numbers import decimal
from ui.text.explain import explain
from ui.text.programs import images_of, place_of
from ui.text.show_code import program, show_code
from ui.view.seed import offer_new, seed_in_view
from ui.view.stored import HASHES
from vae_core.measures.likelihood.importance import image_log_weights
from vae_core.measures.likelihood.monte_carlo import SETTLED, prior_log_weights
from vae_core.measures.likelihood.posterior_gap import EXACT_DIM
from vae_core.measures.likelihood.quadrature import posterior_cells
from vae_core.measures.likelihood.reliability import doubt_beside, effective_draws
from vae_core.objectives.terms import importance_bound

RUNS = 5

opened = current_model()
model = opened.model
exact = model.latent_dim <= EXACT_DIM
DRAWS = 4_096 if exact else 2_048  # of a run


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def runs_of(opened: OpenModel, x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Log weights of draws from the prior and of draws from q, (RUNS, DRAWS) each."""
    generator = torch.Generator().manual_seed(seed)
    n = RUNS * DRAWS
    of_prior = prior_log_weights(opened.model, x, samples=n, generator=generator)
    of_q = image_log_weights(opened.model, x, samples=n, generator=generator)
    return of_prior.view(RUNS, DRAWS), of_q.view(RUNS, DRAWS)


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=HASHES)
def exact_log_px(opened: OpenModel, x: Tensor) -> float:
    return float(posterior_cells(opened.model, x).log_px)


def mean_of(log_weights: Tensor) -> float:
    """The logarithm of their mean."""
    return float(importance_bound(log_weights.flatten()[None]))


@st.fragment
def show_draws() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picture = st.container(width=104)
        chosen = choose_image(opened)
        offer_new("draws")
    with picture:
        image_grid(chosen.x[None], key="marginal-x", testid="chosen", alt=chosen.name, labels=["x"])
    data_note(chosen.is_data)
    with working(f"{2 * RUNS * DRAWS:,} draws, decoded") as report:
        of_prior, of_q = runs_of(opened, chosen.x, seed_in_view())
        report(0.8, "log p(x)")
        if exact:
            log_px, name = exact_log_px(opened, chosen.x), "log p(x), exact"
        else:
            by = {"q": of_q, "the prior": of_prior}
            log_px, source = max((mean_of(weights), source) for source, weights in by.items())
            name = f"log p(x), by {of_q.numel():,} draws from {source}"
    low = lowest(of_prior, log_px)
    curves(
        [
            running_panel("z from the prior p(z)", of_prior, log_px, name, low),
            running_panel("z from q(z|x)", of_q, log_px, name, low),
        ],
        key="marginal",
        testid="marginal",
        alt="Running estimates of log p(x) as draws are added.",
        x_range=(1, DRAWS),
        x_name="K",
        log_x=True,
        height=240,
    )
    counted = [sum(float(effective_draws(run)) for run in runs) / RUNS for runs in (of_prior, of_q)]
    st.markdown(
        f"{name} = **{decimal(log_px)}** nats. The middle one of {RUNS} runs stays within "
        f"{SETTLED} nats of it **{settled_text(of_prior, log_px)}** from the prior, "
        f"**{settled_text(of_q, log_px)}** from q. Of {DRAWS:,} draws as many count as "
        f"**{counted[0]:,.1f}** of equal weight from the prior, **{counted[1]:,.0f}** from q."
    )
    if sentence := doubt_beside(of_q.flatten(), log_px, name, exact=exact):
        st.warning(sentence, icon=":material/warning:")
    if not model.likelihood.is_density_of_grey and bool(((chosen.x > 0) & (chosen.x < 1)).any()):
        st.caption(
            "Grey pixels under a Bernoulli likelihood are no likelihood of the data: read "
            "−log p(x|z) as a cross-entropy."
        )
    show_in_address("marginal", image=chosen.row, image_class=drawn_class(), seed=seed_in_view())
    show_model()
    explain("marginal")
    if chosen.is_data and chosen.row is not None:
        index = chosen.row if opened.latents is None else int(opened.latents.indices[chosen.row])
        given = {"CHECKPOINT": place_of(opened), "IMAGE": index, "DRAWS": DRAWS}
        show_code("marginal", program("marginal", [images_of(opened)], **given))


def show_model() -> None:
    st.header("The model, drawn")
    show_graphical_model()
    st.caption("Solid: what generates. Dashed: what infers. The plate: N images, a z for each.")


if lacking := no_likelihood(opened):
    st.info(f"{lacking} So there is no p(x) to estimate.")
    show_model()
    explain("marginal")
elif not model.is_variational:
    st.info(
        f"{name_of(opened)} is a {kind_of(opened)}: it has no density p(x|z) and no q(z|x) to draw "
        "from. Choose a VAE in the sidebar."
    )
    show_model()
    explain("marginal")
else:
    show_draws()
