"""Settings that suit a visitor's own images: taken where they have chosen none, else offered."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ui.frame import limits
from ui.images.own import OwnImages
from ui.training.presets import PRESETS
from vae_core.training.config import TrainConfig
from vae_core.training.suited import suited

NEXT, TAKEN = "settings-to-take", "settings-taken"


def settings_to_take() -> TrainConfig | None:
    """Those that the form is to show from now on, once."""
    config: TrainConfig | None = st.session_state.pop(NEXT, None)
    return config


def were_taken(config: TrainConfig) -> bool:
    """Whether these settings are those that suited the images, and no choice of the visitor's."""
    return bool(replace(config, seed=0) == st.session_state.get(TAKEN))


def suit(config: TrainConfig, own_images: OwnImages) -> None:
    """Say which settings suit the images; take them where the visitor has not chosen others."""
    seen = own_images.preview
    found = suited(seen.images, seen.n - seen.n_test)
    [own] = [each.config for each in PRESETS if each.config.dataset == config.dataset]
    untouched = (own, replace(PRESETS[0].config, dataset=config.dataset))
    best = replace(found.config, epochs=min(found.config.epochs, limits.MAX_EPOCHS))
    if replace(config, seed=0) != best:
        if were_taken(config) or replace(config, seed=0) in untouched:
            _take(best)
            st.rerun()
        st.button("Take the settings that suit these images", on_click=_take, args=(best,))
    else:
        st.session_state[TAKEN] = best
        st.caption(found.why)
    if found.expect:
        st.caption(f":material/info: {found.expect}")


def _take(best: TrainConfig) -> None:
    st.session_state[NEXT] = st.session_state[TAKEN] = best
