"""How long a training will take, in the place where the page says so: measured, then kept."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame.work import heavy_work
from vae_core.data.image_dataset import ImageDataset
from vae_core.training.calibration import seconds_per_epoch
from vae_core.training.config import TrainConfig

MEASURING = "Trying a few steps, to see how long it takes…"


def epoch_seconds(
    place: DeltaGenerator, config: TrainConfig, data: ImageDataset, train: int, test: int
) -> float:
    """Seconds that an epoch of `config` takes on this machine, by a few steps on some of `data`.

    One visitor's is measured at a time, whichever server they ask, and `place` says so. It ends
    where its visitor leaves or clicks. TrainingError where the steps fail.
    """
    known = _measured(config, data.image_shape, train, test)
    if not known:
        with heavy_work(lambda _share, text: place.caption(text), "estimate"):
            # Whatever is shown asks first whether the script shall go on.
            seconds = seconds_per_epoch(
                config, data, test, train, on_step=lambda: place.caption(MEASURING)
            )
        known.append(seconds)
    return known[0]


@st.cache_resource(
    show_spinner=False, max_entries=256, hash_funcs={TrainConfig: TrainConfig.to_json}
)
def _measured(
    config: TrainConfig, image_shape: tuple[int, int, int], train: int, test: int
) -> list[float]:
    """Where it is kept once it is known."""
    return []
