"""The means seen on a plane by t-SNE or UMAP: computed when asked to, kept, stopped at will."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.components.address import choice_from_link, number_from_link
from ui.encoded.images import Shown
from ui.frame.work import heavy_work, working
from ui.kept import results
from ui.text.plain import show_error
from ui.widgets import clicked
from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

POINTS = (1_000, 2_000, 5_000, 10_000)
PERPLEXITY, NEIGHBOURS = (2, 200, 30), (2, 200, 15)  # least, most, usual


@dataclass(frozen=True)
class Method:
    """A way to embed codes: its name, its setting, and what is to be said of it."""

    name: str
    key: str  # of the setting, and its name in the address
    setting: str
    span: tuple[int, int, int]
    takes: str
    help: str


TSNE = Method(
    "t-SNE",
    "perplexity",
    "Perplexity",
    PERPLEXITY,
    "2,000 points take about 10 seconds.",
    "About how many neighbours of each point are kept near.",
)
UMAP = Method(
    "UMAP",
    "neighbours",
    "Neighbours",
    NEIGHBOURS,
    "It compiles itself first, for half a minute; 2,000 points then take some "
    "seconds, 10,000 about five times as long.",
    "How many neighbours each point is joined to: few show the fine, many the whole.",
)
METHODS = {method.name: method for method in (TSNE, UMAP)}


def choose_embedding(method: Method, shown: Shown) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and their embedding (n, 2); computed on request, and kept."""
    n = choice_from_link("points", POINTS, default=2_000)
    setting = number_from_link(method.key, *method.span)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Points",
            POINTS,
            format_func="{:,}".format,
            key="points",
            persist_state="session",
            width=120,
        )
        st.number_input(
            method.setting,
            *method.span[:2],
            key=method.key,
            persist_state="session",
            width=140,
            help=method.help,
        )
        place = st.empty()
    if method is UMAP and (missing := _missing()):
        st.info(missing, icon=":material/download:")
        return None
    rows, found = _rows(shown, n), results("embeddings")
    key = _key(method, shown, n, setting)
    whole = len(shown.latents)
    if key not in found:
        if clicked(
            f"Compute {method.name}", place=place, type="primary", icon=":material/play_arrow:"
        ):
            _ask_for(method, n, setting)
        st.info(
            f"{method.name} of {len(rows):,} of {whole:,} means runs when you start it; "
            f"{method.takes}"
        )
        return None
    st.caption(
        f"{len(rows):,} of {whole:,} embedded. Near points are near in latent space; distances "
        "between far clusters say nothing, and no z can be decoded here."
    )
    most = (len(rows) - 1) // 3
    if method is TSNE and setting > most:
        st.caption(f"The perplexity of {len(rows):,} points is {most:,} at most; it was that.")
    embedding, fraction = found[key]
    if fraction < 1:
        st.caption(f"Stopped after {fraction:.0%} of the steps.")
        if clicked("Compute it whole", icon=":material/play_arrow:"):
            _ask_for(method, n, setting)
    return rows, embedding


def compute_asked(shown: Shown) -> None:
    """Compute the embedding that was asked for; a click on the page, on Stop for one, ends it.

    Not in the fragment: a click there would wait for the fragment's end.
    """
    asked = st.session_state.pop("embedding_of", None)
    if asked is None:
        return
    name, n, setting = asked
    method = METHODS[name]
    found, key = results("embeddings"), _key(method, shown, n, setting)
    mu = shown.latents.mu[_rows(shown, n)]
    stop_help = "Keeps what has been reached" if method is TSNE else None
    with working(f"{name} begins…", stop=True, stop_help=stop_help) as report:

        def tell(fraction: float) -> None:
            doing = f"{name}: {fraction:.0%}" if fraction else f"{name} begins…"
            report(fraction, doing)  # ends the run when Stop was pressed

        def reached(fraction: float, embedding: Tensor) -> None:
            found[key] = (embedding.numpy(), fraction)
            tell(fraction)

        try:
            with heavy_work(report):
                found[key] = (_embedded(method, mu, setting, tell, reached).numpy(), 1.0)
        except ConfigError as error:
            show_error(error)


def _embedded(
    method: Method,
    mu: Tensor,
    setting: int,
    tell: Callable[[float], None],
    reached: Callable[[float, Tensor], None],
) -> Tensor:
    from vae_core.latent.projections import tsne_projection
    from vae_core.latent.umap_projection import umap_projection

    if method is TSNE:
        return tsne_projection(mu, perplexity=setting, on_progress=reached)
    embedding = umap_projection(mu, neighbours=setting, on_progress=tell)
    assert embedding is not None  # `tell` ends it by raising alone
    return embedding


def _missing() -> str:
    from vae_core.latent.umap_projection import MISSING, has_umap

    return "" if has_umap() else MISSING


def _rows(shown: Shown, n: int) -> np.ndarray:
    """So many of the means, spread over all."""
    return np.linspace(0, len(shown.latents) - 1, min(n, len(shown.latents))).astype(int)


def _key(method: Method, shown: Shown, n: int, setting: int) -> Hashable:
    """What tells one embedding from all others of this visitor."""
    return method.name, shown.key, n, setting


def _ask_for(method: Method, n: int, setting: int) -> None:
    st.session_state["embedding_of"] = (method.name, n, setting)
    st.rerun()
