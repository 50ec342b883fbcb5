"""ELBO gap: what stands between the bound and log p(x), for one image of this very model."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from torch import Tensor

from ui.components.address import choice_from_link, linked, number_from_link, show_in_address
from ui.components.curves import curves
from ui.components.image_grid import image_grid
from ui.components.latent_plane import Gaussian, Heat, Overlay, latent_plane
from ui.figures.elbo import (
    density_panel,
    elbo_panel,
    gradient_panels,
    iwae_panel,
    name_of_log_px,
    sum_panel,
)
from ui.figures.reparameterisation import Draw, show_draw
from ui.figures.waterfall import Level, Step, waterfall
from ui.frame.instead import refuse_model
from ui.frame.kinds import kind_of, name_of, no_likelihood
from ui.frame.session import current_model
from ui.frame.work import working
from ui.images.chosen import (
    DRAWN,
    ChosenImage,
    choose_image,
    drawn_class,
    keep_drawing,
    preparation,
)
from ui.images.pictures import data_note
from ui.numbers import decimal
from ui.palette import AMBER, BROWN, GREY, SKY, SYMBOL_COLOURS, VIOLET
from ui.text.contents import contents
from ui.text.explain import explain
from ui.text.programs import elbo_program
from ui.text.show_code import show_code
from ui.view.bounds import (
    DRAWS,
    SAMPLES,
    WEIGHTS,
    cells_of,
    elbos_of,
    gap_of,
    gradients_of,
    log_weights_of,
)
from ui.view.dims import dims_by_use, names_of_dims
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, set_z, z_text
from ui.view.seed import offer_new, seed_in_view
from ui.widgets import clicked
from vae_core.measures.likelihood.posterior_gap import (
    EXACT_DIM,
    DiagonalGaussian,
    Gap,
    posterior_picture,
    window_on,
)
from vae_core.measures.likelihood.quadrature import Cells
from vae_core.measures.likelihood.reliability import doubt, doubt_beside, effective_draws

COUNTS = tuple(2**k for k in range(11))  # K
LOOKS = ("posterior", "whole plane")
PARTS = {  # anchor -> heading
    "gap": "log p(x) = ELBO + gap",
    "estimates": "Two estimates by draws",
    "reparameterisation": "Reparameterisation",
    "minibatch": "A data set from a minibatch",
}
NO_GRADIENTS = (
    "A model from elsewhere that is run by itself has no gradients; as a network of PyTorch it "
    "would have them."
)

opened = current_model()
model = opened.model
exact = model.latent_dim <= EXACT_DIM


@st.fragment
def explore() -> None:
    needs_gradients = ("estimates", "reparameterisation")
    contents({a: h for a, h in PARTS.items() if model.has_gradients or a not in needs_gradients})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        picture = st.container(width=88)  # all in a row beside a lesson on a projector
        chosen = choose_image(opened, drawable=exact)
    look = choice_from_link("look", LOOKS, LOOKS[0])
    with picture:
        image_grid(chosen.x[None], key="chosen-x", testid="chosen", alt=chosen.name, labels=["x"])
    data_note(chosen.is_data)
    with working("Summing over latent space") as report:
        cells = cells_of(opened, chosen.x)
        report(0.5, "Climbing to q*")
        q, best, gap = gap_of(opened, chosen.x, cells)
    show_plane(cells, q, best, look)
    show_bars(gap, chosen.x)
    show_in_address(
        "gap",
        image=chosen.row,
        image_class=drawn_class(),
        source=DRAWN if st.session_state["source"] == DRAWN else None,
        look=LOOKS[1] if model.latent_dim == EXACT_DIM and look == LOOKS[1] else None,
        seed=seed_in_view(),
        z=z_text(current_z(opened)),
    )
    if model.has_gradients:
        show_bounds(chosen.x, gap)
        show_trick(chosen.x, q)
    else:
        st.info(f"{NO_GRADIENTS} So the estimates of the ELBO's own are left out.")
    show_sum()
    explain("elbo")
    show_code_of(chosen)


def show_plane(cells: Cells | None, q: DiagonalGaussian, best: DiagonalGaussian, look: str) -> None:
    """The exact posterior under the encoder's Gaussian and the best one."""
    go_to_mean((opened.id, *q.mu.tolist()))
    plane = default_plane(opened)
    points = plane_points(opened, plane)
    heat, window = None, None
    if cells is not None and model.latent_dim == EXACT_DIM:
        density, extent = posterior_picture(cells)
        heat = Heat(density, extent, SYMBOL_COLOURS["z"], "p(z|x)")
        if look == LOOKS[0]:
            x, y, half = window_on(q, best)
            window, points = (round(x, 3), round(y, 3), round(half, 3)), None
    latent_plane(
        opened.id,
        key=f"elbo-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        points=None if points is None else replace(points, images=False),
        layers=() if window else ("rings",),
        overlay=Overlay(
            heat,
            (
                Gaussian("q", q.mu.tolist(), q.sigma.tolist(), SYMBOL_COLOURS["sigma"]),
                Gaussian("q*", best.mu.tolist(), best.sigma.tolist(), AMBER, dashed=True),
            ),
        ),
        look=window,
        draw=preparation(opened) if st.session_state.get("source") == DRAWN else None,
        height=430,
        on_change=keep_z,
        on_drawing=lambda pixels: keep_drawing(opened, pixels),
    )
    if model.latent_dim == EXACT_DIM:
        st.segmented_control("Look at", LOOKS, required=True, key="look", persist_state="session")
        st.caption(
            "Orange: the exact posterior p(z|x), by quadrature. Green: the encoder's q at 1 and "
            "2 σ. Dashed: q*, the best diagonal Gaussian for this image. The pointer decodes "
            "any z."
        )
    if cells is not None and model.latent_dim == 1:
        z = cells.centres
        curves(
            [density_panel(cells, q, best)],
            key="line",
            testid="posterior-line",
            alt="Densities over the one latent dimension.",
            x_range=(float(z.min()), float(z.max())),
            x_name="z",
            unit="",
        )


