"""What stands under the settings of a training is a model of just such a one, or nothing."""

from __future__ import annotations

import pytest
import streamlit as st

from ui.training.before import trained_before
from ui.training.presets import PRESETS
from vae_core.training.config import TrainConfig
from vae_core.training.presets import preset


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        (PRESETS[0].config, ("digits-2d", 2)),
        (preset("pytorch-example"), ("mnist-16d", 16)),  # of 20 dimensions
        (preset("lecture-autoencoder"), ("mnist-2d-ae", 2)),
        (TrainConfig(beta=20.0), ("", 0)),
        (TrainConfig(objective="autoencoder"), ("", 0)),
        (TrainConfig(dataset="own"), ("", 0)),
    ],
)
def test_a_model_shown_beforehand_has_the_same_data_and_objective(
    session: dict, monkeypatch: pytest.MonkeyPatch, config: TrainConfig, shown: tuple[str, int]
) -> None:
    monkeypatch.setattr(st, "query_params", {})
    assert trained_before(config) == shown
