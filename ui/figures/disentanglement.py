"""How far single latent dimensions stand for single factors, as the page Factors tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from live.models import OpenModel
from ui.frame.work import working
from ui.kept import Results, results
from ui.view.stored import HASHES, latents_of, stored_latents
from ui.widgets import clicked
from vae_core.errors import DataError
from vae_core.measures.codes.disentanglement import Disentanglement, disentanglement_scores
from vae_core.measures.codes.unsupervised import Independence, independence

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents

SCORES = {
    "mig": "MIG",
    "beta_vae": "BetaVAE",
    "factor_vae": "FactorVAE",
    "sap": "SAP",
    "disentanglement": "DCI disentanglement",
    "completeness": "DCI completeness",
    "informativeness": "DCI informativeness",
    "modularity": "modularity",
}

FEW = 500  # images: of fewer the scores say little
DCI_BY = {
    "boosting": "DCI by gradient boosting.",
    "forest": "DCI by a random forest, quicker than gradient boosting and not the same figures.",
}


def _stored(opened: OpenModel) -> Disentanglement | None:
    """Those that `evaluate` put into the checkpoint; None where it was not asked."""
    stored = (opened.metrics or {}).get("disentanglement")
    return None if stored is None else Disentanglement(**stored)


def _measured(opened: OpenModel, latents: Latents) -> Disentanglement | None:
    """Those that the visitor has had computed; None before the visitor has asked."""
    kept: Results[Disentanglement] = results("scores")
    key = stored_latents(opened)
    place = st.empty()
    if key not in kept and clicked(
        "Compute the scores", place=place, type="primary", icon=":material/play_arrow:"
    ):
        with working("Learning from 5,000 images…", stop=True) as report:
            kept[key] = disentanglement_scores(
                latents,
                train_points=5_000,
                test_points=2_500,
                classifier="forest",
                on_progress=lambda fraction, name: report(fraction, f"{name}…"),
            )
        place.empty()
    return kept.get(key)


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs=HASHES)
def _independence(opened: OpenModel) -> Independence | str:
    """That of the stored codes, or why there is none."""
    try:
        return independence(latents_of(opened))
    except DataError as error:
        return str(error)


def _show_independence(opened: OpenModel) -> None:
    """What the codes alone tell, of any data."""
    found = _independence(opened)
    if isinstance(found, str):
        st.caption(f"Whether the dimensions are independent is not to be told. {found}")
        return
    with st.container(horizontal=True, gap="large"):
        _metric("Total correlation, nats", found.total_correlation, found.total_correlation_se)
        _metric(
            "Mutual information of two, nats", found.mutual_information, found.mutual_information_se
        )
    st.caption(
        f"How much the {found.dimensions} active dimensions of μ share, by no factor; independent "
        "ones share 0. The first sees straight relations alone, the second is the mean over pairs."
    )


def _metric(label: str, value: float, error: float | None) -> None:
    """A figure and below it, in grey, its standard error."""
    margin = None if error is None else f"± {error:.3f}"
    st.metric(label, f"{value:.2f}", margin, delta_color="off", delta_arrow="off", width="content")


def show_scores(opened: OpenModel, latents: Latents) -> None:
    """The scores, where the factors are known and once the visitor has asked."""
    st.header("Disentanglement")
    _show_independence(opened)
    if latents.factors is None:
        st.caption(
            "All other scores compare the codes with the factors that made the images; this data "
            "set's factors are not known. sprites and dSprites have them, and images with a table."
        )
        return
    if latents.factors.shape[1] < 2:
        st.caption("A single factor has no other that a code could be mistaken for.")
        return
    if opened.model.latent_dim < 2:
        st.caption("A single latent dimension has nothing to be disentangled from.")
        return
    scores, stored = _stored(opened), True
    if scores is None:
        scores, stored = _measured(opened, latents), False
    if scores is None:
        st.caption("Eight scores of how far single codes stand for single factors: some seconds.")
        return
    figures = scores.to_json()
    if scores.images < FEW:
        st.warning(
            f"{scores.images:,} images are few for these scores: factors that have nothing to do "
            "with the codes may score as high by chance.",
            icon=":material/warning:",
        )
    with st.container(horizontal=True, gap="large"):
        for name, label in SCORES.items():
            if figures[name] is not None:  # an older evaluation has no BetaVAE score
                _metric(label, figures[name], figures[f"{name}_se"])
    st.caption(
        f"{'Stored with the checkpoint. ' if stored else ''}Of {scores.images:,} images: learned "
        f"from {scores.train_points:,} draws, tested on {scores.test_points:,}. "
        f"{DCI_BY[scores.classifier]} Where each code is one factor, all are 1 but SAP, a gap "
        "between accuracies. DCI can be low beside a high r: it tells continuous factors in "
        f"{scores.bins} classes, for which its trees use every code that helps a little."
    )