def go_to_mean(image: tuple[object, ...]) -> None:
    """Bring the cursor to the mean of an image that is new here, unless a link says where."""
    before = st.session_state.get("z_of_image")
    st.session_state["z_of_image"] = image
    if before != image and (before is not None or not linked("z")):
        set_z(tuple(round(float(value), 3) for value in image[1:]))  # type: ignore[arg-type]


def show_bars(gap: Gap, x: Tensor) -> None:
    st.header(PARTS["gap"], anchor="gap")
    waterfall(
        [
            Level("E<sub>q</sub>[log p(x|z)]", gap.reconstruction, GREY),
            Step("KL(q ‖ p(z))", gap.reconstruction, gap.elbo, VIOLET),
            Level("ELBO(q)", gap.elbo, SKY),
            Step("amortisation gap", gap.elbo, gap.best_elbo, AMBER),
            Step("approximation gap", gap.best_elbo, gap.log_px, BROWN),
            Level(name_of_log_px(gap), gap.log_px, GREY),
        ],
        testid="gap-bars",
        alt=f"ELBO {decimal(gap.elbo)}, log p(x) {decimal(gap.log_px)} nats",
    )
    if gap.kl_to_posterior is None:
        st.info(
            f"With {model.latent_dim} latent dimensions the exact posterior is out of reach: a "
            f"grid of 200 cells a side would have 200^{model.latent_dim} of them. log p(x) is "
            f"importance-sampled instead, by {SAMPLES:,} draws from q, q* and the prior: a lower "
            f"bound in expectation. Their weights count as {gap.effective_draws:,.0f} equal ones: "
            "the fewer, the more is missing from it."
        )
        if sentence := doubt(SAMPLES, gap.effective_draws or 0, gap.pareto_k or 0):
            st.warning(sentence, icon=":material/warning:")
    else:
        total, kl = decimal(gap.elbo + gap.kl_to_posterior), decimal(gap.kl_to_posterior)
        st.markdown(
            f"Check, each term by a quadrature of its own: ELBO + KL(q ‖ p(z|x)) = "
            f"{decimal(gap.elbo)} + {kl} = **{total}**, and log p(x) = **{decimal(gap.log_px)}** "
            f"nats: {abs(gap.apart or 0):.4f} apart."
        )
    if not model.likelihood.is_density_of_grey and bool(((x > 0) & (x < 1)).any()):
        st.caption(
            "Grey pixels under a Bernoulli likelihood are no likelihood of the data: read "
            "−log p(x|z) as a cross-entropy. The equation holds for it all the same."
        )


def show_code_of(chosen: ChosenImage) -> None:
    if not chosen.is_data:
        return  # the decoder's own image: the data set is not at hand
    x: Tensor | int = chosen.x
    if chosen.row is not None:
        x = chosen.row if opened.latents is None else int(opened.latents.indices[chosen.row])
    show_code("elbo", elbo_program(opened, x, SAMPLES))


