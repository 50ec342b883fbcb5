"""Where a page's samples are drawn from: the prior, or what was fitted to the encoded data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from live.models import OpenModel
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.numbers import decimal, nats
from ui.view.stored import stored_latents

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.latent.samplers import Sampler

PRIOR, MIXTURE, FLOW = "prior", "mixture", "flow"
COMPONENTS = 10
MAX_COMPONENTS = 100


@dataclass(frozen=True)
class Choice:
    """Whence z is drawn; components: of the mixture."""

    kind: str
    components: int

    @property
    def text(self) -> str:
        """What it is, in words."""
        if self.kind == MIXTURE:
            return f"a mixture of {self.components} Gaussians"
        return "a RealNVP flow"

    def too_few(self, codes: int, d: int) -> str:
        """What is to be said of a fit to so many codes of d dimensions; empty where they do."""
        from vae_core.latent.samplers import CODES_A_DIMENSION

        gaussians = self.components if self.kind == MIXTURE else 1
        wanted = CODES_A_DIMENSION * d * gaussians
        if self.kind == PRIOR or codes >= wanted:
            return ""
        held = "its Gaussians are held wide" if self.kind == MIXTURE else "it is stopped early"
        return (
            f"{codes:,} codes are few for {self.text} in {d} dimensions, which wants {wanted:,}: "
            f"{held}, so that it does not learn each of them by heart."
        )


@st.cache_resource(
    show_spinner="Fitting to the encoded images…",
    max_entries=64,
    hash_funcs={OpenModel: stored_latents},
)
def _fitted(opened: OpenModel, choice: Choice) -> tuple[Sampler, str]:
    """The sampler, and how well it and the prior fit codes that it has not seen, in a sentence."""
    from vae_core.latent.flows import fit_flow
    from vae_core.latent.samplers import NormalSampler, aggregate_draws, fit_mixture, parted
    from vae_core.measures.codes.aggregate_density import held_out_density

    assert opened.latents is not None
    z, held_out = parted(aggregate_draws(opened.latents))
    sampler = fit_mixture(z, choice.components) if choice.kind == MIXTURE else fit_flow(z)
    density, error = held_out_density(sampler, held_out)
    normal, _ = held_out_density(NormalSampler(opened.model.latent_dim), held_out)
    return sampler, (
        f"fitted to {len(z):,} codes of test images. {len(held_out):,} others have a mean log "
        f"density of {nats(density, error)} under it and {decimal(normal)} under "
        "N(0, I): the higher, the nearer to where the encoder puts images"
    )


def choose_sampler(opened: OpenModel) -> Choice:
    """A choice where there are codes to fit to; the prior at first."""
    most = 0 if opened.latents is None else min(MAX_COMPONENTS, len(opened.latents) // 2)
    kinds = [PRIOR]
    kinds += [MIXTURE] if most else []
    kinds += [FLOW] if most and opened.model.latent_dim > 1 else []
    kind = choice_from_link("sampler", kinds, PRIOR)
    components = number_from_link("components", 1, MAX_COMPONENTS, COMPONENTS)
    if most:
        names = {
            PRIOR: prior_name(opened),
            MIXTURE: "a mixture of the encoded data",
            FLOW: "a flow",
        }
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control(
                "Draw z from",
                kinds,
                required=True,
                format_func=names.__getitem__,
                key="sampler",
                persist_state="session",
                wrap=True,
            )
            if kind == MIXTURE:
                st.number_input(
                    "Gaussians K", 1, MAX_COMPONENTS, key="components", persist_state="session",
                    width=140,
                )  # fmt: skip
    show_in_address(
        "sampler",
        sampler=None if kind == PRIOR else kind,
        components=components if kind == MIXTURE and components != COMPONENTS else None,
    )
    choice = Choice(kind, min(components, max(1, most)))
    codes = 0 if opened.latents is None else len(opened.latents)
    if few := choice.too_few(codes, opened.model.latent_dim):
        st.warning(few)
    return choice


def drawn(opened: OpenModel, choice: Choice, n: int, seed: int) -> tuple[Tensor, str]:
    """n images (n, c, h, w) decoded from draws, and a sentence on what they are."""
    from vae_core.latent.decoded import decoded, prior_samples

    if choice.kind == PRIOR:
        _, images = prior_samples(opened.model, n, seed)
        of = ""
        if opened.model.config.prior == "vamp":
            of = f", a mixture of {opened.model.config.pseudo_inputs} learned Gaussians,"
        return images, f"z ~ {prior_name(opened)}{of} with seed {seed}"
    sampler, fit = _fitted(opened, choice)
    images = decoded(opened.model, sampler.sample(n, seed))
    return images, f"z ~ {choice.text} with seed {seed}, {fit}"


def prior_name(opened: OpenModel) -> str:
    """The model's own prior, in a word or two."""
    return "its VampPrior" if opened.model.config.prior == "vamp" else "N(0, I)"
