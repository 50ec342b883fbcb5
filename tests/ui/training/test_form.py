"""What a visitor writes into the form of a training."""

from __future__ import annotations

import pytest

from ui.training.form import layer_widths
from vae_core.errors import ConfigError
from vae_core.training.config import TrainConfig


@pytest.mark.parametrize("text", ["-5", "0, 8", "many", "1.5", "8193", ", ".join(["8"] * 17)])
def test_what_is_no_list_of_layer_widths_is_refused_in_plain_words(text: str):
    with pytest.raises(ConfigError, match="Layer widths are whole numbers from 1 to 8,192"):
        layer_widths(text)


@pytest.mark.parametrize("text", ["", "1", " 8192 , 8,", ", ".join(["8"] * 16)])
def test_layer_widths_go_as_far_as_those_of_a_model(text: str):
    assert TrainConfig(hidden=layer_widths(text)).hidden == layer_widths(text)