def show_bounds(x: Tensor, gap: Gap) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(PARTS["estimates"], anchor="estimates", width="stretch")
        offer_new("draws")
    seed = seed_in_view()
    with working(f"{DRAWS:,} draws and their gradients") as report:
        gradients = gradients_of(opened, x, seed)
        report(0.5, f"{WEIGHTS:,} draws and their weights")
        log_weights = log_weights_of(opened, x, seed)
    left, right = st.columns(2)
    with left:
        curves(
            [elbo_panel(gradients.log_px_z, gap)],
            key="elbo-draws",
            testid="elbo-draws",
            alt="The ELBO's Monte Carlo estimate settles as draws are added.",
            x_range=(0, DRAWS),
            x_name="L",
        )
    with right:
        curves(
            [iwae_panel(log_weights, COUNTS, gap)],
            key="iwae",
            testid="iwae",
            alt="The importance-weighted bound rises from the ELBO to log p(x).",
            x_range=(0, len(COUNTS) - 1),
            x_name="log₂ K",
        )
        st.caption(
            f"Of all {len(log_weights):,} draws together as many count as "
            f"{float(effective_draws(log_weights)):,.0f} of equal weight."
        )
        known = "log p(x)" if exact else "those from q, q* and the prior"
        if sentence := doubt_beside(log_weights, gap.log_px, known, exact=exact):
            st.warning(sentence, icon=":material/warning:")


def show_trick(x: Tensor, q: DiagonalGaussian) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(PARTS["reparameterisation"], anchor="reparameterisation", width="stretch")
        number_from_link("eps", 0, DRAWS - 1, default=0)
        if clicked("Draw ε", icon=":material/casino:"):
            st.session_state["eps"] = (st.session_state["eps"] + 1) % DRAWS
    drawn = gradients_of(opened, x, seed_in_view())
    d, k = model.latent_dim, st.session_state["eps"]
    show_in_address("eps", eps=k or None)
    dims = [j for some in dims_by_use(opened) for j in some][:2] if d > 2 else list(range(d))
    show_draw(
        Draw(
            mu=q.mu[dims].tolist(),
            sigma=q.sigma[dims].tolist(),
            eps=drawn.eps[k, dims].tolist(),
            z=drawn.z[k, dims].tolist(),
            log_px_z=float(drawn.log_px_z[k]),
            dz=drawn.dz[k, dims].tolist(),
            dmu=drawn.pathwise[k, dims].tolist(),
            dlogvar=drawn.pathwise[k, [d + j for j in dims]].tolist(),
        )
    )
    if d > 2:
        st.caption(f"{' and '.join(names_of_dims(dims))} of {d} dimensions, those of largest KL.")
    for k, symbol in enumerate(("μ", "log σ²")):
        curves(
            gradient_panels(drawn, symbol, dims),
            key=f"gradients-{k}",
            testid="gradients",
            alt="Running means of the gradient estimates.",
            x_range=(0, DRAWS),
            x_name="draws",
            legend=k == 0,
            height=150,
        )
    st.caption(
        f"Running means of {DRAWS:,} one-draw gradients of E[log p(x|z)]. The notes say how many "
        "times larger the score function's variance is than the pathwise gradient's: so many times "
        "more draws it needs for the same accuracy."
    )


def show_sum() -> None:
    st.header(PARTS["minibatch"], anchor="minibatch")
    with st.spinner("The ELBO of test images…"):
        elbos = elbos_of(opened)
    if elbos is None:
        st.info("The model's data set is not at hand, so there are no images to sum over.")
        return
    n = len(elbos)
    seed = seed_in_view()
    curves(
        [sum_panel(elbos, seed)],
        key="minibatch",
        testid="minibatch",
        alt="The estimate from M of N images approaches the sum over all.",
        x_range=(0, n),
        x_name="M",
        unit="thousand nats",
    )
    st.caption(f"N = {n:,} test images in a random order, one draw of z each.")


def lack() -> str:
    """Why the page has nothing to show of this model; empty where it has."""
    if lacking := no_likelihood(opened):
        return f"{lacking} So there is neither an ELBO nor a gap."
    if not model.is_variational:
        return (
            f"{name_of(opened)} is a {kind_of(opened)}: it has no posterior with a density, "
            "so there is neither an ELBO nor a gap."
        )
    if not (exact or model.has_gradients):
        return f"{NO_GRADIENTS} So q* is not to be found, beside which the gap is told."
    return ""


if lacking := lack():
    refuse_model(opened, lacking)
    explain("elbo")
else:
    explore()
